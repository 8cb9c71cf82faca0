//! The file that describes a run: which strategies, how many users, what they
//! do and how often.

use std::path::Path;

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use crate::cell::LoadPoint;
use crate::schedule::Process;
use crate::seed::{self, Purpose};

/// A load scenario. Every field is bounded; [`Scenario::parse`] says which
/// bound a file breaks, where, and what to do about it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the scenario shows, in one sentence.
    pub summary: Located<String>,
    /// From which everything random is derived.
    pub seed: u64,
    /// The strategies to measure; names are resolved by the caller.
    pub strategies: Located<Vec<Located<String>>>,
    /// Who takes part.
    pub population: Population,
    /// What the users do.
    pub mix: Mix,
    /// How often they do it.
    pub load: Load,
    /// Logins that are timed one by one.
    pub login: LoginTiming,
    /// Logins that are held to see what they occupy.
    pub memory: Memory,
    /// Logins that are ended to see how long they live on.
    pub revocation: Revocation,
}

/// Who takes part.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Virtual users, each with a login of its own: 1 to 1,000,000.
    pub users: Located<u32>,
}

/// What a logged-in user does next, by weight. A user who has logged out logs
/// in again before anything else.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// Weight of "who am I": 1 to 10,000.
    pub read: Located<u32>,
    /// Weight of a harmless change of state: 0 to 10,000.
    pub mutate: Located<u32>,
    /// Weight of logging out: 0 to 10,000.
    pub logout: Located<u32>,
}

/// How often requests arrive.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How arrivals are spaced.
    pub process: Process,
    /// Arrivals per second, one load point each, ascending: 1 to 1,000,000.
    pub rates_per_s: Located<Vec<Located<u32>>>,
    /// Keep-alive connections: 1 to 10,000, at most one per user.
    pub connections: Located<u32>,
    /// Milliseconds of load before measuring begins: up to 600,000.
    pub warmup_ms: Located<u64>,
    /// Milliseconds that are measured: 100 to 3,600,000.
    pub measure_ms: Located<u64>,
    /// Equal parts of the measured time that are sampled apart: 1 to 1,000, at
    /// least 10 ms each.
    pub blocks: Located<u32>,
    /// Milliseconds from the intended instant after which an answer comes too
    /// late; also the longest wait for stragglers: 1 to 600,000.
    pub timeout_ms: Located<u64>,
}

/// Logins that are timed one by one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginTiming {
    /// How many with the password hash that production uses: up to 10,000.
    pub hashed: Located<u32>,
    /// How many without it, so that the strategy's own cost is seen: up to
    /// 1,000,000.
    pub unhashed: Located<u32>,
}

/// Logins that are held to see what they occupy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// How many: up to 10,000,000; 0 skips it.
    pub logins: Located<u32>,
}

/// Logins that are ended to see how long their credentials live on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// How many: up to 10,000; 0 skips it.
    pub logins: Located<u32>,
    /// Milliseconds after the acknowledgement at which the dead credential is
    /// shown, ascending: up to 600,000.
    pub replay_ms: Located<Vec<Located<u64>>>,
}

impl Scenario {
    /// Reads a scenario from a file.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfError> {
        authbench_conf::read::<Self>(path)?.validated(path)
    }

    /// Reads a scenario from text; `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        authbench_conf::parse::<Self>(file, text)?.validated(file)
    }

    /// The load points, in ascending order of rate.
    #[must_use]
    pub fn points(&self) -> Vec<LoadPoint> {
        let seed = seed::for_purpose(self.seed, Purpose::Points);
        let load = &self.load;
        (0_u64..)
            .zip(&load.rates_per_s.value)
            .map(|(index, rate)| LoadPoint {
                process: load.process,
                rate_per_s: rate.value,
                connections: load.connections.value,
                warmup_ms: load.warmup_ms.value,
                measure_ms: load.measure_ms.value,
                blocks: load.blocks.value,
                timeout_ms: load.timeout_ms.value,
                mix: self.mix.clone(),
                seed: seed::derive(seed, index),
            })
            .collect()
    }

    fn validated(self, file: &Path) -> Result<Self, ConfError> {
        let check = Check { file };
        if self.summary.value.trim().is_empty() {
            return Err(check.fault(&self.summary, "say in one sentence what the scenario shows"));
        }
        check.strategies(&self.strategies)?;
        check.within(&self.population.users, "users", 1, 1_000_000)?;
        check.within(&self.mix.read, "the weight of `read`", 1, 10_000)?;
        check.within(&self.mix.mutate, "the weight of `mutate`", 0, 10_000)?;
        check.within(&self.mix.logout, "the weight of `logout`", 0, 10_000)?;
        check.load(&self.load, &self.population)?;
        check.within(&self.login.hashed, "`hashed` logins", 0, 10_000)?;
        check.within(&self.login.unhashed, "`unhashed` logins", 0, 1_000_000)?;
        check.within(&self.memory.logins, "`logins` to hold", 0, 10_000_000)?;
        check.within(&self.revocation.logins, "`logins` to end", 0, 10_000)?;
        check.replays(&self.revocation)?;
        Ok(self)
    }
}

