use std::path::Path;

use super::*;
use crate::cpu;

const PATIENCE: Duration = Duration::from_secs(60);

fn shell(script: &str) -> ServerCommand {
    ServerCommand::new("/bin/sh").args(["-c", script])
}

fn ready(line: &str) -> Option<String> {
    line.strip_prefix("ready ").map(str::to_owned)
}

/// Whether a process runs. A child nobody has waited for counts as gone: it runs no more.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// Waits until `condition` holds; the test's own timeout is the judge of "never".
fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn starts_when_its_line_comes_and_stops_gracefully() {
    let command =
        shell("echo warming up; trap 'exit 7' TERM; echo ready $WHO; while :; do sleep 0.01; done")
            .env("WHO", "me");
    let (mut server, who) = command.start(PATIENCE, ready).unwrap();
    assert_eq!(who, "me");
    assert_eq!(server.last_lines(), ["warming up", "ready me"]);
    assert_eq!(server.exit_status().unwrap(), None);
    let pid = server.pid();
    assert_eq!(server.stop(PATIENCE).unwrap().code(), Some(7));
    assert!(!runs(pid));
}

#[test]
fn end_of_standard_input_is_a_wish_to_stop() {
    let command = shell("trap '' TERM; echo ready x; read line; exit 3");
    let (server, _) = command.start(PATIENCE, ready).unwrap();
    assert_eq!(server.stop(PATIENCE).unwrap().code(), Some(3));
}

#[test]
fn a_deaf_child_is_killed_with_what_it_started() {
    let command = shell("trap '' TERM; sleep 1000 & echo ready $!; while :; do sleep 1; done");
    let (server, sleeper) = command.start(PATIENCE, ready).unwrap();
    let (pid, sleeper) = (server.pid(), sleeper.parse().unwrap());
    assert!(runs(pid) && runs(sleeper));
    drop(server);
    assert!(!runs(pid));
    until(|| !runs(sleeper));
}

#[test]
fn a_child_that_says_nothing_is_ready_when_a_probe_finds_it() {
    let home = tempfile::tempdir().unwrap();
    let sign = home.path().join("sign");
    let command = shell("echo up > $SIGN; exec sleep 1000")
        .env("SIGN", &sign)
        .guarded();
    let probe = || {
        std::fs::read_to_string(&sign)
            .ok()
            .filter(|text| !text.is_empty())
    };
    let (server, found) = command.start_when(PATIENCE, probe).unwrap();
    assert_eq!(found, "up\n");
    let pid = server.pid();
    assert!(runs(pid));
    drop(server);
    assert!(!runs(pid));
    let error = shell("echo 'no such module' >&2; exit 1")
        .start_when(PATIENCE, || None::<()>)
        .unwrap_err();
    assert!(
        error.to_string().contains("\n    no such module"),
        "{error}"
    );
}

#[test]
fn a_child_that_ends_early_is_quoted() {
    let command = shell("echo starting; echo 'port in use' >&2; exit 4");
    let error = command.start(PATIENCE, ready).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("exit status: 4") && message.contains("\n    port in use"),
        "{message}"
    );
    assert!(matches!(error, StartError::Ended { status, .. } if status.code() == Some(4)));
}

