//! Has the crate rebuilt when a shipped scenario or profile is added or changed.

fn main() {
    println!("cargo:rerun-if-changed=../../scenarios/load");
    println!("cargo:rerun-if-changed=../../scenarios/targets");
}
