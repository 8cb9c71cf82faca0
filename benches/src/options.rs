//! What the command line and the environment ask for, beside what criterion
//! reads itself.

use anyhow::{Context as _, Result, ensure};
use criterion::Criterion;
use std::time::Duration;

/// The variable that replaces the sizes of populations: numbers with commas
/// between, e.g. `1000,10000`.
pub const POPULATIONS: &str = "AUTHBENCH_POPULATIONS";

/// How much is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Everything once, to see that it works (`--test`).
    pub test: bool,
    /// A look instead of a measurement (`--quick`).
    pub quick: bool,
    /// Only what has this in its name.
    pub filter: Option<String>,
}

impl Options {
    /// Reads the arguments of this process. Flags that only criterion knows
    /// are left to it.
    #[must_use]
    pub fn from_args() -> Self {
        Self::read(std::env::args().skip(1))
    }

    fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--test" => options.test = true,
                "--quick" => options.quick = true,
                flag if flag.starts_with('-') => {}
                name => options.filter = Some(name.to_owned()),
            }
        }
        options
    }

    /// Whether what is called `name` is asked for.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.filter
            .as_deref()
            .is_none_or(|filter| name.contains(filter))
    }

    /// How long contenders take turns: `full`, or a part of it.
    #[must_use]
    pub fn span(&self, full: Duration) -> Duration {
        match self {
            Self { test: true, .. } => Duration::ZERO,
            Self { quick: true, .. } => full / 8,
            _ => full,
        }
    }

    /// How many there are to be: the sizes of [`POPULATIONS`] if it is set,
    /// otherwise `usual`; 100 for a test.
    ///
    /// # Errors
    /// When the variable is no list of numbers from 1 on.
    pub fn populations(&self, usual: &[usize]) -> Result<Vec<usize>> {
        if self.test {
            return Ok(vec![100]);
        }
        match std::env::var(POPULATIONS) {
            Ok(text) => sizes(&text).with_context(|| format!("{POPULATIONS} is `{text}`")),
            Err(_) => Ok(usual.to_vec()),
        }
    }
}

fn sizes(text: &str) -> Result<Vec<usize>> {
    let mut sizes = Vec::new();
    for part in text.split(',') {
        let size = part
            .trim()
            .parse()
            .with_context(|| format!("`{part}` is no number"))?;
        ensure!(size > 0, "a population has at least one login");
        sizes.push(size);
    }
    Ok(sizes)
}

/// Criterion for many cases in little time: the command line comes last.
#[must_use]
pub fn many_cases() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .configure_from_args()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_a_filter_and_flags() {
        let options = Options::read(
            ["--bench", "--quick", "redis"]
                .map(str::to_owned)
                .into_iter(),
        );
        assert!(options.quick && !options.test);
        assert!(options.wants("session.redis") && !options.wants("session.memory"));
        assert!(Options::default().wants("anything"));
    }

    #[test]
    fn populations_are_numbers() {
        assert_eq!(sizes("1000, 10").unwrap(), [1_000, 10]);
        for wrong in ["", "0", "1,,2", "many"] {
            assert!(sizes(wrong).is_err(), "{wrong}");
        }
    }
}
