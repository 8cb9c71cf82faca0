//! Machine, source and health.

use authbench_results::{Environment, Health, RunResult, Source};
use maud::{Markup, html};

use crate::units;

type Fact = (&'static str, Option<String>);

pub(super) fn of(result: &RunResult) -> Markup {
    html! {
        div class="columns" {
            div { h3 { "Machine" } (machine(&result.environment)) }
            div { h3 { "Source" } (source(&result.source, &result.run.tool_version)) }
            div { h3 { "Health over the run" } (health(&result.health)) }
        }
    }
}

fn list(facts: &[Fact]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in facts {
                dt { (name) }
                dd { @match value { Some(value) => (value), None => span class="missing" { "unknown" } } }
            }
        }
    }
}

/// The machine as a list.
pub(crate) fn machine(environment: &Environment) -> Markup {
    let services: Vec<String> = environment
        .services
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let or_none = |text: Option<String>| Some(text.unwrap_or_else(|| "none known".to_owned()));
    list(&[
        ("processor", environment.cpu_model.clone()),
        (
            "logical cores",
            environment.logical_cores.map(|cores| cores.to_string()),
        ),
        ("frequency governor", environment.governor.clone()),
        (
            "memory",
            environment
                .memory_bytes
                .map(|octets| units::bytes(octets as f64)),
        ),
        ("kernel", environment.kernel.clone()),
        ("C library", environment.libc.clone()),
        ("virtualisation", environment.virtualisation.clone()),
        (
            "control group: CPU",
            or_none(
                environment
                    .cgroup_cpu_limit
                    .map(|cores| format!("{} cores", units::few(cores))),
            ),
        ),
        (
            "control group: memory",
            or_none(
                environment
                    .cgroup_memory_bytes
                    .map(|octets| units::bytes(octets as f64)),
            ),
        ),
        (
            "services",
            Some(if services.is_empty() {
                "none".to_owned()
            } else {
                services.join(", ")
            }),
        ),
        ("server's cores", Some(cores(&environment.server_cores))),
        ("driver's cores", Some(cores(&environment.driver_cores))),
        (
            "fingerprint",
            Some(environment.short_fingerprint().to_owned()),
        ),
    ])
}

fn cores(cores: &[u32]) -> String {
    if cores.is_empty() {
        return "not pinned".to_owned();
    }
    cores
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The code as a list.
pub(crate) fn source(source: &Source, tool_version: &str) -> Markup {
    let short = |hex: &Option<String>| hex.as_ref().map(|hex| hex.chars().take(16).collect());
    list(&[
        ("authbench", Some(tool_version.to_owned())),
        ("commit", short(&source.commit)),
        (
            "changes in no commit",
            source
                .dirty
                .map(|dirty| if dirty { "yes" } else { "no" }.to_owned()),
        ),
        ("Cargo.lock, SHA-256", short(&source.lock_sha256)),
        ("binary, SHA-256", short(&source.binary_sha256)),
        ("compiler", source.rustc.clone()),
        ("profile", source.profile.clone()),
    ])
}

/// How quiet the machine was, as a list.
pub(crate) fn health(health: &Health) -> Markup {
    let ms = |ms: Option<u64>| ms.map(|ms| units::duration_ns(ms as f64 * 1e6));
    list(&[
        ("stolen by the hypervisor", ms(health.steal_ms)),
        ("tasks waited for a CPU", ms(health.cpu_pressure_some_ms)),
        (
            "CPU used by others",
            health.foreign_cpu_fraction.map(units::percent),
        ),
        (
            "driver late, p99 at worst",
            health.lag_ns_p99.map(|ns| units::duration_ns(ns as f64)),
        ),
        (
            "driver busy at worst",
            health.driver_utilisation_fraction.map(units::percent),
        ),
        (
            "drift of the control at worst",
            health.control_drift_fraction.map(units::percent),
        ),
    ])
}
