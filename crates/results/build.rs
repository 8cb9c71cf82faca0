//! Notes which compiler and which profile this binary is made with: a result
//! without them cannot be compared with another.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").and_then(|rustc| {
        let output = Command::new(rustc).arg("--version").output().ok()?;
        String::from_utf8(output.stdout).ok()
    });
    if let Some(version) = rustc {
        println!("cargo::rustc-env=AUTHBENCH_RUSTC={}", version.trim());
    }
    if let Ok(profile) = env::var("PROFILE") {
        println!("cargo::rustc-env=AUTHBENCH_PROFILE={profile}");
    }
}
