//! The page of a whole result: complete, well-formed, self-contained.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../results/tests/fixture/mod.rs"]
mod fixture;
mod markup;

use std::collections::BTreeSet;

use authbench_report::{page, summary};
use authbench_results::{
    Conformance, Invalid, MergedFrom, Metric, OutcomeKind, Outcomes, RunResult, Shard,
};

const CHARTS: [&str; 7] = [
    "percentiles",
    "load",
    "knee",
    "server-cpu",
    "revocation",
    "bytes",
    "memory",
];

/// A quick result: three strategies, few values.
fn small() -> RunResult {
    let mut result = fixture::result();
    result.strategies.truncate(3);
    let kept: BTreeSet<String> = result
        .strategies
        .iter()
        .map(|f| f.strategy.clone())
        .collect();
    result.cells.retain(|cell| kept.contains(&cell.strategy));
    result
}

/// A result without one measurement.
fn empty() -> RunResult {
    let mut result = small();
    result.cells.clear();
    result.strategies.clear();
    result
}

#[test]
fn the_page_is_well_formed_and_complete() {
    complete(&fixture::result(), &["knee"]);
    complete(&fixture::phased::result(), &[]);
}

/// Fails unless the page of `result` has everything, these charts excepted.
fn complete(result: &RunResult, undrawn: &[&str]) {
    let page = page(result);
    let tags = markup::tags(&page).unwrap();
    for facts in &result.strategies {
        assert!(
            page.contains(&facts.strategy),
            "{} is missing",
            facts.strategy
        );
    }
    for id in CHARTS.into_iter().filter(|id| !undrawn.contains(id)) {
        let figure = tags
            .iter()
            .position(|t| t.name == "figure" && t.attribute("id") == Some(id));
        let figure = figure.unwrap_or_else(|| panic!("no chart {id}"));
        let inside = &tags[figure + 1..];
        let end = inside
            .iter()
            .position(|t| t.name == "figure")
            .unwrap_or(inside.len());
        for element in ["svg", "title", "desc", "details", "table"] {
            assert!(
                inside[..end].iter().any(|t| t.name == element),
                "{id} has no {element}"
            );
        }
    }
    for section in [
        "summary",
        "measurements",
        "method",
        "distrust",
        "machine",
        "scenario",
        "glossary",
    ] {
        let found = tags
            .iter()
            .any(|t| t.name == "section" && t.attribute("id") == Some(section));
        assert!(found, "no section {section}");
    }
    assert!(page.contains(&result.scenario.text.replace('"', "&quot;")));
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let pages = [page(&fixture::result()), page(&fixture::phased::result())];
    pages.iter().for_each(|page| still(page));
}

fn still(page: &str) {
    let tags = markup::tags(page).unwrap();
    let fetching = [
        "script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image",
    ];
    for tag in &tags {
        assert!(!fetching.contains(&tag.name.as_str()), "<{}>", tag.name);
        for (name, value) in &tag.attributes {
            assert!(
                !["src", "href", "srcset", "style"].contains(&name.as_str()),
                "{name}"
            );
            assert!(!name.starts_with("on"), "{name}");
            assert!(!value.contains("://"), "{name}={value}");
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("http:"));
    assert!(page.len() < 200_000, "{} octets", page.len());
}

#[test]
fn names_within_the_page_are_unique() {
    let page = page(&small());
    let tags = markup::tags(&page).unwrap();
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "{ids:?}"
    );
    for labels in tags
        .iter()
        .filter_map(|tag| tag.attribute("aria-labelledby"))
    {
        assert!(
            labels.split(' ').all(|label| ids.contains(&label)),
            "{labels}"
        );
    }
}