#[test]
fn a_child_that_is_never_ready_is_quoted_and_killed() {
    let home = tempfile::tempdir().unwrap();
    let pid_file = home.path().join("pid");
    let command = shell("echo $$ > $PID_FILE; echo 'still loading' >&2; exec sleep 1000")
        .env("PID_FILE", &pid_file);
    let error = command
        .start(Duration::from_millis(300), ready)
        .unwrap_err();
    assert!(matches!(error, StartError::TimedOut { .. }));
    let message = error.to_string();
    assert!(message.contains("not ready within 300 ms"), "{message}");
    assert!(message.contains("\n    still loading"), "{message}");
    let pid = std::fs::read_to_string(pid_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(!runs(pid));
}

#[test]
fn a_silent_child_that_closes_its_output_is_still_waited_for() {
    let command = shell("exec >&- 2>&-; sleep 0.05; exit 5");
    let error = command.start(PATIENCE, ready).unwrap_err();
    assert!(matches!(error, StartError::Ended { status, .. } if status.code() == Some(5)));
}

#[test]
fn a_missing_program_is_named_with_its_cause() {
    let error = ServerCommand::new("/no/such/server")
        .start(PATIENCE, ready)
        .unwrap_err();
    assert_eq!(error.to_string(), "cannot start `/no/such/server`");
    let StartError::Spawn { program, source } = error else {
        panic!("{error}")
    };
    assert_eq!(
        (program.as_path(), source.kind()),
        (Path::new("/no/such/server"), io::ErrorKind::NotFound)
    );
}

#[test]
fn a_talkative_child_does_not_block() {
    let command = shell(
        "echo ready x; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); \
                         echo 0123456789012345678901234567890123456789; done; exit 9",
    );
    let (mut server, _) = command.start(PATIENCE, ready).unwrap();
    until(|| server.exit_status().unwrap().is_some());
    assert_eq!(server.stop(PATIENCE).unwrap().code(), Some(9));
}

#[test]
fn a_busy_child_uses_processor_time_on_its_core_only() {
    let core: CoreSet = cores::allowed().unwrap().iter().take(1).collect();
    let script = "echo ready x; while :; do :; done";
    let (server, _) = shell(script)
        .cores(Some(&core))
        .start(PATIENCE, ready)
        .unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap();
    assert_eq!(list.trim(), core.to_string());
    let first = cpu::process_cpu_ns(server.pid()).unwrap();
    until(|| cpu::process_cpu_ns(server.pid()).unwrap() > first);
}

#[test]
fn cores_that_do_not_exist_are_an_error() {
    let cores: CoreSet = [1000].into_iter().collect();
    let error = shell("echo ready x")
        .cores(Some(&cores))
        .start(PATIENCE, ready)
        .unwrap_err();
    assert!(matches!(error, StartError::Spawn { .. }), "{error}");
}

/// The state of a process as the kernel tells it: `R`, `S`, `T`, ..
fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

#[test]
fn a_paused_child_stands_still_with_what_it_started() {
    // A shell that was stopped while it starts a program would not show it: it waits inside vfork.
    let script = "trap 'exit 7' TERM; sleep 1000 & echo ready $!; wait";
    let (mut server, sleeper) = shell(script).start(PATIENCE, ready).unwrap();
    let (pid, sleeper) = (server.pid(), sleeper.parse().unwrap());
    server.pause().unwrap();
    until(|| state(pid) == 'T' && state(sleeper) == 'T');
    assert_eq!(server.exit_status().unwrap(), None);
    server.resume().unwrap();
    until(|| state(pid) != 'T' && state(sleeper) != 'T');
    // Paused again, it is still asked, and ends in order.
    server.pause().unwrap();
    until(|| state(pid) == 'T');
    assert_eq!(server.end(PATIENCE).unwrap().code(), Some(7));
    server.pause().unwrap();
    server.resume().unwrap();
}

#[test]
fn a_killed_child_comes_back_with_the_same_arguments() {
    use std::os::unix::process::ExitStatusExt as _;
    let command = shell("trap '' TERM; echo ready $0 $1 $$; while :; do sleep 0.01; done")
        .args(["--port", "4711"]);
    let (mut server, first) = command.start(PATIENCE, ready).unwrap();
    let old = server.pid();
    assert_eq!(first, format!("--port 4711 {old}"));
    assert_eq!(server.kill().unwrap().signal(), Some(9));
    assert!(!runs(old));
    assert_eq!(server.kill().unwrap().signal(), Some(9));
    let second = command.restart(&mut server, PATIENCE, ready).unwrap();
    assert_ne!(server.pid(), old);
    assert_eq!(second, format!("--port 4711 {}", server.pid()));
    // One that still runs makes room.
    let old = server.pid();
    command.restart(&mut server, PATIENCE, ready).unwrap();
    assert!(!runs(old) && runs(server.pid()));
    let error = ServerCommand::new("/no/such/server").restart(&mut server, PATIENCE, ready);
    assert!(error.is_err() && server.exit_status().unwrap().is_some());
}
