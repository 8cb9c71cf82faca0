//! Whether identifiers look like what a random generator makes.
//!
//! What is estimated is how many bits could *not* be refuted: an upper bound on
//! what an attacker has to guess. Nothing seen from outside proves that a
//! generator is unpredictable.

use std::collections::{BTreeMap, BTreeSet};

use base64::alphabet;

use super::bits::{Column, rank};
use super::{chi_square_bound, nats, sign_bound};

/// The fewest samples that tell anything.
pub const SAMPLES_MIN: usize = 64;
/// Rows beyond the columns from which on the rank tells: it is wrong with a
/// chance of two to the minus this.
const SPARE_ROWS: usize = 40;
/// How many low bits of time, counter and user are compared.
const TOLD_BITS: u32 = 16;
/// How far back identifiers are compared with earlier ones.
const LAGS: usize = 4;

/// One identifier, in the order in which they were issued.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its text.
    pub text: String,
    /// When it was asked for, UTC milliseconds.
    pub at_ms: u64,
    /// Any number that stands for its user.
    pub user: u64,
}

/// What the samples say.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// How many samples there were.
    pub samples: usize,
    /// How many of them were seen before.
    pub repeats: usize,
    /// Characters that are compared: those of the shortest sample.
    pub length: usize,
    /// Different characters where anything changes.
    pub alphabet: usize,
    /// Bits if nothing is held against the generator: alphabet and length.
    pub written_bits: f64,
    /// Bits that could not be refuted.
    pub bits: f64,
    /// Whether all of them are UUIDs (RFC 9562).
    pub are_uuids: bool,
    /// What was held against it, in words.
    pub findings: Vec<String>,
}

/// Judges identifiers; `None` with fewer than [`SAMPLES_MIN`].
#[must_use]
pub fn judge(samples: &[Sample]) -> Option<Estimate> {
    if samples.len() < SAMPLES_MIN {
        return None;
    }
    let texts: Vec<Vec<u8>> = samples.iter().map(|one| decoded(&one.text)).collect();
    let length = texts.iter().map(Vec::len).min().unwrap_or(0);
    let distinct: BTreeSet<_> = texts.iter().collect();
    let positions: Vec<Position> = (0..length)
        .map(|place| Position::new(place, &texts))
        .filter(|position| position.counts.len() > 1)
        .collect();
    let union: BTreeSet<u8> = positions
        .iter()
        .flat_map(|position| position.counts.keys().copied())
        .collect();
    let coding = Coding::of(&union);
    let mut findings = Vec::new();
    let per_position = nats(positions.len() * (3 + LAGS));
    let mut sum = 0.0;
    let mut written = 0.0;
    let mut open = Vec::new();
    for position in &positions {
        let bits = position.bits(&union, per_position);
        written += bits;
        match position.follows(&union, per_position) {
            Some(lag) => findings.push(format!(
                "position {} follows from the identifier {lag} before",
                position.place
            )),
            None => open.push((position, bits)),
        }
    }
    let columns: Vec<(usize, Vec<Column>)> = open
        .iter()
        .map(|(position, _)| (position.place, coding.columns(&position.octets)))
        .collect();
    let told = told(samples);
    let guilty = lopsided(&columns, &told, &mut findings);
    for (position, bits) in &open {
        if !guilty.contains(&position.place) {
            sum += bits;
        }
    }
    let kept = columns
        .into_iter()
        .filter(|(place, _)| !guilty.contains(place));
    let kept: Vec<Column> = kept.flat_map(|(_, columns)| columns).collect();
    let known: Vec<Column> = told.into_iter().map(|(_, column)| column).collect();
    let bits = linear(&kept, &known, sum, &mut findings);
    Some(Estimate {
        samples: samples.len(),
        repeats: samples.len() - distinct.len(),
        length,
        alphabet: union.len(),
        written_bits: written,
        bits,
        are_uuids: samples.iter().all(|one| is_uuid(&one.text)),
        findings,
    })
}

/// One position over all samples.
struct Position {
    place: usize,
    octets: Vec<u8>,
    counts: BTreeMap<u8, usize>,
}

