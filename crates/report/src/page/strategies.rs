//! Promises and recipes.

use authbench_results::{
    Conformance, Durability, Listing, OutageBehaviour, RefreshOffer, Staleness,
};
use maud::{Markup, html};

use crate::reading::{Reading, Strategy};
use crate::units::{self, setting_ms};

pub(super) fn of(reading: &Reading<'_>) -> Markup {
    html! {
        div class="scroll" tabindex="0" {
            table class="words" {
                thead {
                    tr {
                        @for head in ["strategy", "one login ended", "all logins ended", "role changed", "lifetime", "renewal", "list of logins", "store out of reach", "after a crash", "checks"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody { @for strategy in &reading.strategies { (line(strategy)) } }
            }
        }
        @for strategy in &reading.strategies {
            details {
                summary { code { (strategy.name()) } ": recipe, password hash, memory" }
                pre { code { (strategy.facts.recipe) } }
                p { "Password hash: " (strategy.facts.login.password_hash) "." }
                p { "Memory: " (strategy.facts.memory.method) "; over " (units::count(strategy.facts.memory.logins as f64)) " logins." }
            }
        }
    }
}

fn line(strategy: &Strategy<'_>) -> Markup {
    let promised = &strategy.facts.guarantees;
    html! {
        tr {
            th scope="row" { (strategy.name()) }
            td { (seen(promised.revoke_one)) }
            td { (seen(promised.revoke_all)) }
            td { (seen(promised.role_change)) }
            td { (setting_ms(promised.lifetime_ms)) @if promised.expiry_slack_ms > 0 { " + " (setting_ms(promised.expiry_slack_ms)) } }
            td {
                @match promised.refresh {
                    RefreshOffer::None => "log in again",
                    RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms } => {
                        "rotating for " (setting_ms(chain_ms)) "; reuse ends all"
                        @if grace_ms > 0 { " after " (setting_ms(grace_ms)) }
                    },
                    RefreshOffer::SwapsAccess => "swapped for another, same end",
                }
            }
            td { @match promised.listing { Listing::Exact => "exact", Listing::NotKept => "not kept" } }
            td {
                @match promised.outage {
                    OutageBehaviour::Unaffected => "unaffected",
                    OutageBehaviour::FailsClosed => "nobody is accepted",
                    OutageBehaviour::Coasts => "who is cached is accepted",
                    OutageBehaviour::FailsOpen => span.bad { "FAILS OPEN: revoked logins may pass" },
                }
            }
            td {
                @match promised.durability {
                    Durability::Stateless => "nothing to lose",
                    Durability::Disk => "all is kept",
                    Durability::ProcessCrash => "kept, unless power is lost",
                    Durability::None => "all is lost",
                }
            }
            td { (checks(strategy.facts.conformance.as_ref())) }
        }
    }
}

fn seen(staleness: Staleness) -> String {
    match staleness {
        Staleness::Immediate => "at once".to_owned(),
        Staleness::WithinMs(within) => format!("within {}", setting_ms(within)),
        Staleness::UntilExpiry => "at expiry".to_owned(),
    }
}

fn checks(verdict: Option<&Conformance>) -> String {
    let Some(verdict) = verdict else {
        return "not run".to_owned();
    };
    let not = format!("{} not applicable", verdict.not_applicable);
    if verdict.failed.is_empty() {
        return format!("{} passed, {not}", verdict.passed);
    }
    format!(
        "{} passed, {not}, failed: {}",
        verdict.passed,
        verdict.failed.join(", ")
    )
}
