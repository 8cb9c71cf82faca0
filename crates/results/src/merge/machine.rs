//! The machines and their health.

use crate::environment::Environment;
use crate::health::Health;
use crate::run::{RunResult, sha256_hex};

use super::Notes;

/// The worst of all: of each figure the greatest that is known.
pub(super) fn worst<'p>(parts: impl IntoIterator<Item = &'p Health>) -> Health {
    let parts: Vec<&Health> = parts.into_iter().collect();
    let all = || parts.iter().copied();
    let count = |of: fn(&Health) -> Option<u64>| all().filter_map(of).max();
    let share = |of: fn(&Health) -> Option<f64>| all().filter_map(of).max_by(f64::total_cmp);
    Health {
        steal_ms: count(|health| health.steal_ms),
        steal_fraction: share(|health| health.steal_fraction),
        cpu_pressure_some_ms: count(|health| health.cpu_pressure_some_ms),
        foreign_cpu_fraction: share(|health| health.foreign_cpu_fraction),
        lag_ns_p99: count(|health| health.lag_ns_p99),
        driver_utilisation_fraction: share(|health| health.driver_utilisation_fraction),
        control_drift_fraction: share(|health| health.control_drift_fraction),
    }
}

/// The machines as one: what they have in common, else what each says, and of
/// sizes the least. If they differ, so does the fingerprint from that of each.
pub(super) fn environment(parts: &[RunResult], notes: &mut Notes) -> Environment {
    let all = || parts.iter().map(|part| &part.environment);
    let texts = |of: fn(&Environment) -> Option<&str>| {
        let mut said: Vec<&str> = Vec::new();
        for text in all().filter_map(of) {
            if !said.contains(&text) {
                said.push(text);
            }
        }
        (!said.is_empty()).then(|| said.join("; "))
    };
    let prints: Vec<&str> = all().map(|own| own.fingerprint.as_str()).collect();
    let is_one = prints.iter().all(|print| *print == prints[0]);
    if !is_one {
        notes.add(
            "The parts ran on machines of different kinds: times of one may hide those of another."
                .to_owned(),
        );
    }
    let cores = |of: fn(&Environment) -> &Vec<u32>| {
        let mut cores: Vec<u32> = all().flat_map(of).copied().collect();
        cores.sort_unstable();
        cores.dedup();
        cores
    };
    Environment {
        cpu_model: texts(|own| own.cpu_model.as_deref()),
        logical_cores: all().filter_map(|own| own.logical_cores).min(),
        governor: texts(|own| own.governor.as_deref()),
        memory_bytes: all().filter_map(|own| own.memory_bytes).min(),
        kernel: texts(|own| own.kernel.as_deref()),
        libc: texts(|own| own.libc.as_deref()),
        virtualisation: texts(|own| own.virtualisation.as_deref()),
        cgroup_cpu_limit: all()
            .filter_map(|own| own.cgroup_cpu_limit)
            .min_by(f64::total_cmp),
        cgroup_memory_bytes: all().filter_map(|own| own.cgroup_memory_bytes).min(),
        services: all().flat_map(|own| own.services.clone()).collect(),
        server_cores: cores(|own| &own.server_cores),
        driver_cores: cores(|own| &own.driver_cores),
        fingerprint: if is_one {
            prints[0].to_owned()
        } else {
            sha256_hex(prints.join("\n").as_bytes())
        },
    }
}
