//! The terminal, Markdown and the page.

use authbench_report::conformance::{
    Standing, TextOptions, Totals, markdown, page, text, worst_first,
};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use crate::fixture::{HOSTILE, empty, report};
use crate::markup;

/// The identifiers in the order in which they are to be read.
const ORDER: [&str; 7] = [
    "JWT-005",
    "JWT-002",
    "JWT-001",
    "JWT-003",
    "JWT-004",
    "COOKIE-002",
    "COOKIE-001",
];

#[test]
fn the_worst_comes_first() {
    let report = report("");
    let ids: Vec<&str> = worst_first(&report)
        .into_iter()
        .map(|(_, check)| check.id.as_str())
        .collect();
    assert_eq!(ids, ORDER);
    let totals = Totals::of(&report);
    assert_eq!(
        Standing::ALL.map(|standing| totals.count(standing)),
        [2, 1, 1, 1, 1, 1]
    );
}

/// Where each of `needles` stands in `text`.
fn places(text: &str, needles: &[&str]) -> Vec<usize> {
    needles
        .iter()
        .map(|needle| {
            text.find(needle)
                .unwrap_or_else(|| panic!("{needle}: {text}"))
        })
        .collect()
}

#[test]
fn the_terminal_tells_what_was_sent_what_came_back_and_how_to_mend_it() {
    let shown = text(&report(""), TextOptions::default());
    assert!(places(&shown, &ORDER[..5]).is_sorted(), "{shown}");
    for part in [
        "FAIL JWT-005 MUST critical",
        "RFC 8725 3.1; ASVS 5.0 9.1.2",
        "CWE-347",
        "> authorization: Bearer eyJ...",
        "< HTTP/1.1 200",
        "to mend: Name the algorithms",
        "accepted until 2027-03-31: a legacy client needs it",
        "policy.skew_ms is not given",
        "note: declared: no TLS here",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.trim_end().ends_with(
        "2 MUST failed, 1 SHOULD failed, 1 inconclusive, 1 accepted, 1 not applicable, 1 passed"
    ));
    // What does not apply is listed on request only.
    assert!(!shown.contains("COOKIE-002"), "{shown}");
    let verbose = TextOptions {
        verbose: true,
        ..TextOptions::default()
    };
    let shown = text(&report(""), verbose);
    assert!(
        shown.contains("COOKIE-002 no operation `logout`"),
        "{shown}"
    );
    assert!(shown.contains("measured: cookie_bytes = 512"), "{shown}");
}

#[test]
fn a_terminal_obeys_nothing_that_a_target_said() {
    for verbose in [false, true] {
        let options = TextOptions {
            colours: false,
            verbose,
        };
        let shown = text(&report(HOSTILE), options);
        assert!(
            !shown.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{shown:?}"
        );
        assert!(shown.contains("\\u{1b}[2J"), "{shown}");
    }
}

#[test]
fn colours_are_all_that_colours_add() {
    let painted = TextOptions {
        colours: true,
        verbose: false,
    };
    let painted = text(&report(""), painted);
    let mut bare = String::new();
    for (at, piece) in painted.split("\x1b[").enumerate() {
        bare.push_str(if at == 0 {
            piece
        } else {
            piece.split_once('m').unwrap().1
        });
    }
    assert!(painted.len() > bare.len());
    assert_eq!(bare, text(&report(""), TextOptions::default()));
}

#[test]
fn markdown_shows_hostile_texts_and_means_nothing_by_them() {
    let shown = markdown(&report(HOSTILE));
    let mut tables = 0;
    let mut evidence = 0;
    let mut in_code = false;
    for event in Parser::new_ext(
        &shown,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH,
    ) {
        match event {
            Event::Html(html) => {
                let tag = html.trim();
                assert!(
                    tag.is_empty()
                        || tag == "<details>"
                        || tag == "</details>"
                        || (tag.starts_with("<summary>")
                            && tag.ends_with("</summary>")
                            && !tag[9..tag.len() - 10].contains('<')),
                    "{tag}"
                );
            }
            Event::InlineHtml(html) => panic!("{html}"),
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Strikethrough) => {
                panic!("{shown}")
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                in_code = true;
                evidence += 1;
            }
            Event::Text(code) if in_code => {
                assert!(code.contains("<script>") && code.contains("```"), "{code}");
                in_code = false;
            }
            Event::Start(Tag::Table(columns)) => {
                assert_eq!(columns.len(), 6);
                tables += 1;
            }
            _ => {}
        }
    }
    assert_eq!(tables, 1);
    // One telling case with one exchange for each of the five findings.
    assert_eq!(evidence, 10);
    let rows = shown.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows, 2 + 7);
}

#[test]
fn markdown_folds_what_did_not_pass_the_worst_first() {
    let shown = markdown(&report(""));
    assert!(places(&shown, &ORDER).is_sorted(), "{shown}");
    // Five findings, and the pass with a note.
    assert_eq!(shown.matches("<details>").count(), 6);
    assert!(markdown(&empty()).contains("no check ran"));
}

#[test]
fn the_page_is_whole_and_fetches_nothing_whatever_the_texts_are() {
    for report in [report(""), report(HOSTILE), empty()] {
        let page = page(&report);
        let tags = markup::tags(&page).unwrap();
        let mut ids = Vec::new();
        for tag in &tags {
            assert!(
                !["script", "link", "img", "iframe", "object", "form"].contains(&tag.name.as_str()),
                "{tag:?}"
            );
            for (name, value) in &tag.attributes {
                assert!(!name.starts_with("on") && name != "src", "{tag:?}");
                if name == "href" {
                    assert!(value.starts_with("#check-"), "{tag:?}");
                }
                if name == "id" {
                    ids.push(value.as_str());
                }
            }
        }
        for tag in &tags {
            if let Some(reference) = tag.attribute("href") {
                assert!(ids.contains(&&reference[1..]), "{reference}");
            }
        }
        ids.sort_unstable();
        assert!(ids.windows(2).all(|two| two[0] != two[1]), "{ids:?}");
    }
}

#[test]
fn the_page_has_a_section_for_each_finding_the_worst_first() {
    let page = page(&report(""));
    let sections = [
        "id=\"check-JWT-005\"",
        "id=\"check-JWT-002\"",
        "id=\"check-JWT-001\"",
        "id=\"check-JWT-003\"",
        "id=\"check-JWT-004\"",
        "id=\"absent\"",
        "id=\"passed\"",
    ];
    assert!(places(&page, &sections).is_sorted());
    assert!(page.contains("prefers-color-scheme: dark"));
}
