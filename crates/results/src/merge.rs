//! One run out of the parts that several drivers made of it at once.

mod cell;
mod error;
mod facts;
mod machine;
mod number;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::run::{Invalid, Run, RunResult, Skipped, sha256_hex};
use crate::shard::{MergedFrom, Shard};

pub use error::{Difference, MergeError};

/// Milliseconds between the first and the last part's beginning above which
/// the merged run warns: the union of the parts' schedules is then not the one
/// schedule that they were cut from.
const START_SKEW_BUDGET_MS: u64 = 100;

/// The run of which `parts` are the shards, in any order.
///
/// Histograms are added exactly; counts and offered rates add up; costs per
/// request are means over the requests of all parts; blocks stand together in
/// the order of their index. Of the machine and its health the worst is taken.
/// What each part knows alike, or only one can, is taken from part 0:
/// recipe, promises, arguments, source. Whatever not all parts measured is
/// left out or marked, and `warnings` says so.
///
/// # Errors
/// [`MergeError`] names the parts that do not belong together.
pub fn merge(mut parts: Vec<RunResult>) -> Result<RunResult, MergeError> {
    let shards = numbered(&mut parts)?;
    same_run(&parts, &shards)?;
    let start_skew_ms = start_skew_ms(&parts, &shards)?;
    let mut notes = Notes::default();
    if start_skew_ms > START_SKEW_BUDGET_MS {
        notes.add(format!(
            "The parts began {start_skew_ms} ms apart: over that time fewer requests were offered \
             than the rates say."
        ));
    }
    let (strategies, skipped) = facts::merged(&parts, &mut notes)?;
    let is_whole = |name: &str| strategies.iter().any(|facts| facts.strategy == name);
    let cells = cell::merged(&parts, is_whole, &mut notes)?;
    let environment = machine::environment(&parts, &mut notes);
    let first = &parts[0];
    Ok(RunResult {
        schema: first.schema,
        run: run(&parts, start_skew_ms, notes),
        source: first.source.clone(),
        environment,
        health: machine::worst(parts.iter().map(|part| &part.health)),
        scenario: first.scenario.clone(),
        cells,
        strategies,
        skipped,
        benches: parts.iter().flat_map(|part| part.benches.clone()).collect(),
        qualification: first.qualification.clone(),
    })
}

/// What the reader of the merged run ought to know, each said once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn add(&mut self, note: String) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

/// Puts the parts in the order of their numbers, of which none may be missing
/// or come twice.
fn numbered(parts: &mut [RunResult]) -> Result<Vec<Shard>, MergeError> {
    parts.sort_by_key(|part| part.run.shard.as_ref().map(|shard| shard.index));
    let mut shards: Vec<Shard> = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let run = || part.run.id.clone();
        let shard = part.run.shard.clone();
        let shard = shard.ok_or_else(|| MergeError::NoShard { run: run() })?;
        let first = shards.first().unwrap_or(&shard);
        if shard.of != first.of {
            return Err(Difference::Of.between(&parts[0], part));
        }
        if shard.index >= shard.of {
            return Err(MergeError::NoSuchNumber {
                run: run(),
                index: shard.index,
                of: shard.of,
            });
        }
        if shards.last().is_some_and(|last| last.index == shard.index) {
            return Err(MergeError::Twice {
                index: shard.index,
                first: parts[at - 1].run.id.clone(),
                other: run(),
            });
        }
        shards.push(shard);
    }
    let of = shards.first().ok_or(MergeError::Nothing)?.of;
    if shards.len() < of as usize {
        let there: BTreeSet<u32> = shards.iter().map(|shard| shard.index).collect();
        return Err(MergeError::Missing {
            missing: (0..of).filter(|n| !there.contains(n)).take(10).collect(),
            of,
            there: parts.iter().map(|part| part.run.id.clone()).collect(),
        });
    }
    Ok(shards)
}

