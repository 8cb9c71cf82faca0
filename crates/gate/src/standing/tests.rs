use authbench_results::{
    Environment, Health, Interleaving, Invalid, Placement, QualificationVersion, Scenario, Side,
    SideKind, Snapshot, Source,
};
use proptest::prelude::*;

use super::*;

fn gate(percent: f64, operation: Option<&str>, verdict: Verdict) -> KnownGate {
    KnownGate {
        round: 0,
        injected_percent: percent,
        injected_operation: operation.map(str::to_owned),
        duration_ms: 1,
        verdict,
        cells: vec![KnownCell {
            strategy: "jwt".to_owned(),
            metric: "server_cpu_ns_per_request".to_owned(),
            effect_percent: None,
            low_percent: None,
            high_percent: None,
            visible_percent: None,
            red_at_first: verdict == Verdict::Regressed,
            verdict,
        }],
    }
}

fn gates(percent: f64, total: usize, red: usize) -> Vec<KnownGate> {
    let verdict = |index| {
        if index < red {
            Verdict::Regressed
        } else {
            Verdict::Pass
        }
    };
    (0..total)
        .map(|index| gate(percent, None, verdict(index)))
        .collect()
}

fn only(gates: &[KnownGate], class: MetricClass) -> CellStanding {
    let [cell] = <[CellStanding; 1]>::try_from(cell_standings(gates, |_| class)).unwrap();
    assert_eq!(cell.qualified, cell.reason.is_none());
    cell
}

fn qualification(gates: Vec<KnownGate>) -> Qualification {
    Qualification {
        schema: QualificationVersion::V1,
        id: "q".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        ended_at: "2026-01-01T01:00:00Z".to_owned(),
        arguments: Vec::new(),
        seed: 1,
        tool_version: "0".to_owned(),
        interrupted: false,
        invalid: None,
        subject: Side {
            named: ".".to_owned(),
            kind: SideKind::Tree,
            source: Source::default(),
            fingerprint: None,
            injected: None,
        },
        environment: Environment::read(Placement::default()),
        health: health(),
        scenario: Scenario::new("quick".to_owned(), String::new()),
        interleaving: Interleaving {
            palindromes: 1,
            blocks: 12,
            confirm_blocks: 8,
            warmup_ms: 0,
            segment_ms: 1,
            rates_per_s: BTreeMap::new(),
            connections: 1,
            users: 1,
            control_version: 1,
        },
        rules: String::new(),
        cells: cell_standings(&gates, |_| MetricClass::Cpu),
        gates,
        warnings: Vec::new(),
    }
}

fn health() -> Health {
    let now = Snapshot::take();
    now.until(&now, None)
}

#[test]
fn a_cell_needs_ten_gates_and_one_red_in_thirty() {
    let at = |total, red| only(&gates(0.0, total, red), MetricClass::Wall);
    assert!(!at(9, 0).qualified);
    assert!(at(9, 0).reason.unwrap().contains("9 A/A gates judged it"));
    assert!(at(10, 0).qualified);
    assert!(!at(10, 1).qualified);
    assert!(!at(29, 1).qualified);
    assert!(at(30, 1).qualified);
    assert!(at(31, 2).reason.unwrap().starts_with("2 of 31 A/A gates"));
}

#[test]
fn gates_that_did_not_judge_a_cell_do_not_count() {
    let mut all = gates(0.0, 10, 0);
    all[3].cells[0].verdict = Verdict::NotMeasured;
    assert_eq!(only(&all, MetricClass::Cpu).aa_gates, 9);
}

#[test]
fn a_large_slow_down_must_be_found_where_cpu_is_measured() {
    let with = |percent, total, found| {
        let mut all = gates(0.0, 30, 1);
        all.extend(gates(percent, total, found));
        all
    };
    assert!(only(&with(10.0, 30, 27), MetricClass::Cpu).qualified);
    let missed = only(&with(10.0, 30, 26), MetricClass::Cpu);
    assert!(!missed.qualified);
    assert!(missed.reason.unwrap().contains("26 of 30"));
    assert!(only(&with(10.0, 30, 26), MetricClass::Wall).qualified);
    assert!(only(&with(5.0, 30, 0), MetricClass::Cpu).qualified);
}

#[test]
fn the_largest_slow_down_of_every_request_counts() {
    let mut all = gates(0.0, 10, 0);
    all.extend(gates(5.0, 4, 1));
    all.extend(gates(10.0, 3, 3));
    all.push(gate(50.0, Some("authenticate"), Verdict::Pass));
    let cell = only(&all, MetricClass::Cpu);
    let injected = (
        cell.injected_percent,
        cell.injected_gates,
        cell.injected_found,
    );
    assert_eq!(injected, (Some(10.0), 3, 3));
    assert!(cell.qualified);
}

