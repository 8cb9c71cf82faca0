//! What goes wrong, and when.

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::phase::Phase;

/// One fault at one instant of a load point.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What breaks.
    pub kind: Located<FaultKind>,
    /// In which phase; absent: in every load point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Located<String>>,
    /// Milliseconds from the start of the measured time: within it.
    pub at_ms: Located<u64>,
    /// Milliseconds that it lasts: 1 to 600,000. Absent for what happens once
    /// (`rotate-keys`, `server-restart`, `store-restart`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<Located<u64>>,
    /// Which replica a `server-` fault hits: below `[topology] replicas`.
    #[serde(default)]
    pub replica: Located<u32>,
    /// With `store-slow`: microseconds by which each operation takes longer.
    #[serde(default)]
    pub delay_us: Located<u64>,
}

/// What breaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The store refuses: connections to a server are reset, an embedded store
    /// answers with errors.
    StoreRefuse,
    /// The store does not answer.
    StoreHang,
    /// The store is slower, by `delay_us`.
    StoreSlow,
    /// The store's server is killed and starts again with what it kept.
    /// Embedded stores have no server.
    StoreRestart,
    /// A replica is stopped, and goes on afterwards as if nothing had been.
    ServerPause,
    /// A replica is killed and starts again.
    ServerRestart,
    /// New credentials are signed with a new key; old ones are still accepted.
    RotateKeys,
}

impl FaultKind {
    /// Whether it lasts, or happens once.
    #[must_use]
    pub const fn lasts(self) -> bool {
        matches!(
            self,
            Self::StoreRefuse | Self::StoreHang | Self::StoreSlow | Self::ServerPause
        )
    }

    /// Whether it is the store that breaks.
    #[must_use]
    pub const fn is_of_store(self) -> bool {
        matches!(
            self,
            Self::StoreRefuse | Self::StoreHang | Self::StoreSlow | Self::StoreRestart
        )
    }

    /// Its name in scenarios and results.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::StoreRefuse => "store-refuse",
            Self::StoreHang => "store-hang",
            Self::StoreSlow => "store-slow",
            Self::StoreRestart => "store-restart",
            Self::ServerPause => "server-pause",
            Self::ServerRestart => "server-restart",
            Self::RotateKeys => "rotate-keys",
        }
    }
}

impl Fault {
    pub(super) fn validate(
        &self,
        measure_ms: u64,
        phases: &[Phase],
        replicas: u32,
        check: &Check<'_>,
    ) -> Result<(), ConfError> {
        let measure_ms = match &self.phase {
            None => measure_ms,
            Some(name) => {
                let phase = phases.iter().find(|phase| phase.name == *name);
                let phase = phase.ok_or_else(|| {
                    let valid: Vec<&str> = phases
                        .iter()
                        .map(|phase| phase.name.value.as_str())
                        .collect();
                    ConfError::unknown_name(check.file, name, &valid)
                })?;
                phase.measure_ms.as_ref().map_or(measure_ms, |ms| ms.value)
            }
        };
        check.within(&self.at_ms, "`at_ms`", 0, measure_ms - 1)?;
        check.within(&self.replica, "`replica`", 0, u64::from(replicas - 1))?;
        check.within(&self.delay_us, "`delay_us`", 0, 60_000_000)?;
        let kind = self.kind.value;
        match &self.for_ms {
            Some(for_ms) if !kind.lasts() => Err(check.fault(
                for_ms,
                format!("`{}` happens once: leave `for_ms` out", kind.label()),
            )),
            None if kind.lasts() => Err(check.fault(
                &self.kind,
                format!("`{}` lasts: say how long with `for_ms`", kind.label()),
            )),
            Some(for_ms) => check.within(for_ms, "`for_ms`", 1, 600_000),
            None => Ok(()),
        }?;
        match (kind, self.delay_us.value) {
            (FaultKind::StoreSlow, 0) => Err(check.fault(
                &self.kind,
                "`store-slow` needs `delay_us`, by how much it is slower",
            )),
            (FaultKind::StoreSlow, _) | (_, 0) => Ok(()),
            _ => Err(check.fault(&self.delay_us, "`delay_us` is for `store-slow` only")),
        }
    }
}
