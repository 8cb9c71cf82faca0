//! A scenario's phases: stretches of different load, one after the other, on
//! the same servers and users.

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::mix::Mix;
use super::topology::Routing;
use crate::schedule::Shape;

/// One phase. What is absent is as in `[load]` and `[mix]`. In an open loop
/// exactly one of `rate_per_s`, `ramp`, `steps_per_s` and `bursts` stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What it is called in results; each name once.
    pub name: Located<String>,
    /// A steady rate: arrivals per second, 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<Located<u32>>,
    /// A rate that changes evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// Rates for equal parts of the time, one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_per_s: Option<Located<Vec<Located<u32>>>>,
    /// A rate that jumps up at regular intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bursts: Option<Bursts>,
    /// Milliseconds of load before measuring begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_ms: Option<Located<u64>>,
    /// Milliseconds that are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure_ms: Option<Located<u64>>,
    /// What the users do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// How requests are spread over the replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
    /// Services that a read passes through, up to `[topology] hops`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops: Option<Located<u32>>,
    /// What is done before the phase begins.
    #[serde(default)]
    pub before: Before,
}

/// A rate that changes evenly from one to the other.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Arrivals per second at the start: 0 to 1,000,000.
    pub from_per_s: Located<u32>,
    /// Arrivals per second at the end: 0 to 1,000,000, not both 0.
    pub to_per_s: Located<u32>,
}

/// A rate that jumps up at regular intervals, first at the start.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// Arrivals per second between bursts: 0 to 1,000,000.
    pub base_per_s: Located<u32>,
    /// Arrivals per second within a burst: 1 to 1,000,000.
    pub burst_per_s: Located<u32>,
    /// Milliseconds from the start of one burst to that of the next.
    pub every_ms: Located<u64>,
    /// Milliseconds that a burst lasts: 1 up to `every_ms`.
    pub burst_ms: Located<u64>,
}

/// What is done before a phase begins, in this order.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Before {
    /// Further accounts log in until the target remembers so many logins: up
    /// to 10,000,000. They stay logged in. Up to the population's size they
    /// are the virtual users of the phase.
    pub hold_logins: Located<u32>,
    /// So many throwaway logins are made and ended: up to 10,000,000. A
    /// denylist grows by them.
    pub end_logins: Located<u32>,
    /// All virtual users forget their logins, as after a lost cookie jar.
    pub forget_logins: bool,
    /// The target's clock is stepped until just after the expiry of every
    /// access credential that virtual users hold. Needs the lab's clock.
    pub expire_access: bool,
}

impl Phase {
    /// How the rate changes; `None` where the phase does not say a rate.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        if let Some(rate) = &self.rate_per_s {
            return Some(Shape::Steady {
                rate_per_s: f64::from(rate.value),
            });
        }
        if let Some(ramp) = &self.ramp {
            return Some(Shape::Ramp {
                from_per_s: f64::from(ramp.from_per_s.value),
                to_per_s: f64::from(ramp.to_per_s.value),
            });
        }
        if let Some(steps) = &self.steps_per_s {
            let rates = steps.value.iter().map(|rate| f64::from(rate.value));
            return Some(Shape::Steps {
                rates_per_s: rates.collect(),
            });
        }
        self.bursts.as_ref().map(|bursts| Shape::Bursts {
            base_per_s: f64::from(bursts.base_per_s.value),
            burst_per_s: f64::from(bursts.burst_per_s.value),
            every_ms: bursts.every_ms.value,
            burst_ms: bursts.burst_ms.value,
        })
    }

    pub(super) fn validate(
        &self,
        measure_ms: u64,
        has_schedule: bool,
        check: &Check<'_>,
    ) -> Result<(), ConfError> {
        if self.name.value.trim().is_empty() {
            return Err(check.fault(&self.name, "give the phase a name"));
        }
        let measure_ms = match &self.measure_ms {
            None => measure_ms,
            Some(located) => {
                check.within(located, "`measure_ms`", 100, 3_600_000)?;
                located.value
            }
        };
        if let Some(warmup_ms) = &self.warmup_ms {
            check.within(warmup_ms, "`warmup_ms`", 0, 600_000)?;
        }
        if let Some(hops) = &self.hops {
            check.within(hops, "`hops`", 1, 8)?;
        }
        self.rates(measure_ms, has_schedule, check)?;
        let before = &self.before;
        check.within(&before.hold_logins, "`hold_logins`", 0, 10_000_000)?;
        check.within(&before.end_logins, "`end_logins`", 0, 10_000_000)?;
        self.mix.as_ref().map_or(Ok(()), |mix| mix.validate(check))
    }

    fn rates(&self, measure_ms: u64, needed: bool, check: &Check<'_>) -> Result<(), ConfError> {
        let given = [
            self.rate_per_s.is_some(),
            self.ramp.is_some(),
            self.steps_per_s.is_some(),
            self.bursts.is_some(),
        ];
        let name = &self.name;
        match (given.iter().filter(|given| **given).count(), needed) {
            (1, true) | (0, false) => {}
            (_, true) => {
                return Err(check.fault(
                    name,
                    format!(
                        "phase `{name}`: give exactly one of `rate_per_s`, `ramp`, `steps_per_s`, \
                         `bursts`"
                    ),
                ));
            }
            (_, false) => {
                return Err(check.fault(
                    name,
                    format!("phase `{name}` gives a rate, but the process has no schedule"),
                ));
            }
        }
        if let Some(rate) = &self.rate_per_s {
            check.rate(rate, measure_ms)?;
        }
        for rate in self.steps_per_s.iter().flat_map(|steps| &steps.value) {
            check.within(rate, "a step's rate per second", 1, 1_000_000)?;
        }
        if let Some(steps) = self
            .steps_per_s
            .as_ref()
            .filter(|steps| steps.value.is_empty())
        {
            return Err(check.fault(steps, "give at least one step"));
        }
        if let Some(Ramp {
            from_per_s,
            to_per_s,
        }) = &self.ramp
        {
            check.within(from_per_s, "`from_per_s`", 0, 1_000_000)?;
            check.within(to_per_s, "`to_per_s`", 0, 1_000_000)?;
            if from_per_s.value == 0 && to_per_s.value == 0 {
                return Err(check.fault(to_per_s, "a ramp from 0 to 0 has no arrivals"));
            }
        }
        if let Some(bursts) = &self.bursts {
            check.within(&bursts.base_per_s, "`base_per_s`", 0, 1_000_000)?;
            check.within(&bursts.burst_per_s, "`burst_per_s`", 1, 1_000_000)?;
            check.within(&bursts.every_ms, "`every_ms`", 1, 3_600_000)?;
            check.within(&bursts.burst_ms, "`burst_ms`", 1, bursts.every_ms.value)?;
        }
        Ok(())
    }
}