struct Check<'f> {
    file: &'f Path,
}

impl Check<'_> {
    fn fault<T>(&self, at: &Located<T>, message: impl Into<String>) -> ConfError {
        ConfError::semantic(self.file, at, message)
    }

    fn within<T>(&self, at: &Located<T>, what: &str, min: u64, max: u64) -> Result<(), ConfError>
    where
        T: Copy + Into<u64>,
    {
        let value = at.value.into();
        if (min..=max).contains(&value) {
            return Ok(());
        }
        Err(self.fault(at, format!("{what}: {value} is not from {min} to {max}")))
    }

    fn strategies(&self, strategies: &Located<Vec<Located<String>>>) -> Result<(), ConfError> {
        if strategies.value.is_empty() {
            return Err(self.fault(strategies, "name at least one strategy to measure"));
        }
        for (index, name) in strategies.value.iter().enumerate() {
            if strategies.value[..index].contains(name) {
                return Err(self.fault(name, format!("`{name}` is named twice")));
            }
        }
        Ok(())
    }

    fn load(&self, load: &Load, population: &Population) -> Result<(), ConfError> {
        self.rates(load)?;
        self.within(&load.connections, "`connections`", 1, 10_000)?;
        let (connections, users) = (load.connections.value, population.users.value);
        if connections > users {
            return Err(self.fault(
                &load.connections,
                format!(
                    "{connections} connections for {users} users: each user has one request under \
                     way at a time, so some connections would never be used; raise \
                     [population] users or lower `connections`"
                ),
            ));
        }
        self.within(&load.warmup_ms, "`warmup_ms`", 0, 600_000)?;
        self.within(&load.measure_ms, "`measure_ms`", 100, 3_600_000)?;
        self.within(&load.blocks, "`blocks`", 1, 1_000)?;
        let (measure_ms, blocks) = (load.measure_ms.value, load.blocks.value);
        if measure_ms / u64::from(blocks) < 10 {
            return Err(self.fault(
                &load.blocks,
                format!(
                    "{blocks} blocks in {measure_ms} ms are shorter than 10 ms each, too short to \
                     read a process's CPU time; lower `blocks` or raise `measure_ms`"
                ),
            ));
        }
        self.within(&load.timeout_ms, "`timeout_ms`", 1, 600_000)
    }

    fn rates(&self, load: &Load) -> Result<(), ConfError> {
        let rates = &load.rates_per_s;
        if rates.value.is_empty() {
            return Err(self.fault(rates, "give at least one rate"));
        }
        for rate in &rates.value {
            self.within(rate, "a rate per second", 1, 1_000_000)?;
            let arrivals = u64::from(rate.value) * load.measure_ms.value / 1_000;
            if arrivals < 100 {
                return Err(self.fault(
                    rate,
                    format!(
                        "about {arrivals} requests would be measured, too few for a 99th \
                         percentile; raise the rate or `measure_ms` until there are 100"
                    ),
                ));
            }
        }
        self.ascending(&rates.value, "rates")
    }

    fn replays(&self, revocation: &Revocation) -> Result<(), ConfError> {
        let replays = &revocation.replay_ms;
        if replays.value.is_empty() && revocation.logins.value > 0 {
            return Err(self.fault(
                replays,
                "give at least one instant at which the dead credential is shown, e.g. [0, 1, 10]",
            ));
        }
        for replay in &replays.value {
            self.within(replay, "an instant of replay", 0, 600_000)?;
        }
        self.ascending(&replays.value, "instants of replay")
    }

    fn ascending<T: Ord + std::fmt::Display>(
        &self,
        list: &[Located<T>],
        what: &str,
    ) -> Result<(), ConfError> {
        match list.windows(2).find(|pair| pair[0] >= pair[1]) {
            None => Ok(()),
            Some(pair) => Err(self.fault(
                &pair[1],
                format!("{what} must ascend, but {} follows {}", pair[1], pair[0]),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const GOOD: &str = r#"summary = "A test."
seed = 7
strategies = ["a", "b"]
population.users = 10
mix = { read = 90, mutate = 5, logout = 5 }

[load]
process = "poisson"
rates_per_s = [1000, 2000]
connections = 4
warmup_ms = 0
measure_ms = 1000
blocks = 2
timeout_ms = 500

[login]
hashed = 1
unhashed = 2

[memory]
logins = 0

[revocation]
logins = 3
replay_ms = [0, 1, 10]
"#;

    fn parse(text: &str) -> Result<Scenario, ConfError> {
        Scenario::parse(Path::new("x.toml"), text)
    }

    /// The error for `GOOD` with `from` replaced by `to`.
    fn fault(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn the_quick_scenario_is_good() {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/load/quick.toml");
        let scenario = Scenario::read(&path).unwrap();
        assert_eq!(scenario.strategies.value.len(), 7);
        let points = scenario.points();
        assert_eq!(points.len(), 3);
        assert_ne!(points[0].seed, points[1].seed);
    }

    #[test]
    fn what_is_serialised_reads_back() {
        let scenario = parse(GOOD).unwrap();
        let json = serde_json::to_value(&scenario).unwrap();
        assert_eq!(
            serde_json::from_value::<serde_json::Value>(json.clone()).unwrap(),
            json
        );
        assert_eq!(json["load"]["rates_per_s"], serde_json::json!([1000, 2000]));
    }

    #[test]
    fn each_fault_names_its_place_and_the_way_out() {
        let cases = [
            (
                "process = \"poisson\"",
                "process = \"poison\"",
                "x.toml:8:11: unknown name `poison`; did you mean `poisson`?",
            ),
            (
                "warmup_ms",
                "warmup",
                "x.toml:11:1: unknown key `warmup`; did you mean `warmup_ms`?",
            ),
            ("\"A test.\"", "\" \"", "x.toml:1:11: say in one sentence"),
            ("[\"a\", \"b\"]", "[]", "x.toml:3:14: name at least one"),
            (
                "[\"a\", \"b\"]",
                "[\"a\", \"a\"]",
                "x.toml:3:20: `a` is named twice",
            ),
            (
                "users = 10",
                "users = 0",
                "x.toml:4:20: users: 0 is not from 1",
            ),
            (
                "users = 10",
                "users = 3",
                "x.toml:10:15: 4 connections for 3 users",
            ),
            ("read = 90", "read = 0", "x.toml:5:16: the weight of `read`"),
            ("[1000, 2000]", "[]", "x.toml:9:15: give at least one rate"),
            (
                "[1000, 2000]",
                "[2000, 1000]",
                "x.toml:9:22: rates must ascend, but 1000 follows 2000",
            ),
            ("[1000, 2000]", "[50]", "x.toml:9:16: about 50 requests"),
            (
                "blocks = 2",
                "blocks = 101",
                "x.toml:13:10: 101 blocks in 1000 ms",
            ),
            (
                "timeout_ms = 500",
                "timeout_ms = 0",
                "x.toml:14:14: `timeout_ms`: 0",
            ),
            (
                "[0, 1, 10]",
                "[]",
                "x.toml:25:13: give at least one instant",
            ),
            (
                "[0, 1, 10]",
                "[0, 1, 1]",
                "x.toml:25:20: instants of replay must ascend",
            ),
            ("hashed = 1\n", "", "x.toml:16:1: missing key `hashed`"),
        ];
        for (from, to, expected) in cases {
            let found = fault(from, to);
            assert!(found.starts_with(expected), "{found}\n{expected}");
        }
    }
}
