//! What every test of a group does.

use authbench_mutants::kill::{complaints, kill, sound as try_sound};
use authbench_mutants::{Kind, flaw};

/// Every kind of specimen, without a flaw, passes the checks of these groups.
pub(crate) async fn sound(groups: &[&str]) {
    let mut bad = String::new();
    for kind in Kind::ALL {
        let report = try_sound(kind, groups).await.expect("a run");
        let found = complaints(&report);
        if !found.is_empty() {
            bad.push_str(&format!("{}:\n{found}", kind.label()));
        }
    }
    assert!(bad.is_empty(), "{bad}");
}

/// Every flaw that names a check of the group is caught by that check, and no
/// other check of the group finds fault with it. `checks` is a group, or a
/// beginning of identifiers within one.
pub(crate) async fn caught(checks: &str) {
    let (mut bad, mut tried) = (String::new(), 0);
    let group = checks.split('-').next().unwrap_or(checks);
    for flaw in flaw::all().filter(|flaw| flaw.caught_by.starts_with(checks)) {
        tried += 1;
        let row = kill(flaw, &[group]).await.expect("a run");
        if !row.is_good() {
            bad.push_str(&format!(
                "{} ({}), {}: failed {:?}, unclear {:?}\n{}",
                flaw.id,
                flaw.what,
                flaw.caught_by,
                row.failed,
                row.unclear,
                complaints(&row.report)
            ));
        }
    }
    assert!(bad.is_empty(), "{bad}");
    assert!(tried > 0, "no flaw names a check of {checks}");
}