fn same_run(parts: &[RunResult], shards: &[Shard]) -> Result<(), MergeError> {
    let first = &parts[0];
    for (part, shard) in parts.iter().zip(shards) {
        let same = [
            (Difference::Version, part.schema == first.schema),
            (
                Difference::Version,
                part.run.tool_version == first.run.tool_version,
            ),
            (
                Difference::Program,
                shard.program_sha256 == shards[0].program_sha256,
            ),
            (
                Difference::Scenario,
                part.scenario.sha256 == first.scenario.sha256,
            ),
            (Difference::Seed, part.run.seed == first.run.seed),
        ];
        if let Some((difference, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(difference.between(first, part));
        }
    }
    Ok(())
}

fn start_skew_ms(parts: &[RunResult], shards: &[Shard]) -> Result<u64, MergeError> {
    let mut began_ms: Vec<i128> = Vec::with_capacity(shards.len());
    for (part, shard) in parts.iter().zip(shards) {
        let start: Timestamp = shard.start_at.parse().map_err(|source| MergeError::Start {
            run: part.run.id.clone(),
            source,
        })?;
        began_ms.push(i128::from(start.as_millisecond()) + i128::from(shard.late_ms));
    }
    let span = began_ms.iter().max().zip(began_ms.iter().min());
    Ok(span.map_or(0, |(last, first)| {
        u64::try_from(last - first).unwrap_or(u64::MAX)
    }))
}

fn run(parts: &[RunResult], start_skew_ms: u64, notes: Notes) -> Run {
    let first = &parts[0].run;
    let runs: Vec<String> = parts.iter().map(|part| part.run.id.clone()).collect();
    // All instants are RFC 3339 in UTC, whose order is that of the texts as
    // long as they have as many digits.
    let instant = |text: &String| text.parse::<Timestamp>().ok();
    let started = parts.iter().map(|part| &part.run.started_at);
    let ended = parts.iter().map(|part| &part.run.ended_at);
    Run {
        // The same parts always make the same run.
        id: format!("merged-{:.32}", sha256_hex(runs.join("\n").as_bytes())),
        started_at: started
            .min_by_key(|text| instant(text))
            .cloned()
            .unwrap_or_default(),
        ended_at: ended
            .max_by_key(|text| instant(text))
            .cloned()
            .unwrap_or_default(),
        purpose: first.purpose,
        arguments: first.arguments.clone(),
        seed: first.seed,
        tool_version: first.tool_version.clone(),
        interrupted: parts.iter().any(|part| part.run.interrupted),
        invalid: number::of_parts(parts.iter().map(|part| {
            let invalid = part.run.invalid.as_ref();
            invalid.map(|invalid| invalid.reason.as_str())
        }))
        .map(|reason| Invalid { reason }),
        shard: None,
        merged_from: Some(MergedFrom {
            runs,
            start_skew_ms,
        }),
        warnings: warnings(parts, notes),
    }
}

/// What merging has to say, then what the parts said: a warning of all parts
/// once, one of some with their numbers.
fn warnings(parts: &[RunResult], mut notes: Notes) -> Vec<String> {
    for warning in parts.iter().flat_map(|part| &part.run.warnings) {
        let said: Vec<usize> = (0..parts.len())
            .filter(|at| parts[*at].run.warnings.contains(warning))
            .collect();
        if said.len() == parts.len() {
            notes.add(warning.clone());
        } else {
            notes.add(format!("{}: {warning}", number::parts(&said)));
        }
    }
    notes.0
}

/// Why a strategy is not in the merged run, as all parts together know it.
fn left_out(parts: &[RunResult], strategy: &str) -> Skipped {
    let entries: Vec<Option<&Skipped>> = parts
        .iter()
        .map(|part| part.skipped.iter().find(|s| s.strategy == strategy))
        .collect();
    let reasons = entries.iter().zip(parts).map(|(entry, part)| match entry {
        Some(entry) => Some(entry.reason.as_str()),
        None if part.strategies.iter().any(|f| f.strategy == strategy) => None,
        None => Some("it is not in this part"),
    });
    Skipped {
        strategy: strategy.to_owned(),
        reason: number::of_parts(reasons).unwrap_or_default(),
        optional: entries.iter().all(|e| e.is_some_and(|e| e.optional)),
    }
}