impl Position {
    fn new(place: usize, texts: &[Vec<u8>]) -> Self {
        let octets: Vec<u8> = texts.iter().map(|text| text[place]).collect();
        let mut counts = BTreeMap::new();
        for octet in &octets {
            *counts.entry(*octet).or_default() += 1;
        }
        Self {
            place,
            octets,
            counts,
        }
    }

    /// Bits of one character here: of the whole alphabet if it may be even over
    /// that; of the characters seen here if it may be even over them; else as
    /// many as the chance of two equal ones says (Rényi's entropy of order 2,
    /// without bias).
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    fn bits(&self, union: &BTreeSet<u8>, nats: f64) -> f64 {
        let own: BTreeSet<u8> = self.counts.keys().copied().collect();
        for set in [union, &own] {
            let counts = set.iter().map(|octet| self.counts.get(octet).copied());
            let counts: Vec<usize> = counts.map(Option::unwrap_or_default).collect();
            if is_even(&counts, nats) {
                return (set.len() as f64).log2();
            }
        }
        let rows = self.octets.len() as f64;
        let pairs = self.counts.values().map(|&count| {
            let count = count as f64;
            count * (count - 1.0)
        });
        let alike = pairs.sum::<f64>() / (rows * (rows - 1.0));
        (-alike.log2()).clamp(0.0, (own.len() as f64).log2())
    }

