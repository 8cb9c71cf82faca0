//! The terminal and Markdown.

use authbench_report::gate::{
    TextOptions, headline, markdown, qualification_text, standing, text, worst_first,
};
use authbench_results::{MetricClass, Standing, Verdict};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::fixture::{
    HOSTILE, confirmation, counted, cpu, everything, hostile, qualification, qualified, report,
};

#[test]
fn the_worst_comes_first() {
    let report = everything();
    let order: Vec<(Verdict, &str, bool)> = worst_first(&report)
        .into_iter()
        .map(|cell| (cell.verdict, cell.strategy.as_str(), cell.binding))
        .collect();
    use Verdict::{Improved, Inconclusive, NotMeasured, Pass, Regressed};
    assert_eq!(
        order,
        [
            // From nothing is worse than any percentage.
            (Regressed, "session.memory", true),
            (Regressed, "session.memory", true),
            (Regressed, "session.memory.cookie", true),
            (Regressed, "jwt.hs256.bearer", true),
            (Regressed, "jwt.es256.bearer", false),
            (NotMeasured, "jwt.es256.bearer", true),
            (Inconclusive, "session.redis.cookie", true),
            (Improved, "memory.cookie", true),
            (Pass, "jwt.hs256", true),
            (Pass, "session.sqlite.cookie", true),
        ]
    );
}

#[test]
fn a_red_cell_is_named_with_its_size_and_what_was_counted() {
    let report = everything();
    assert_eq!(
        headline(&report),
        "Regressed: session.memory.cookie, server_cpu_ns_per_request +12.1 % (95 % interval 11.1 \
         to 13.1; budget 5 %; found again in fresh blocks: +11.8 % (10.3 to 13.3)); of the same \
         scheme authenticate_instructions +12.3 % (18,204 -> 20,443), authenticate_allocations \
         from nothing (0 -> 1). 3 more cells regressed, too."
    );
}

#[test]
fn a_counted_cell_is_red_without_an_interval() {
    let tokens = (MetricClass::Exact, "jwt.hs256", "token_bytes", "bytes");
    let red = counted(tokens, (12_000.0, 12_001.0), Verdict::Regressed);
    assert_eq!(
        headline(&report(Verdict::Regressed, vec![red])),
        "Regressed: jwt.hs256, token_bytes +0.00833 % (12,000 B -> 12,001 B; budget 0 %; counted)."
    );
    let unchanged = counted(tokens, (488.0, 488.0), Verdict::Pass);
    let red = cpu("jwt.hs256.bearer", Verdict::Regressed, 20.0);
    assert_eq!(
        headline(&report(Verdict::Regressed, vec![unchanged, red])),
        "Regressed: jwt.hs256.bearer, server_cpu_ns_per_request +20.0 % (95 % interval 19.0 to \
         21.0; budget 5 %; not measured again in fresh blocks); no counted figure of the same \
         scheme changed."
    );
}

#[test]
fn every_verdict_has_a_headline_that_begins_with_it() {
    let mut unclear = cpu("b", Verdict::Inconclusive, 4.8);
    unclear.confirmation = Some(confirmation(false, 1.0));
    let mut advice = cpu("c", Verdict::Regressed, 30.0);
    advice.binding = false;
    let cells = |cell| vec![cell, advice.clone()];
    let told = [
        (
            report(Verdict::Pass, cells(cpu("a", Verdict::Pass, 0.5))),
            "Pass: the one binding cell is within its budget; nearest to its own is a, \
             server_cpu_ns_per_request +0.5 % (95 % interval -0.5 to 1.5; budget 5 %; smallest \
             visible effect 7.5 %). 1 cell that is only advice regressed.",
        ),
        (
            report(Verdict::Improved, vec![cpu("a", Verdict::Improved, -9.0)]),
            "Improved: 1 cell is better by more than its budget and none that binds is worse; the \
             most so a, server_cpu_ns_per_request -9.0 % (95 % interval -10.0 to -8.0; budget 5 %; \
             smallest visible effect 7.5 %).",
        ),
        (
            report(Verdict::Inconclusive, vec![unclear]),
            "Inconclusive: shown to be neither within its budget nor beyond it is b, \
             server_cpu_ns_per_request +4.8 % (95 % interval 3.8 to 5.8; budget 5 %; smallest \
             visible effect 7.5 %; not found again in fresh blocks: +1.0 % (-0.5 to 2.5)).",
        ),
        (
            report(Verdict::NotMeasured, Vec::new()),
            "Not measured: the machine is too noisy for the budget; run it again when it is quiet.",
        ),
    ];
    for (report, expected) in told {
        assert_eq!(headline(&report), expected);
        let word = report.verdict.label();
        let first = text(&report, TextOptions::default());
        let first = first.lines().next().unwrap();
        assert_eq!(first, expected);
        assert!(first.to_lowercase().starts_with(word), "{first}");
        assert!(markdown(&report).starts_with(&format!("## authbench gate: {word}\n")));
    }
}

