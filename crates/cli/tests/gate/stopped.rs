//! Gates that are killed or stopped: nothing of them is left behind.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use authbench_results::{GateReport, document};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{MEASURED, PROGRAM, contents, folder, is_valid};
use crate::support::Folder;

const POLL: Duration = Duration::from_millis(10);
/// How often is looked before a test gives up: half a minute.
const POLLS_MAX: u32 = 3_000;

/// A process, and its parent, if it has not ended.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, brackets too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}

fn children(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent(*pid) == Some(of)).collect()
}

fn is_server(pid: &u32) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|octet| *octet == 0).nth(1) == Some(b"serve")
}

/// Starts a gate, and waits until it has so many servers.
fn begun(folder: &Folder, servers: usize) -> (Child, Vec<u32>) {
    let sides = ["gate", "--base", PROGRAM, "--candidate", PROGRAM];
    let mut gate = folder
        .command(&[&sides[..], &MEASURED[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..POLLS_MAX {
        let all = children(gate.id());
        if all.iter().filter(|pid| is_server(pid)).count() >= servers {
            return (gate, all);
        }
        assert_eq!(gate.try_wait().unwrap(), None, "it ended too early");
        sleep(POLL);
    }
    panic!("there were never {servers} servers")
}

fn have_ended(pids: &[u32]) {
    for _ in 0..POLLS_MAX {
        if pids.iter().all(|pid| parent(*pid).is_none()) {
            return;
        }
        sleep(POLL);
    }
    let left: Vec<_> = pids.iter().filter(|pid| parent(**pid).is_some()).collect();
    panic!("still there: {left:?}")
}

#[test]
fn a_killed_gate_leaves_no_server_and_no_file() {
    let folder = folder();
    let before = contents(&folder);
    let (mut gate, all) = begun(&folder, 2);
    gate.kill().unwrap();
    gate.wait().unwrap();
    // The control and the guards as well.
    assert!(all.len() > 2, "{all:?}");
    have_ended(&all);
    assert_eq!(contents(&folder), before);
}

#[test]
fn a_stopped_gate_says_so_and_is_no_pass() {
    // In what comes before all blocks, and in a block.
    for servers in [1, 2] {
        let folder = folder();
        let (mut gate, all) = begun(&folder, servers);
        kill(Pid::from_raw(gate.id().cast_signed()), Signal::SIGTERM).unwrap();
        let mut said = String::new();
        gate.stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(gate.wait().unwrap().code(), Some(3), "{said}");
        assert!(said.starts_with("Not measured: it was stopped"), "{said}");
        have_ended(&all);
        // A document is kept if a block was whole, and tells it too.
        for file in folder.files("nocommit.json") {
            let kept: GateReport = document::read(&file).unwrap();
            assert!(kept.run.interrupted && !kept.blocks.is_empty());
            is_valid(&folder);
        }
    }
}
