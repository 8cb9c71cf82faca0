//! The sentences and the summary say what the data say, also when there are
//! few.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../results/tests/fixture/mod.rs"]
mod fixture;

use std::sync::LazyLock;

use authbench_report::{Standing, SummaryRow, sentences, summary};
use authbench_results::{Histogram, Metric, OutcomeKind, Outcomes, RunResult, recorder};
use proptest::prelude::*;

static WHOLE: LazyLock<RunResult> = LazyLock::new(fixture::result);

/// The made-up result with only these strategies.
fn only(names: &[&str]) -> RunResult {
    let mut result = WHOLE.clone();
    result
        .strategies
        .retain(|facts| names.contains(&facts.strategy.as_str()));
    result
        .cells
        .retain(|cell| names.contains(&cell.strategy.as_str()));
    result
}

#[test]
fn three_sentences_tell_cost_revocation_and_size() {
    let [cost, revocation, sizes] = &sentences(&WHOLE)[..] else {
        panic!("not three")
    };
    assert_eq!(
        cost,
        "On a busy core, a request costs the server 12.0 µs of processor time with \
         session.memory.cookie, the cheapest, and 66.2 µs with jwt.es256.bearer, the dearest: 5.5 \
         times as much, although it asks no store and the other does so once a request: the \
         checking of its token costs more than a look-up."
    );
    assert!(
        revocation.starts_with(
            "Once a logout was acknowledged, session.memory.cookie, session.sqlite.cookie, \
         session.redis.cookie and jwt-denylist.redis.bearer never accepted its credential again, \
         but it was still accepted by jwt.hs256.bearer and jwt.es256.bearer for up to 14."
        ),
        "{revocation}"
    );
    assert!(revocation.contains("15 min after login"), "{revocation}");
    assert!(
        sizes.contains("43 B") && sizes.contains("531 B") && sizes.contains("408 B"),
        "{sizes}"
    );
}

#[test]
fn the_cause_of_a_difference_follows_the_look_ups() {
    let cost = |names: &[&str]| sentences(&only(names)).swap_remove(0);
    let store = cost(&["jwt.hs256.bearer", "session.redis.cookie"]);
    assert!(
        store.contains("because it asks its store once a request"),
        "{store}"
    );
    let token = cost(&["jwt.hs256.bearer", "jwt.es256.bearer"]);
    assert!(token.contains("neither asks a store"), "{token}");
    let both = cost(&["session.memory.cookie", "session.redis.cookie"]);
    assert!(both.contains("as many look-ups"), "{both}");
    let alike = cost(&["jwt.hs256.bearer", "jwt-refresh.sqlite.bearer"]);
    assert!(alike.contains("do not differ by more than"), "{alike}");
    let alone = cost(&["jwt.hs256.bearer"]);
    assert!(alone.ends_with("with jwt.hs256.bearer."), "{alone}");
}

#[test]
fn what_is_missing_is_said_to_be_missing() {
    assert_eq!(
        sentences(&only(&[])),
        [
            "What a request costs the server could not be measured.",
            "How long a revoked login lives on was not tried.",
            "Neither credentials nor memory could be measured."
        ]
    );
    let mut result = only(&["session.memory.cookie"]);
    result.strategies[0].token_bytes = None;
    result.strategies[0].memory.store_bytes_per_login = Metric::missing("no access");
    result.strategies[0].revocation = None;
    let row = summary(&result).swap_remove(0);
    assert_eq!(
        row.memory.standing,
        Standing::Missing("no access".to_owned())
    );
    assert_eq!(row.token.text, "–");
    let remarks = row.remarks();
    assert!(
        remarks
            .iter()
            .any(|line| line == "memory per login: no access"),
        "{remarks:?}"
    );
    let revocation = "revocation p50, revocation max: no revocation was tried";
    assert!(remarks.iter().any(|line| line == revocation), "{remarks:?}");
}

