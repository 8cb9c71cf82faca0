use std::path::Path;

use authbench_conf::ConfErrorKind;
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Rules, ConfError> {
    Rules::parse(Path::new("gate.toml"), text)
}

fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn exception(strategy: &str, metric: &str, percent: f64) -> Exception {
    Exception {
        strategy: strategy.to_owned(),
        metric: metric.to_owned(),
        percent,
        reason: format!("{strategy} {metric}"),
    }
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("").unwrap(), Rules::default());
}

#[test]
fn the_file_of_this_repository_is_the_default_and_its_exceptions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gate.toml");
    let rules = Rules::read(&path).unwrap();
    let default = Rules {
        exceptions: rules.exceptions.clone(),
        ..Rules::default()
    };
    assert_eq!(rules, default);
    let text = std::fs::read_to_string(&path).unwrap();
    let written: toml::Table = text.parse().unwrap();
    let all: toml::Table = default.resolved().parse().unwrap();
    assert_eq!(
        written, all,
        "the file says every default aloud, and no more"
    );
}

#[test]
fn faults_have_a_place_and_a_way_out() {
    assert_eq!(
        refused("alpha = 0.05\nblock = 12"),
        "gate.toml:2:1: unknown key `block`; did you mean `blocks`? (valid keys: alpha, power, \
         blocks, confirm_blocks, warmup_ms, segment_ms, palindromes, connections, users, \
         rate_per_s_max, load_percent, blind_percent, required, scenario, with_services, budgets, exceptions)"
    );
    assert_eq!(
        refused("blocks = 21"),
        "gate.toml:1:10: `blocks`: 21 is not from 6 to 20"
    );
    assert_eq!(
        refused("load_percent = 51"),
        "gate.toml:1:16: `load_percent`: 51 is not from 1 to 50"
    );
    assert_eq!(
        refused("\n[budgets]\ncpu = -1"),
        "gate.toml:3:7: `cpu`: -1 is not from 0 to 99"
    );
    assert!(refused("blind_percent = 0").contains("1:17"));
    assert!(refused("alpha = nan").contains("NaN is not from 0.001"));
    assert!(refused("required = ['cpus']").contains("did you mean `cpu`?"));
    assert_eq!(
        refused("required = ['cpu', 'exact', 'cpu']"),
        "gate.toml:1:29: `cpu` is named twice"
    );
    assert!(refused("required = []").starts_with("gate.toml:1:12: name at least one class"));
    assert!(refused("scenario = ' '").contains("name a scenario"));
    let error = Rules::read(Path::new("no/such/gate.toml")).unwrap_err();
    assert!(matches!(error.kind, ConfErrorKind::Unreadable { .. }));
}

#[test]
fn an_alpha_that_no_block_can_reach_is_refused() {
    assert!(parse("blocks = 6\nalpha = 0.02").is_ok());
    let error = refused("alpha = 0.01\nblocks = 6");
    assert!(error.starts_with("gate.toml:2:10: `blocks`: 6 blocks cannot show"));
    let error = refused("alpha = 0.001");
    assert!(
        error.starts_with("gate.toml:1:9: `confirm_blocks`: 8 blocks cannot show"),
        "{error}"
    );
}

#[test]
fn an_exception_has_a_reason_and_no_double() {
    let text = |reason: &str| {
        format!("[[exceptions]]\nstrategy = 'a*'\nmetric = '*'\npercent = 7\n{reason}")
    };
    assert!(refused(&text("")).contains("missing key `reason`"));
    assert!(refused(&text("reason = '  '")).starts_with("gate.toml:5:10: say why"));
    let one = text("reason = 'so'\n");
    assert_eq!(parse(&one).unwrap().exceptions.len(), 1);
    assert!(refused(&format!("{one}{one}")).starts_with("gate.toml:7:12: a second exception"));
    assert!(refused(&one.replace("a*", "a*b")).contains("only stand at the end"));
    assert!(refused(&one.replace("a*", "**")).contains("only stand at the end"));
    assert!(refused(&one.replace("a*", "")).contains("name a strategy, or `*`"));
    assert!(refused(&one.replace("= 7", "= 100")).contains("100 is not from 0 to 99"));
}

