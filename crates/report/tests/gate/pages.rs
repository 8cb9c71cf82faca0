//! The pages: whole, self-contained and safe.

use authbench_report::gate::{page, qualification_page};
use authbench_results::Verdict;

use crate::fixture::{HOSTILE, cpu, everything, hostile, qualification, report};
use crate::markup;

/// Fails unless `page` is well-formed, fetches nothing and names nothing twice.
fn whole(page: &str) {
    let tags = markup::tags(page).unwrap();
    let mut ids = Vec::new();
    for tag in &tags {
        assert!(
            !["script", "link", "img", "iframe", "object", "form"].contains(&tag.name.as_str()),
            "{tag:?}"
        );
        for (name, value) in &tag.attributes {
            assert!(
                !name.starts_with("on") && name != "src" && name != "href",
                "{tag:?}"
            );
            assert!(!value.contains("NaN") && !value.contains("inf"), "{tag:?}");
        }
        ids.extend(tag.attribute("id"));
    }
    ids.sort_unstable();
    assert!(ids.windows(2).all(|two| two[0] != two[1]), "{ids:?}");
}

#[test]
fn pages_are_whole_whatever_the_texts_are() {
    let mut odd = cpu("a", Verdict::Inconclusive, f64::INFINITY);
    odd.budget_percent = 0.0;
    let mut bare = report(Verdict::NotMeasured, vec![odd]);
    (bare.environment, bare.interleaving, bare.health) = (None, None, None);
    for report in [
        everything(),
        hostile(HOSTILE),
        report(Verdict::Pass, Vec::new()),
        bare,
    ] {
        whole(&page(&report));
    }
    let mut known = qualification();
    whole(&qualification_page(&known));
    known.subject.named = HOSTILE.to_owned();
    known.cells[0].strategy = HOSTILE.to_owned();
    known.gates.clear();
    whole(&qualification_page(&known));
}

#[test]
fn a_page_shows_the_verdict_the_cells_and_the_machine() {
    let shown = page(&everything());
    let parts = [
        "id=\"verdict\"",
        "Regressed: session.memory.cookie, server",
        "This machine was qualified on 2026-11-24",
        "id=\"cells\"",
        "+12.1 % (11.1 to 13.1)",
        "id=\"effects-cpu\"",
        "id=\"method\"",
        "holds no raw blocks",
        "Example CPU 3000",
    ];
    let places: Vec<usize> = parts
        .iter()
        .map(|part| shown.find(part).unwrap_or_else(|| panic!("{part}")))
        .collect();
    assert!(places[..4].is_sorted(), "{places:?}");
    let known = qualification_page(&qualification());
    for part in [
        "1 of 30 gates over identical programs were red",
        "4 of 30",
        "29 of 30 at +10 %",
    ] {
        assert!(known.contains(part), "{part}");
    }
}