#[test]
fn a_credential_that_outlives_the_last_try_lived_at_least_so_long() {
    let mut result = only(&["jwt.hs256.bearer"]);
    result.strategies[0]
        .revocation
        .as_mut()
        .unwrap()
        .still_accepted_at_end = 20;
    assert!(sentences(&result)[1].contains("for at least 14."));
    let row = summary(&result).swap_remove(0);
    assert!(row.revocation_max.text.starts_with("≥ ") && row.revocation_p50.text.starts_with("≥ "));
    result.strategies[0]
        .revocation
        .as_mut()
        .unwrap()
        .still_accepted_at_end = 1;
    let row = summary(&result).swap_remove(0);
    assert!(
        row.revocation_max.text.starts_with("≥ ") && !row.revocation_p50.text.starts_with("≥ ")
    );
}

#[test]
fn a_strategy_that_judges_wrongly_is_not_praised() {
    let mut result = only(&["session.memory.cookie", "jwt.es256.bearer"]);
    result.cells[0].outcomes = Outcomes::of([(OutcomeKind::WrongUser, 3)]);
    let all = sentences(&result);
    assert!(
        !all[..3].concat().contains("session.memory.cookie"),
        "{all:?}"
    );
    assert_eq!(
        all[3],
        "Left out of these sentences, because wrong answers cost nothing: session.memory.cookie \
         (3 answers under load were wrong)."
    );
    assert_eq!(
        summary(&result)[0].failures,
        ["3 answers under load were wrong"]
    );
}

#[test]
fn the_common_load_is_the_highest_at_which_most_kept_up() {
    assert_eq!(
        summary(&WHOLE)[0].load,
        "4,000/s",
        "one strategy was late at 12,000/s"
    );
    let mut result = only(&["session.memory.cookie", "jwt.hs256.bearer"]);
    assert_eq!(summary(&result)[0].load, "12,000/s");
    for cell in result
        .cells
        .iter_mut()
        .filter(|cell| cell.load.offered_per_s > 10_000.0)
    {
        cell.load.completed /= 2;
    }
    assert_eq!(
        summary(&result)[0].load,
        "4,000/s",
        "half of the answers never came"
    );
}

#[test]
fn headings_and_figures_go_together() {
    let row = summary(&WHOLE).swap_remove(0);
    assert_eq!(SummaryRow::COLUMNS.len(), row.figures().len());
    let shown: Vec<String> = row.figures().iter().map(|figure| figure.marked()).collect();
    let expected = [
        "84.0 µs", "127 µs", "12.0 µs", "83,100/s", "25.6 ms", "142 µs", "332 B", "43 B", "212 B",
        "at once", "at once", "1",
    ];
    assert_eq!(shown[2..4], expected[2..4]);
    assert_eq!(shown[6..], expected[6..]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands in a file, its reader gets whole sentences and a page.
    #[test]
    fn any_numbers_are_survived(
        value in prop::option::of(any::<f64>()),
        valid in any::<bool>(),
        offered in prop_oneof![Just(f64::NAN), Just(0.0), any::<f64>()],
        ns in any::<u64>(),
        big in any::<u64>(),
    ) {
        let mut result = only(&["session.memory.cookie"]);
        let metric = Metric { value, valid, reason: None };
        let mut recorded = recorder();
        recorded.saturating_record(ns);
        let histogram = Histogram::of(&recorded);
        for cell in &mut result.cells {
            cell.load.offered_per_s = offered;
            cell.load.measured_ms = big;
            cell.valid = valid;
            cell.latency.response = histogram.clone();
            cell.costs.server_cpu_ns_per_request = metric.clone();
            cell.costs.wire_sent_bytes_per_request = metric.clone();
        }
        let facts = &mut result.strategies[0];
        facts.memory.server_bytes_per_login = metric.clone();
        facts.lookups_per_request = metric.clone();
        facts.requests_per_core_s = metric;
        facts.token_bytes = Some(big);
        facts.guarantees.lifetime_ms = big;
        facts.revocation.as_mut().unwrap().samples = big;
        facts.revocation.as_mut().unwrap().last_acceptance = histogram;
        for sentence in sentences(&result) {
            prop_assert!(sentence.ends_with('.') && !sentence.contains("NaN"), "{sentence}");
        }
        let page = authbench_report::page(&result);
        prop_assert!(!page.contains("NaN") && !page.contains(">inf"));
    }
}