#[test]
fn the_most_specific_exception_counts() {
    let rules = Rules {
        exceptions: vec![
            exception("*", "p99", 1.0),
            exception("session*", "*", 2.0),
            exception("session.sqlite*", "*", 3.0),
            exception("session.sqlite.cookie", "p*", 4.0),
            exception("session.sqlite.cookie", "p99", 5.0),
        ],
        ..Rules::default()
    };
    let percent = |strategy, metric| rules.budget(strategy, metric, MetricClass::Wall).percent;
    assert!(percent("jwt", "p50") == 10.0);
    assert!(percent("jwt", "p99") == 1.0);
    assert!(percent("session.memory", "p99") == 2.0);
    assert!(percent("session.sqlite.bearer", "p99") == 3.0);
    assert!(percent("session.sqlite.cookie", "cpu") == 3.0);
    assert!(percent("session.sqlite.cookie", "p50") == 4.0);
    assert!(percent("session.sqlite.cookie", "p99") == 5.0);
    assert_eq!(
        rules.budget("jwt", "p50", MetricClass::Cpu),
        Budget {
            percent: 5.0,
            reason: None
        }
    );
    assert_eq!(
        rules
            .budget("jwt", "p99", MetricClass::Cpu)
            .reason
            .as_deref(),
        Some("* p99")
    );
}

fn any_exceptions() -> impl Strategy<Value = Vec<Exception>> {
    let pattern = || "[a-c.]{0,3}\\*|[a-c.]{1,3}";
    let one = (pattern(), pattern(), 0.0..99.0, "[\\PC&&[^ ]]{1,9}");
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let mut exceptions: Vec<Exception> = Vec::new();
        for (strategy, metric, percent, reason) in all {
            let double = |it: &Exception| it.strategy == strategy && it.metric == metric;
            if !exceptions.iter().any(double) && !reason.trim().is_empty() {
                exceptions.push(Exception {
                    strategy,
                    metric,
                    percent,
                    reason,
                });
            }
        }
        exceptions
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let budgets = (0.0..=99.0, 0.0..=99.0, 0.0..=99.0, 0.0..=99.0);
    let required = prop::sample::subsequence(MetricClass::ALL.to_vec(), 1..=4);
    (
        (0.02..=0.2, 0.5..=0.99, 6..=20_u32, 6..=20_u32),
        (0..=60_000_u32, 5..=60_000_u32, 1..=100_u32, 1..=1024_u32),
        (1..=1_000_000_u32, 1..=1_000_000_u32, 1..=50_u32),
        (1e-6..=100.0, required, "[a-z/\"\\\\]{1,9}", any::<bool>()),
        (budgets, any_exceptions()),
    )
        .prop_map(|(test, times, load, what, (budgets, exceptions))| Rules {
            alpha: test.0,
            power: test.1,
            blocks: test.2,
            confirm_blocks: test.3,
            warmup_ms: times.0,
            segment_ms: times.1,
            palindromes: times.2,
            connections: times.3,
            users: load.0,
            rate_per_s_max: load.1,
            load_percent: load.2,
            blind_percent: what.0,
            required: what.1.into_iter().collect(),
            scenario: what.2,
            with_services: what.3,
            budgets: Budgets {
                exact: budgets.0,
                instructions: budgets.1,
                cpu: budgets.2,
                wall: budgets.3,
            },
            exceptions,
        })
}

proptest! {
    #[test]
    fn resolved_rules_read_as_the_same(rules in any_rules()) {
        prop_assert_eq!(parse(&rules.resolved()).unwrap(), rules);
    }

    #[test]
    fn a_budget_does_not_depend_on_the_order(
        rules in any_rules(),
        strategy in "[a-c.]{1,3}",
        metric in "[a-c.]{1,3}",
    ) {
        let mut mirrored = rules.clone();
        mirrored.exceptions.reverse();
        prop_assert_eq!(
            mirrored.budget(&strategy, &metric, MetricClass::Cpu),
            rules.budget(&strategy, &metric, MetricClass::Cpu)
        );
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(rules) = parse(&text) {
            prop_assert_eq!(parse(&rules.resolved()).unwrap(), rules);
        }
    }
}