#[test]
fn no_qualification_and_a_retracted_one_say_nothing() {
    assert_eq!(standing(None), Standing::default());
    let mut known = qualification(gates(0.0, 30, 0));
    assert!(standing(Some(&known)).is_known());
    known.invalid = Some(Invalid {
        reason: "the machine was busy".to_owned(),
    });
    assert_eq!(standing(Some(&known)), Standing::default());
}

#[test]
fn one_that_was_stopped_counts_from_ten_gates_on() {
    let stopped = |total| Qualification {
        interrupted: true,
        ..qualification(gates(0.0, total, 0))
    };
    assert!(!standing(Some(&stopped(9))).is_known());
    assert!(standing(Some(&stopped(10))).is_known());
}

#[test]
fn lists_tell_who_may_fail_a_gate_and_who_cried_wolf() {
    const CPU: &str = "server_cpu_ns_per_request";
    let of = |gates| standing(Some(&qualification(gates)));
    let good = of(gates(0.0, 30, 1));
    assert!(good.is_qualified("jwt", CPU) && !good.has_failed("jwt", CPU));
    assert_eq!((good.aa_gates, good.aa_red), (30, 1));
    let bad = of(gates(0.0, 30, 2));
    assert!(!bad.is_qualified("jwt", CPU) && bad.has_failed("jwt", CPU));
    let few = of(gates(0.0, 5, 1));
    assert!(!few.is_qualified("jwt", CPU) && !few.has_failed("jwt", CPU));
    let mut blind = gates(0.0, 30, 0);
    blind.extend(gates(10.0, 30, 3));
    let blind = of(blind);
    assert!(!blind.is_qualified("jwt", CPU) && !blind.has_failed("jwt", CPU));
}

#[test]
fn a_machine_that_cries_wolf_or_is_blind_is_unfit() {
    let of = |aa: (usize, usize), injected: &[(f64, usize, usize)]| {
        let mut all = gates(0.0, aa.0, aa.1);
        for (percent, total, found) in injected {
            all.extend(gates(*percent, *total, *found));
        }
        all.push(gate(50.0, Some("authenticate"), Verdict::Pass));
        unfit(&standing(Some(&qualification(all))))
    };
    for (aa, injected) in [
        ((10, 1), &[][..]),
        ((60, 2), &[]),
        ((10, 0), &[(10.0, 10, 9)]),
        ((0, 0), &[(9.0, 10, 0)]),
        ((10, 0), &[(10.0, 10, 0), (20.0, 10, 10)]),
    ] {
        assert_eq!(of(aa, injected), None);
    }
    for (aa, injected, part) in [
        ((10, 2), &[][..], "2 of 10"),
        ((59, 2), &[], "2 of 59"),
        ((10, 0), &[(10.0, 10, 8)], "8 of 10"),
        ((0, 0), &[(10.0, 10, 10), (20.0, 10, 8)], "by 20 %"),
    ] {
        let why = of(aa, injected).unwrap();
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn slow_downs_are_listed_smallest_first() {
    let mut all = gates(10.0, 2, 2);
    all.extend(gates(5.0, 3, 1));
    all.push(gate(5.0, None, Verdict::Improved));
    all.push(gate(10.0, Some("issue"), Verdict::Pass));
    let listed: Vec<_> = standing(Some(&qualification(all)))
        .injected
        .into_iter()
        .map(|it| (it.percent, it.operation, it.gates, it.found, it.improved))
        .collect();
    assert_eq!(
        listed,
        [
            (5.0, None, 4, 1, 1),
            (10.0, None, 2, 2, 0),
            (10.0, Some("issue".to_owned()), 1, 0, 0),
        ]
    );
}

proptest! {
    #[test]
    fn a_cell_never_both_qualifies_and_fails(
        total in 0_usize..70, red in 0_usize..5, injected in 0_usize..20, found in 0_usize..20,
    ) {
        let mut all = gates(0.0, total, red);
        all.extend(gates(10.0, injected, found));
        let known = standing(Some(&qualification(all)));
        let metric = "server_cpu_ns_per_request";
        let both = known.is_qualified("jwt", metric) && known.has_failed("jwt", metric);
        prop_assert!(!both);
        if known.is_qualified("jwt", metric) {
            prop_assert!(total >= 10 && red * 30 <= total);
            prop_assert!(found.min(injected) * 10 >= injected * 9);
        }
    }
}
