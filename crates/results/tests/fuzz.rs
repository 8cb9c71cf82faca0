//! Fuzzing: a broken result file, or conformance report, is an error and
//! nothing worse.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[expect(dead_code, reason = "this test needs one result of the fixture only")]
mod fixture;

use std::sync::LazyLock;

use authbench_results::{ConformanceReport, RunResult};
use proptest::prelude::*;
use proptest::sample::Index;

static SOUND: LazyLock<Vec<u8>> =
    LazyLock::new(|| serde_json::to_vec(&fixture::result()).expect("a result is JSON"));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fuzz_result_files(
        flips in prop::collection::vec((any::<Index>(), "[0-9a-z\"{},:.-]"), 0..5),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let mut text = SOUND.clone();
        for (at, letter) in flips {
            let at = at.index(text.len());
            text[at] = letter.as_bytes()[0];
        }
        if let Some(cut) = cut {
            text.truncate(cut.index(text.len()));
        }
        if let Ok(result) = serde_json::from_slice::<RunResult>(&text) {
            // Whatever could be read can be judged and written again.
            let _ = result.check();
            prop_assert!(serde_json::to_vec(&result).is_ok());
        }
    }

    #[test]
    fn fuzz_conformance_reports(text in "\\PC{0,80}") {
        if let Ok(report) = serde_json::from_str::<ConformanceReport>(&text) {
            let _ = report.summary();
        }
    }
}