    /// The lag at which the step from an earlier identifier's character to this
    /// one's is not even, if there is one: a counter, a clock, a repetition.
    fn follows(&self, union: &BTreeSet<u8>, nats: f64) -> Option<usize> {
        let own: Vec<u8> = self.counts.keys().copied().collect();
        let whole: Vec<u8> = union.iter().copied().collect();
        // Steps are even only where the characters are.
        let alphabet = [whole, own].into_iter().find(|set| {
            let counts = set.iter().map(|octet| self.counts.get(octet).copied());
            let counts: Vec<usize> = counts.map(Option::unwrap_or_default).collect();
            is_even(&counts, nats)
        });
        let size = alphabet.as_ref().map_or(0, Vec::len);
        (1..=LAGS).find(|lag| match &alphabet {
            Some(alphabet) => {
                let mut steps = vec![0_usize; size];
                for (before, after) in self.octets.iter().zip(&self.octets[*lag..]) {
                    let rank = |octet| alphabet.binary_search(octet).unwrap_or(0);
                    steps[(rank(after) + size - rank(before)) % size] += 1;
                }
                !is_even(&steps, nats)
            }
            // Uneven: at least the same one does not stay on too often.
            None => self.stays(*lag, nats),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    fn stays(&self, lag: usize, nats: f64) -> bool {
        let rows = self.octets.len() as f64;
        let shares = self
            .counts
            .values()
            .map(|&count| (count as f64 / rows).powi(2));
        let expected: f64 = shares.sum();
        let pairs = self.octets.iter().zip(&self.octets[lag..]);
        let same = pairs.filter(|(before, after)| before == after).count() as f64;
        let total = rows - lag as f64;
        same / total - expected > sign_bound(self.octets.len(), nats)
    }
}

/// Whether counts may come from even chances.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn is_even(counts: &[usize], nats: f64) -> bool {
    let total: usize = counts.iter().sum();
    let expected = total as f64 / counts.len().max(1) as f64;
    let squares = counts
        .iter()
        .map(|&count| (count as f64 - expected).powi(2));
    let chi_square = squares.sum::<f64>() / expected.max(f64::MIN_POSITIVE);
    let degrees = counts.len().saturating_sub(1) as f64;
    chi_square <= chi_square_bound(degrees, nats)
}

/// The positions that have a bit which goes with time, counter or user, or with
/// the same bit of an earlier identifier; what is found goes to `findings`.
fn lopsided(
    columns: &[(usize, Vec<Column>)],
    told: &[(String, Column)],
    findings: &mut Vec<String>,
) -> BTreeSet<usize> {
    let count: usize = columns.iter().map(|(_, columns)| columns.len()).sum();
    let nats = nats(count * (told.len() + LAGS));
    let mut guilty = BTreeSet::new();
    for (place, columns) in columns {
        for column in columns.iter().filter(|column| !column.is_constant()) {
            let bound = sign_bound(column.rows(), nats);
            let with = told.iter().find(|(_, other)| {
                let correlation = column.correlation(other);
                correlation.is_some_and(|it| it.abs() > bound)
            });
            if let Some((name, _)) = with {
                findings.push(format!("position {place} goes with {name}"));
                guilty.insert(*place);
            }
            // Only for fair bits are equal and different neighbours even.
            let fair = column.bias().abs() < bound / 2.0;
            let drifts = (1..=LAGS).find(|lag| {
                let changes = column.changes(*lag);
                fair && changes.bias().abs() > sign_bound(changes.rows(), nats) + bound.powi(2)
            });
            if let Some(lag) = drifts {
                findings.push(format!(
                    "a bit of position {place} follows from the identifier {lag} before"
                ));
                guilty.insert(*place);
            }
        }
    }
    guilty
}

/// The lesser of `sum` and of what the rank allows.
#[expect(clippy::cast_precision_loss, reason = "a count of columns")]
fn linear(columns: &[Column], known: &[Column], sum: f64, findings: &mut Vec<String>) -> f64 {
    let changing: Vec<Column> = columns
        .iter()
        .filter(|column| !column.is_constant())
        .cloned()
        .collect();
    let rows = changing.first().map_or(0, Column::rows);
    if rows < changing.len() + known.len() + SPARE_ROWS {
        return sum;
    }
    let mut all = known.to_vec();
    let before = rank(&all);
    all.extend(changing.iter().cloned());
    let free = (rank(&all) - before) as f64;
    if free < changing.len() as f64 && free < sum {
        findings.push(format!(
            "{} bits that change are linear in {free} of them",
            changing.len()
        ));
        return free;
    }
    sum
}

/// Low bits of what an attacker may know: the time, a counter, the user.
fn told(samples: &[Sample]) -> Vec<(String, Column)> {
    let numbers: [(&str, Vec<u64>); 4] = [
        (
            "the time in milliseconds",
            samples.iter().map(|it| it.at_ms).collect(),
        ),
        (
            "the time in seconds",
            samples.iter().map(|it| it.at_ms / 1000).collect(),
        ),
        ("a counter", (0..).take(samples.len()).collect()),
        ("the user", samples.iter().map(|it| it.user).collect()),
    ];
    let mut told = Vec::new();
    for (name, numbers) in numbers {
        for bit in 0..TOLD_BITS {
            let column = Column::new(numbers.iter().map(|number| number >> bit & 1 == 1));
            if !column.is_constant() {
                told.push((name.to_owned(), column));
            }
        }
    }
    told
}

/// How characters become bits.
enum Coding {
    Hex,
    Base64(Vec<u8>),
    Octets,
}

impl Coding {
    fn of(alphabet: &BTreeSet<u8>) -> Self {
        if alphabet.iter().all(u8::is_ascii_hexdigit) {
            return Self::Hex;
        }
        let tables = [alphabet::URL_SAFE, alphabet::STANDARD];
        let texts = tables.iter().map(|table| table.as_str().as_bytes());
        let found = texts.into_iter().find(|text| {
            let known = |octet: &u8| text.contains(octet);
            alphabet.iter().all(known)
        });
        found.map_or(Self::Octets, |text| Self::Base64(text.to_vec()))
    }

    fn columns(&self, octets: &[u8]) -> Vec<Column> {
        let (width, values): (u32, Vec<u8>) = match self {
            Self::Hex => (4, octets.iter().map(|octet| hex(*octet)).collect()),
            Self::Base64(table) => {
                let value = |octet: &u8| table.iter().position(|it| it == octet);
                let value = |octet| u8::try_from(value(octet).unwrap_or(0)).unwrap_or(0);
                (6, octets.iter().map(value).collect())
            }
            Self::Octets => (8, octets.to_vec()),
        };
        let column = |bit| Column::new(values.iter().map(|value| value >> bit & 1 == 1));
        (0..width).map(column).collect()
    }
}

fn hex(octet: u8) -> u8 {
    let value = char::from(octet).to_digit(16).unwrap_or(0);
    u8::try_from(value).unwrap_or(0)
}

/// The octets of a text, percent-encoding undone.
fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// RFC 9562 4.
#[must_use]
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let is_hex = |group: &&str| group.bytes().all(|octet| octet.is_ascii_hexdigit());
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(is_hex)
}

#[cfg(test)]
mod tests;