#[test]
fn the_table_on_the_page_is_the_summary() {
    let result = small();
    let page = page(&result);
    for row in summary(&result) {
        for figure in row.figures() {
            assert!(
                page.contains(&format!(">{}<", figure.marked())),
                "{figure:?}"
            );
        }
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let attack = "</style><script>alert(1)</script>\"'><img src=x onerror=y>&#x41;";
    let mut result = small();
    result.scenario.name = attack.to_owned();
    result.scenario.text = attack.to_owned();
    result.run.warnings = vec![attack.to_owned()];
    result.run.id = attack.to_owned();
    result.run.started_at = attack.to_owned();
    result.run.invalid = Some(Invalid {
        reason: attack.to_owned(),
    });
    result.environment.cpu_model = Some(attack.to_owned());
    result.strategies[0].strategy = attack.to_owned();
    result.strategies[0].recipe = attack.to_owned();
    for cell in &mut result.cells {
        cell.valid = false;
        cell.reason = Some(attack.to_owned());
    }
    let page = page(&result);
    let tags = markup::tags(&page).unwrap();
    assert!(
        tags.iter()
            .all(|tag| tag.name != "script" && tag.name != "img")
    );
    assert_eq!(tags.iter().filter(|tag| tag.name == "style").count(), 1);
}

#[test]
fn a_result_without_measurements_has_a_page() {
    let page = page(&empty());
    let tags = markup::tags(&page).unwrap();
    assert_eq!(
        tags.iter()
            .filter(|t| t.attribute("class") == Some("nothing"))
            .count(),
        7
    );
    assert!(page.contains("could not be measured"));
}

#[test]
fn strategies_that_judged_wrongly_are_struck_through() {
    let mut result = small();
    let wrong = Outcomes::of([(OutcomeKind::Right, 90), (OutcomeKind::AcceptedDead, 10)]);
    result.cells[0].outcomes = wrong;
    result.strategies[1].conformance = Some(Conformance {
        passed: 60,
        failed: vec!["SES-REVOKE-1".to_owned()],
        not_applicable: 5,
    });
    let page = page(&result);
    markup::tags(&page).unwrap();
    let [first, second, third] =
        [0, 1, 2].map(|at| format!("<s>{}</s>", result.strategies[at].strategy));
    assert!(page.contains(&first) && page.contains(&second) && !page.contains(&third));
    assert!(page.contains("10 answers under load were wrong"));
    assert!(page.contains("it fails the checks SES-REVOKE-1"));
    assert!(page.contains("10 accepted although ended"));
}

#[test]
fn doubts_are_shown_with_their_reasons() {
    let mut result = small();
    result.run.interrupted = true;
    result.run.invalid = Some(Invalid {
        reason: "the clock was wrong".to_owned(),
    });
    for cell in &mut result.cells {
        cell.valid = false;
        cell.reason = Some("the driver was late".to_owned());
    }
    let page = page(&result);
    for text in [
        "This run is retracted",
        "the clock was wrong",
        "The run was interrupted",
        "the driver was late",
        "9 of 9",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(
        page.contains(&format!("{} ?<", result.strategies[0].strategy)),
        "in the chart"
    );
    assert!(page.contains("No load gave response times that may be believed"));
    let p50 = &summary(&result)[0].authenticate_p50;
    assert!(
        p50.marked().ends_with('?') && page.contains(&p50.marked()),
        "{p50:?}"
    );
}

#[test]
fn phases_actions_faults_and_knees_have_their_places() {
    let result = fixture::phased::result();
    let page = page(&result);
    let tags = markup::tags(&page).unwrap();
    for id in ["actions", "faults", "knees", "loads"] {
        let is_it = |t: &markup::Tag| t.name == "section" && t.attribute("id") == Some(id);
        assert!(tags.iter().any(is_it), "no section {id}");
    }
    for text in [
        "</code> carries 30,968/s at p99 ≤ 5 ms, and not 35,392/s; 1 of 6 tries may not be believed.",
        "the highest rate that was tried: its limit lies higher",
        "after 400 µs",
        "1,000 no judgement (5xx)",
        "recovered 12.0 ms after its end",
        "7</td>",
        "nothing to recover from",
        "nobody is accepted without the store",
        "closed loop, 1,000 users",
        "what users would feel",
        "2 replicas, each request goes to the next; store 500 µs further away",
        "1,500/s, and 3,500/s for 250 ms every 1 s",
        "30.0 ms on average",
        "epoll",
        "jwt-denylist.redis.bearer, elsewhere",
        "On another replica, session.redis.cookie never accepted it again either",
        "2,000/s in the phase calm",
    ] {
        let text = text.replace("7</td>", "7 of 1,007</td>");
        assert!(page.contains(&text), "{text}");
    }
    assert!(
        !page.contains("class=\"failed\""),
        "an outage is no fault of the strategies"
    );
    let plain = authbench_report::page(&small());
    for id in ["actions", "faults", "knees"] {
        assert!(!plain.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
}

#[test]
fn what_was_not_measured_is_said_with_its_reason() {
    let mut result = fixture::phased::result();
    result.cells[1].actions.clear();
    result.cells[0].costs.store_round_trips_per_request = Metric::missing("the store is mute");
    result.strategies[2].knee = None;
    let fault = &mut result.cells[3].faults[0];
    fault.failed = Some("the proxy did not start".to_owned());
    result.cells[5].faults[0].recovery_ns = None;
    let page = page(&result);
    markup::tags(&page).unwrap();
    for text in [
        "not measured: the actions were not told apart",
        "“store trips” was not measured everywhere: the store is mute.",
        "was not tried: its limit was not sought",
        "The fault itself failed, so nothing is known: the proxy did not start",
        "NOT RECOVERED while it was measured",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn parts_and_merged_runs_are_said_at_the_top() {
    let mut result = small();
    result.run.merged_from = Some(MergedFrom {
        runs: vec!["run-a".to_owned(), "run-b".to_owned()],
        start_skew_ms: 12,
    });
    let merged = page(&result);
    markup::tags(&merged).unwrap();
    let top = merged.split_once("id=\"meaning\"").unwrap().0;
    assert!(top.contains("Merged from 2 parts") && top.contains("within 12 ms"));
    assert!(top.contains("run-a") && top.contains("run-b"));
    result.run.merged_from = None;
    result.run.shard = Some(Shard {
        index: 1,
        of: 3,
        start_at: "2025-11-24T16:00:00Z".to_owned(),
        late_ms: 5,
        program_sha256: "ab".repeat(32),
    });
    let part = page(&result);
    markup::tags(&part).unwrap();
    let top = part.split_once("id=\"meaning\"").unwrap().0;
    assert!(top.contains("Part 1 of 3") && top.contains("began 5 ms later"));
}

#[test]
fn both_themes_and_paper_are_served() {
    let page = page(&empty());
    assert!(page.contains("@media (prefers-color-scheme: dark)") && page.contains("@media print"));
}

/// Relative luminance of `#rgb` or `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let digits = colour.trim_start_matches('#');
    let width = digits.len() / 3;
    let part = |at: usize| {
        let text = digits[at * width..(at + 1) * width].repeat(3 - width);
        let share = f64::from(u8::from_str_radix(&text, 16).unwrap()) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)
}

#[test]
fn every_colour_stands_out_in_both_themes() {
    let page = page(&empty());
    let (light, dark) = page
        .split_once("@media (prefers-color-scheme: dark)")
        .unwrap();
    for theme in [light, dark] {
        let colour = |name: &str| {
            let value = theme.split_once(&format!("--{name}: ")).unwrap().1;
            value.split_once(';').unwrap().0.to_owned()
        };
        let contrast = |one: &str, other: &str| {
            let (a, b) = (luminance(&colour(one)), luminance(&colour(other)));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        // Text wants 4.5 to 1 (WCAG 2.2, 1.4.3); the series colours are also text.
        for name in [
            "ink", "soft", "accent", "bad-ink", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7",
        ] {
            assert!(
                contrast(name, "card") >= 4.5,
                "{name}: {}",
                contrast(name, "card")
            );
        }
        assert!(contrast("ink", "page") >= 4.5 && contrast("soft", "page") >= 4.5);
        assert!(contrast("warn-ink", "warn") >= 4.5 && contrast("bad-ink", "bad") >= 4.5);
    }
}

#[test]
fn the_page_says_whether_the_machine_was_qualified() {
    let mut result = small();
    assert!(page(&result).contains("This machine has NOT been qualified"));
    result.qualification.id = Some("q-1".to_owned());
    result.qualification.at = Some("2026-11-24T03:00:00Z".to_owned());
    result.qualification.aa_gates = 30;
    result.qualification.qualified.push("a/b".to_owned());
    assert!(page(&result).contains("was qualified on 2026-11-24: 0 of 30 gates"));
}
