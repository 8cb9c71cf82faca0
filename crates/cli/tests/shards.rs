//! One scenario by several processes, in the way a Kubernetes Job runs them
//! (`deploy/k8s/job.yaml`): the shell puts `JOB_COMPLETION_INDEX` into the
//! arguments, each pod prints its result, and the results are merged.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::serve::serve;
use crate::support::{Folder, stderr, stdout};

const SHARDS: u32 = 3;
const SCENARIO: &str = r#"
summary = "one load by several drivers"
seed = 11
strategies = ["session.memory.cookie"]
population = { users = 60, popularity = "zipf", zipf_exponent = 0.9 }
mix = { read = 8, mutate = 2 }
[load]
process = "poisson"
connections = 12
warmup_ms = 100
measure_ms = 600
blocks = 2
timeout_ms = 5000
[[phases]]
name = "steady"
rate_per_s = 400
[[phases]]
name = "ramp"
ramp = { from_per_s = 100, to_per_s = 500 }
"#;

/// The arguments of the Job's container, with what Kubernetes fills in.
fn container_arguments(scenario: &str, base_url: &str, start_at: &str) -> String {
    let job = std::fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/k8s/job.yaml"),
    )
    .unwrap();
    let arguments: Vec<&str> = job
        .lines()
        .skip_while(|line| line.trim() != "args:")
        .skip(1)
        .map_while(|line| line.trim().strip_prefix("- "))
        .collect();
    assert!(
        arguments.contains(&"--shard=$(JOB_COMPLETION_INDEX)/$(SHARDS)"),
        "{arguments:?}"
    );
    arguments
        .join(" ")
        .replace("/etc/authbench/$(SCENARIO).toml", scenario)
        .replace("$(TARGET)", "authbench-cookie")
        .replace("$(BASE_URL)", base_url)
        .replace("$(SHARDS)", &SHARDS.to_string())
        .replace("$(START_AT)", start_at)
        .replace("$(JOB_COMPLETION_INDEX)", "$JOB_COMPLETION_INDEX")
}

fn pod(folder: &Folder, index: u32, arguments: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_authbench");
    std::process::Command::new("sh")
        .args(["-c", &format!("exec \"{program}\" {arguments}")])
        .env("JOB_COMPLETION_INDEX", index.to_string())
        .env("NO_COLOR", "1")
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn in_seconds(seconds: i64) -> String {
    let now = jiff::Timestamp::now();
    (now + jiff::Span::new().seconds(seconds)).to_string()
}

#[test]
fn shards_run_as_a_job_runs_them_are_the_run_of_one_machine() {
    let folder = Folder::new();
    let scenario = folder.write("steady.toml", SCENARIO);
    let scenario = scenario.to_str().unwrap();
    let serving = serve(&folder, &["session.memory.cookie", "--lab"]);
    let base_url = format!("http://{}", serving.address);
    let arguments = container_arguments(scenario, &base_url, &in_seconds(6));

    let pods: Vec<Child> = (0..SHARDS)
        .map(|index| pod(&folder, index, &arguments))
        .collect();
    let mut files = Vec::new();
    for (index, pod) in pods.into_iter().enumerate() {
        let output = pod.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        files.push(folder.write(&format!("shard-{index}.json"), &stdout(&output)));
    }
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();

    let merged = folder.run(
        &[
            &["merge"],
            &files[..],
            &["--format", "json", "--out", "merged"],
        ]
        .concat(),
    );
    assert!(merged.status.success(), "{}", stderr(&merged));
    let merged: Value = serde_json::from_str(&stdout(&merged)).unwrap();
    assert_eq!(
        merged["run"]["merged_from"]["runs"]
            .as_array()
            .unwrap()
            .len(),
        3
    );

    let target = ["--target", "authbench-cookie", "--base-url", &base_url];
    let whole =
        folder.run(&[&["run", scenario], &target[..], &["--format", "json", "-q"]].concat());
    assert!(whole.status.success(), "{}", stderr(&whole));
    let whole: Value = serde_json::from_str(&stdout(&whole)).unwrap();
    for (parts, one) in cells(&merged).iter().zip(cells(&whole)) {
        assert_eq!(parts["phase"], one["phase"]);
        assert_eq!(
            parts["load"]["arrivals"], one["load"]["arrivals"],
            "{}",
            one["phase"]
        );
        assert_eq!(parts["outcomes"]["failures_total"], 0, "{parts}");
        assert_eq!(one["outcomes"]["failures_total"], 0, "{one}");
    }
    assert_eq!(cells(&merged).len(), 2);

    // A shard that is missing is missed, and one that comes twice, too.
    let missing = folder.run(&["merge", files[0], files[2]]);
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    let twice = folder.run(&["merge", files[0], files[1], files[2], files[1]]);
    assert_eq!(twice.status.code(), Some(2), "{}", stderr(&twice));
}

fn cells(result: &Value) -> &Vec<Value> {
    result["cells"].as_array().unwrap()
}
