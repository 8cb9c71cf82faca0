//! `authbench conform vectors`: test vectors put to the verifiers of our
//! schemes.

use std::path::{Path, PathBuf};

use anyhow::Result;
use authbench_conformance::vectors::{
    Counts, FileRun, VectorFile, Waiver, Waivers, run, shipped, shipped_waivers,
};
use authbench_conformance::verifier::Verifier;
use serde::Serialize;

use super::verifiers;
use crate::exit::{Outcome, UsageError};
use crate::term::{self, Format};

/// Put test vectors to the verifiers of our schemes: files in the form of
/// Wycheproof (JWS, JWK, JwCrypto, JWE, signatures, MACs, authenticated
/// encryption), of the RFC 7520 cookbook, or of PASETO.
///
/// Without a file it runs those that came with this build. A vector that a
/// verifier is not made for is not applicable, never a pass.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The files.
    files: Vec<PathBuf>,
    /// Only the verifier of this scheme: jwt, paseto or sealed-cookie.
    #[arg(long)]
    scheme: Option<String>,
    /// A list of vectors whose expectation is not ours, with reasons, instead
    /// of the one that came with this build.
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let verifiers = verifiers(args.scheme.as_deref())?;
    let waivers = waivers(args.waivers.as_deref())?;
    let files = if args.files.is_empty() {
        shipped()?
    } else {
        let read = args.files.iter().map(|path| read(path));
        read.collect::<Result<_>>()?
    };
    let runs = runs(&files, &verifiers, &waivers);
    let unused = waivers.unused(&runs);
    if args.format == Format::Json {
        term::say(serde_json::to_string_pretty(&Report::of(&runs, &unused))?)?;
    } else {
        show(args.format, &runs, &unused)?;
    }
    Ok(
        match runs.iter().any(|run| run.failures().next().is_some()) {
            true => Outcome::Bad,
            false => Outcome::Good,
        },
    )
}

fn waivers(path: Option<&Path>) -> Result<Waivers> {
    match path {
        None => Ok(shipped_waivers()?),
        Some(path) => Ok(Waivers::parse(path, &authbench_conf::read_text(path)?)?),
    }
}

fn read(path: &Path) -> Result<VectorFile> {
    let text = authbench_conf::read_text(path)?;
    let parsed = VectorFile::parse(path, &text);
    Ok(parsed.map_err(|error| UsageError(error.to_string()))?)
}

fn verifiers(scheme: Option<&str>) -> Result<Vec<Box<dyn Verifier>>> {
    let Some(name) = scheme else {
        return Ok(verifiers::all());
    };
    let found = verifiers::named(name).ok_or_else(|| {
        let names: Vec<_> = verifiers::all()
            .iter()
            .map(|it| it.name().to_owned())
            .collect();
        UsageError(format!(
            "no scheme `{name}` has a verifier; there are {}",
            names.join(", ")
        ))
    })?;
    Ok(vec![found])
}

fn runs(files: &[VectorFile], verifiers: &[Box<dyn Verifier>], waivers: &Waivers) -> Vec<FileRun> {
    let each = files.iter().flat_map(|file| {
        let verifiers = verifiers.iter().map(AsRef::as_ref);
        verifiers.map(|verifier: &dyn Verifier| run(file, verifier, waivers))
    });
    each.collect()
}

#[derive(Serialize)]
struct Report<'r> {
    files: Vec<FileReport<'r>>,
    unused_waivers: Vec<String>,
}

#[derive(Serialize)]
struct FileReport<'r> {
    counts: Counts,
    #[serde(flatten)]
    run: &'r FileRun,
}

impl<'r> Report<'r> {
    fn of(runs: &'r [FileRun], unused: &[&Waiver]) -> Self {
        let files = runs.iter().map(|run| FileReport {
            counts: run.counts(),
            run,
        });
        Self {
            files: files.collect(),
            unused_waivers: unused.iter().map(|waiver| named(waiver)).collect(),
        }
    }
}

fn named(waiver: &Waiver) -> String {
    format!("{} {}", waiver.file, waiver.case)
}

fn show(format: Format, runs: &[FileRun], unused: &[&Waiver]) -> Result<()> {
    let header = [
        "file",
        "verifier",
        "not applicable because",
        "pass",
        "fail",
        "waived",
        "n/a",
    ];
    let rows = runs.iter().map(|run| {
        let counts = run.counts();
        vec![
            run.file.clone(),
            run.verifier.clone(),
            reasons(&counts),
            counts.pass.to_string(),
            counts.fail.to_string(),
            counts.waived.to_string(),
            counts.not_applicable().to_string(),
        ]
    });
    term::say(term::table(format, 3, &header, rows))?;
    for run in runs {
        for (case, why) in run.failures() {
            let what = format!("{} {}, {}: {}", run.file, case.id, run.verifier, why);
            term::say(format!("{} ({})", term::paint(&what), case.comment))?;
        }
    }
    for waiver in unused {
        term::say(format!(
            "the waiver of {} is not needed: take it off the list",
            named(waiver)
        ))?;
    }
    Ok(())
}

/// Each reason with its number, but for the one of a file that is altogether
/// of another kind.
fn reasons(counts: &Counts) -> String {
    let each = counts.not_applicable.iter();
    let said = each.map(|(reason, number)| format!("{reason} ({number})"));
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every vector that came with this build is answered rightly, and by each
    /// file somebody is tried.
    #[test]
    fn our_verifiers_answer_every_shipped_vector_rightly() {
        let waivers = shipped_waivers().unwrap();
        for file in shipped().unwrap() {
            let runs: Vec<_> = verifiers::all()
                .iter()
                .map(|it| run(&file, &**it, &waivers))
                .collect();
            let failures: Vec<_> = runs.iter().flat_map(|run| run.failures()).collect();
            assert!(failures.is_empty(), "{}: {failures:#?}", file.name);
            // None of our schemes has JWE: those vectors are for others.
            if file.name == "malformed-jwe.json" {
                continue;
            }
            let asked = runs.iter().any(|run| run.counts().pass > 0);
            assert!(asked, "{}: nobody was asked", file.name);
        }
    }

    #[test]
    fn a_scheme_without_a_verifier_is_a_usage_error_that_names_those_with_one() {
        let Err(error) = verifiers(Some("session")) else {
            panic!("there is one")
        };
        assert!(error.to_string().ends_with("jwt, paseto, sealed-cookie"));
        assert_eq!(Outcome::of_error(&error), Outcome::Usage);
    }
}
