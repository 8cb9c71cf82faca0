//! Vectors whose expectation is not ours, each with its reason.

use std::path::Path;

use authbench_conf::ConfError;
use serde::Deserialize;

/// What a verifier says in the end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// It accepts.
    Accepts,
    /// It refuses.
    Refuses,
}

/// One vector whose expectation is not ours.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Waiver {
    /// The file's name, without its folder.
    pub file: String,
    /// The vector's name in it.
    pub case: String,
    /// What a verifier must say instead.
    pub verifier: Said,
    /// Why.
    pub reason: String,
}

/// A list of waivers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Waivers {
    /// Them.
    #[serde(default)]
    pub waiver: Vec<Waiver>,
}

impl Waivers {
    /// Reads TOML; `file` names it in errors.
    ///
    /// # Errors
    /// [`ConfError`], with the place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        authbench_conf::parse(file, text)
    }

    /// The waiver of one vector.
    #[must_use]
    pub fn find(&self, file: &str, case: &str) -> Option<&Waiver> {
        let mut all = self.waiver.iter();
        all.find(|waiver| waiver.file == file && waiver.case == case)
    }

    /// The waivers of the files that were run which no run needed: whoever
    /// reads the list believes that they excuse something.
    #[must_use]
    pub fn unused(&self, runs: &[super::FileRun]) -> Vec<&Waiver> {
        let was_run = |waiver: &&Waiver| runs.iter().any(|run| run.file == waiver.file);
        let was_needed = |waiver: &Waiver| {
            let of_file = runs.iter().filter(|run| run.file == waiver.file);
            let mut cases = of_file.flat_map(|run| &run.cases);
            cases.any(|case| case.id == waiver.case && case.verdict.is_waived())
        };
        let run = self.waiver.iter().filter(was_run);
        run.filter(|waiver| !was_needed(waiver)).collect()
    }
}
