use std::time::Duration;

use super::command::{CommandError, run};
use super::*;

const BEARER: &str = include_str!("../../../../scenarios/targets/authbench-bearer/profile.toml");

fn profile(hooks: &str) -> Profile {
    let text = format!("{BEARER}\n[hooks]\n{hooks}");
    let mut profile = Profile::parse(Path::new("p.toml"), &text).unwrap();
    profile.lab.reference_routes = false;
    profile
}

fn doors(hooks: &str) -> Arc<dyn Hooks> {
    ShellHooks::from_profile(&profile(hooks), &std::env::temp_dir())
}

#[tokio::test]
async fn commands_get_their_facts_and_what_they_write_comes_back() {
    let doors = doors(
        r#"
clock = "test $AUTHBENCH_REPLICA = 1 && test $AUTHBENCH_STEP_MS = -250"
store_slow = "test $AUTHBENCH_DELAY_MS = 40"
store_mend = "true"
store_count = "echo 17"
logs = "pwd"
memory = "expr 1000 + $AUTHBENCH_REPLICA"
"#,
    );
    doors.step_clock(1, -250).await.unwrap();
    assert!(doors.step_clock(0, -250).await.is_err());
    let slow = StoreFault::Slow(Duration::from_millis(40));
    doors.set_store(slow).await.unwrap();
    doors.set_store(StoreFault::None).await.unwrap();
    assert_eq!(doors.count_store().await.unwrap(), 17);
    assert_eq!(doors.memory(2).await.unwrap(), 1002);
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let told = doors.logs().await.unwrap();
    assert_eq!(Path::new(told.trim()).canonicalize().unwrap(), folder);
}

#[tokio::test]
async fn what_is_not_given_is_absent() {
    let doors = doors(r#"store_stop = "true""#);
    // Without a way to mend it, the store is not broken.
    assert!(!doors.has(Door::StoreStop));
    assert!(!doors.has(Door::Clock));
    let absent = doors.wipe_store().await;
    assert!(matches!(absent, Err(HookError::Absent(Door::StoreWipe))));
    assert_eq!(doors.now_ms(0).await.unwrap(), None);
}

#[tokio::test]
async fn a_failure_tells_the_last_lines() {
    let doors = doors(r#"restart = "seq 9 >&2; exit 3""#);
    let error = doors.restart(0).await.unwrap_err();
    let told = crate::trial::cause_chain(&error);
    assert!(told.contains("5 / 6 / 7 / 8 / 9"), "{told}");
    assert!(told.contains("exit status: 3"), "{told}");
    assert!(!told.contains("4 /"), "{told}");
}

#[tokio::test]
async fn what_a_command_leaves_running_is_not_waited_for() {
    let folder = std::env::temp_dir();
    let patience = Duration::from_secs(30);
    let told = run("sleep 60 & echo up; echo $!", &folder, &[], patience)
        .await
        .unwrap();
    let text = String::from_utf8(told.0).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("up"));
    let kill = format!("kill {}", lines.next().unwrap());
    run(&kill, &folder, &[], patience).await.unwrap();
    let late = run("exec sleep 60", &folder, &[], Duration::from_millis(50)).await;
    assert!(matches!(late, Err(CommandError::Late(_))));
}
