//! The sentences and the summary say what the data say, also when there are
//! few.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../results/tests/fixture/mod.rs"]
mod fixture;

use std::sync::LazyLock;

use authbench_report::{
    PointRow, Standing, SummaryRow, faults, is_varied, knees, points, sentences, summary,
};
use authbench_results::{
    Durability, Histogram, Metric, OutcomeKind, Outcomes, RunResult, recorder,
};
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
fn where_no_load_is_common_each_strategy_has_its_own() {
    let mut result = WHOLE.clone();
    for (at, cell) in result.cells.iter_mut().enumerate() {
        cell.load.offered_per_s += at as f64;
    }
    assert!(is_varied(&result) && !is_varied(&WHOLE));
    let rows = summary(&result);
    let loads: Vec<&str> = rows.iter().map(|row| row.load.as_str()).collect();
    assert_eq!(loads[..2], ["4,007/s", "4,008/s"], "the middle of three");
    assert!(rows.iter().all(|row| row.authenticate_p50.text != "–"));
}

#[test]
fn phases_with_faults_and_closed_loops_are_no_common_load() {
    let result = fixture::phased::result();
    for row in summary(&result) {
        assert_eq!(row.load, "2,000/s in the phase calm");
        assert_eq!(row.failures, Vec::<String>::new(), "{}", row.strategy);
    }
    let mut closed = result;
    closed.cells.retain(|cell| cell.latency.send_lag.is_none());
    assert_eq!(
        summary(&closed)[0].load,
        "closed loop, 1,000 users in the phase closed"
    );
}

#[test]
fn failures_that_no_fault_caused_still_count() {
    let mut result = fixture::phased::result();
    let fault = &mut result.cells[3].faults[0];
    fault.during = Outcomes::default();
    let failures = &summary(&result)[0].failures;
    assert!(
        failures[0].starts_with("1,000 requests got no decision"),
        "{failures:?}"
    );
    let mut result = fixture::phased::result();
    let elsewhere = result.strategies[1].revocation_elsewhere.as_mut().unwrap();
    elsewhere.accepted_after_deadline = 2;
    assert!(summary(&result)[1].failures[0].starts_with("2 acceptances came later"));
}

#[test]
fn what_may_be_lost_with_a_process_is_no_wrong_answer_after_its_restart() {
    let failures = |durability, kind: &str, after| {
        let mut result = fixture::phased::result();
        result.strategies[0].guarantees.durability = durability;
        let cell = &mut result.cells[3];
        assert_eq!(cell.strategy, result.strategies[0].strategy);
        let fault = &mut cell.faults[0];
        fault.kind = kind.to_owned();
        fault.after = Outcomes::together([&fault.after, &Outcomes::of([(after, 5)])]);
        cell.outcomes = Outcomes::together([&cell.outcomes, &Outcomes::of([(after, 5)])]);
        summary(&result).swap_remove(0).failures
    };
    let (lost, kept) = (Durability::None, Durability::ProcessCrash);
    for after in [OutcomeKind::RefusedGood, OutcomeKind::AcceptedDead] {
        for kind in ["store-restart", "server-restart"] {
            assert_eq!(failures(lost, kind, after), [""; 0]);
            assert_eq!(failures(kept, kind, after).len(), 1);
        }
        assert_eq!(failures(lost, "store-refuse", after).len(), 1);
    }
    let wrong_user = failures(lost, "store-restart", OutcomeKind::WrongUser);
    assert_eq!(wrong_user, ["5 answers under load were wrong"]);
}

#[test]
fn each_measurement_has_a_row() {
    let result = fixture::phased::result();
    assert!(is_varied(&result));
    let rows = points(&result);
    assert_eq!(rows.len(), result.cells.len());
    let own: Vec<(&str, Option<&str>, &str)> = rows[..3]
        .iter()
        .map(|row| {
            (
                row.strategy.as_str(),
                row.phase.as_deref(),
                row.offered.as_str(),
            )
        })
        .collect();
    let name = "session.redis.cookie";
    let expected = [
        (name, Some("calm"), "2,000/s"),
        (name, Some("outage"), "2,000/s"),
        (name, Some("closed"), "closed loop, 1,000 users"),
    ];
    assert_eq!(own, expected);
    assert_eq!(rows[1].figures[3].text, "1,003");
    for row in &rows {
        assert_eq!(row.figures.len(), PointRow::COLUMNS.len());
    }
}

#[test]
fn knees_and_faults_are_one_sentence_each() {
    let result = fixture::phased::result();
    let knees = knees(&result);
    assert_eq!(
        knees[0],
        "session.redis.cookie carries 30,968/s at p99 ≤ 5 ms, and not 35,392/s; 1 of 6 tries may \
         not be believed."
    );
    let mut none = result.clone();
    none.strategies[0].knee.as_mut().unwrap().rate_per_s = None;
    assert!(authbench_report::knees(&none)[0].contains("held p99 ≤ 5 ms at no rate"));
    let faults = faults(&result);
    assert_eq!(
        faults[0],
        "session.redis.cookie in the phase outage, store-refuse at 500 ms: first failure after 400 \
         µs; failures meanwhile: 1,000 no judgement (5xx), accepted meanwhile: 7; recovered 12.0 ms \
         after its end; failures after it: 3 connection broke."
    );
    assert!(faults[1].contains("first failure none") && faults[1].contains("nothing to recover"));
    assert!(
        authbench_report::knees(&WHOLE).is_empty() && authbench_report::faults(&WHOLE).is_empty()
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