#[test]
fn a_report_without_cells_or_numbers_has_words() {
    use Verdict::{Improved, Inconclusive, NotMeasured, Pass, Regressed};
    for verdict in [Pass, Improved, Inconclusive, Regressed, NotMeasured] {
        let mut empty = report(verdict, Vec::new());
        (empty.environment, empty.interleaving, empty.scenario) = (None, None, None);
        let shown = text(&empty, TextOptions::default());
        assert!(shown.to_lowercase().starts_with(verdict.label()), "{shown}");
        assert!(markdown(&empty).contains("No cell was judged."));
        let mut odd = cpu("a", verdict, f64::NAN);
        (odd.base, odd.candidate) = (Some(f64::INFINITY), None);
        let shown = text(
            &report(verdict, vec![odd]),
            TextOptions {
                verbose: true,
                colours: false,
            },
        );
        assert!(!shown.contains("NaN") && !shown.contains("inf"), "{shown}");
    }
}

#[test]
fn what_passed_is_one_line_a_class_unless_asked_for() {
    let cells = (0..9)
        .map(|n| {
            let mut cell = cpu(&format!("s{n}"), Verdict::Pass, 0.1);
            cell.visible_percent = Some(2.0 + f64::from(n) / 4.0);
            cell
        })
        .collect();
    let report = report(Verdict::Pass, cells);
    let short = text(&report, TextOptions::default());
    assert!(
        short.contains("pass  cpu: 9 cells within their budgets; smallest visible effect 2 to 4 %"),
        "{short}"
    );
    assert!(!short.contains("s3"), "{short}");
    let long = text(
        &report,
        TextOptions {
            verbose: true,
            colours: false,
        },
    );
    assert!((0..9).all(|n| long.contains(&format!("s{n}"))), "{long}");
}

#[test]
fn the_terminal_shows_classes_warnings_and_the_machine_s_standing() {
    let shown = text(&everything(), TextOptions::default());
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "base: origin/main (revision, commit a1b2c3d4)",
        "candidate: . (working tree, commit 0badc0de with changes)",
        "regressed (advice)",
        "+12.1 % (11.1 to 13.1)",
        "41.2 µs -> 46.2 µs",
        "Not found again in fresh blocks: +1.0 % (-0.5 to 2.5).",
        "No request was answered.",
        "wall: 1 regressed; smallest visible effect 7.5 %; advice: this machine has not been qualified for it.",
        "warning: The sides were built by different compilers.",
        "This machine was qualified on 2026-11-24: 0 of 30 gates over identical programs were red; \
         4 of 30 found +5 % of authenticate, 1 called it an improvement; 29 of 30 found +10 %. Did \
         not qualify, and so are advice: jwt.es256.bearer/response_ns_p50.",
    ] {
        assert!(flat.contains(part), "{part}\n{shown}");
    }
    let painted = text(
        &everything(),
        TextOptions {
            colours: true,
            verbose: false,
        },
    );
    assert!(
        painted.starts_with("\u{1b}[1;31mRegressed\u{1b}[0m: "),
        "{painted}"
    );
}

