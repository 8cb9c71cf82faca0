use std::path::Path;

use super::*;

fn profile() -> Profile {
    crate::run::library::target("authbench-cookie").unwrap()
}

fn exported(more: &str) -> Result<(String, Remarks)> {
    let text = format!(
        r#"summary = "a test"
seed = 1
strategies = ["a"]
population.users = 100
{more}
"#
    );
    let scenario = Scenario::parse(Path::new("x.toml"), &text).unwrap();
    script("x", &scenario, &profile(), "http://127.0.0.1:1")
}

const LOAD: &str =
    "connections = 4\nwarmup_ms = 0\nmeasure_ms = 1000\nblocks = 1\ntimeout_ms = 500";

fn config(script: &str) -> Value {
    let from = script.split("const CONFIG = ").nth(1).unwrap();
    let table = from.split(";\n\n// What follows").next().unwrap();
    serde_json::from_str(table).unwrap()
}

#[test]
fn rates_follow_each_other_and_the_mix_is_kept() {
    let (script, remarks) = exported(&format!(
        "mix = {{ read = 9, mutate = 1, forged = 1 }}\n[load]\nprocess = \"constant\"\n\
         rates_per_s = [100, 200]\n{LOAD}"
    ))
    .unwrap();
    assert_eq!(
        remarks,
        ["`forged` of the mix is left out: the script cannot do it"]
    );
    assert!(script.contains("// NOTE: `forged`"), "{script}");
    let config = config(&script);
    let second = &config["scenarios"]["2-rate-200"];
    assert_eq!(second["executor"], "constant-arrival-rate");
    assert_eq!(second["rate"], 200);
    assert_eq!(second["startTime"], "1500ms");
    assert_eq!(
        config["mixes"]["default"],
        json!([["read", 9], ["mutate", 1]])
    );
    assert_eq!(config["operations"]["read"]["path"], "/me");
}

#[test]
fn shapes_become_stages() {
    let (script, _) = exported(&format!(
        "mix.read = 1\n[load]\nprocess = \"constant\"\n{LOAD}\n[[phases]]\nname = \"a b\"\n\
         bursts = {{ base_per_s = 10, burst_per_s = 500, every_ms = 600, burst_ms = 100 }}\n\
         [[phases]]\nname = \"up\"\nramp = {{ from_per_s = 0, to_per_s = 400 }}\n"
    ))
    .unwrap();
    let config = config(&script);
    let stages = config["scenarios"]["1-a-b"]["stages"].as_array().unwrap();
    let long: Vec<_> = stages
        .iter()
        .filter(|stage| stage["duration"] != "0ms")
        .map(|stage| {
            (
                stage["target"].as_u64().unwrap(),
                stage["duration"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        long,
        [(500, "100ms"), (10, "500ms"), (500, "100ms"), (10, "300ms")]
    );
    let up = &config["scenarios"]["2-up"]["stages"];
    assert_eq!(
        *up,
        json!([{"target": 0, "duration": "0ms"}, {"target": 400, "duration": "1000ms"}])
    );
}

#[test]
fn what_k6_cannot_do_is_refused_or_said() {
    let error = exported(&format!(
        "mix.read = 1\n[load]\nprocess = \"poisson\"\n{LOAD}\n[knee]\nslo_ms_p99 = 5.0"
    ))
    .unwrap_err();
    assert!(error.to_string().contains("k6 cannot"), "{error}");
    let (_, remarks) = exported(&format!(
        "mix.read = 1\n[load]\nprocess = \"poisson\"\nrates_per_s = [100]\n{LOAD}\n\
         [[faults]]\nkind = \"rotate-keys\"\nat_ms = 10"
    ))
    .unwrap();
    assert_eq!(remarks.len(), 2, "{remarks:?}");
}