#[test]
fn an_unqualified_machine_is_called_one() {
    assert!(standing(&Standing::default()).starts_with("This machine has NOT been qualified: "));
    let mut failed = qualified();
    failed.qualified.clear();
    let told = standing(&failed);
    assert!(
        told.starts_with("This machine was tried on 2026-11-24: "),
        "{told}"
    );
    assert!(told.ends_with(" No metric qualified."), "{told}");
    assert!(markdown(&report(Verdict::Pass, Vec::new())).contains("has NOT been qualified"));
}

#[test]
fn a_qualification_tells_false_alarms_and_what_was_found() {
    let shown = qualification_text(&qualification(), TextOptions::default());
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "1 of 30 gates over identical programs were red; 29 of 30 found +10 %; 1 of 2 metrics qualified.",
        "the same program (A/A) 30 1 0 29 0 0 4 min",
        "slowed down by 10 % 30 29 0 1 0 0 4 min",
        "advice jwt.es256.bearer response_ns_p50 4 of 30 29 of 30 at +10 % qualified session.memory.cookie",
        "jwt.es256.bearer, response_ns_p50: it was red in 4 of 30 gates",
        "warning: The frequency governor is not known.",
    ] {
        assert!(flat.contains(part), "{part}\n{shown}");
    }
    let mut empty = qualification();
    (empty.gates, empty.cells) = (Vec::new(), Vec::new());
    assert!(qualification_text(&empty, TextOptions::default()).starts_with("No gate was finished"));
}

#[test]
fn markdown_folds_all_but_twenty_rows() {
    let cells = (0..50)
        .map(|n| cpu(&format!("s{n}"), Verdict::Pass, f64::from(n) / 20.0))
        .collect();
    let shown = markdown(&report(Verdict::Pass, cells));
    let (open, folded) = shown
        .split_once("<details>\n<summary>30 more, none worse than these")
        .unwrap();
    let rows = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("| pass"))
            .count()
    };
    assert_eq!((rows(open), rows(folded)), (20, 30));
    assert!(open.contains("| s49 |") && folded.contains("| s0 |"));
}

/// Fails unless `shown` has this many rows of eight cells and no markup but its
/// own.
fn harmless(shown: &str, rows: usize) {
    let (mut seen, mut cells) = (0, 0);
    for event in Parser::new_ext(
        shown,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH,
    ) {
        match event {
            Event::Html(html) => {
                let tag = html.trim();
                let is_ours = tag.is_empty()
                    || ["<details>", "</details>"].contains(&tag)
                    || (tag.starts_with("<summary>")
                        && tag.ends_with("</summary>")
                        && !tag[9..tag.len() - 10].contains('<'));
                assert!(is_ours, "{tag}");
            }
            Event::InlineHtml(html) => panic!("{html}\n{shown}"),
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Strikethrough) => {
                panic!("{shown}")
            }
            Event::Start(Tag::Heading { level, .. }) => assert_eq!(level as u8, 2, "{shown}"),
            Event::Start(Tag::TableRow) => seen += 1,
            Event::Start(Tag::TableCell) => cells += 1,
            _ => {}
        }
    }
    assert_eq!((seen, cells), (rows, (rows + 1) * 8), "{shown}");
}

#[test]
fn hostile_names_are_shown_as_they_stand() {
    harmless(&markdown(&hostile(HOSTILE)), 10);
    let shown = text(&hostile(HOSTILE), TextOptions::default());
    assert!(
        !shown.contains(|c: char| c.is_control() && c != '\n'),
        "{shown:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_escapes_from_its_place(text_of_others in "[\\PC\\n\\r\\t\u{1b}\u{9b}\u{202e}|<>`*_\\[\\]()&#!~\\\\]{0,40}") {
        harmless(&markdown(&hostile(&text_of_others)), 10);
        let shown = text(&hostile(&text_of_others), TextOptions::default());
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        prop_assert!(!shown.contains(obeyed), "{shown:?}");
    }
}
