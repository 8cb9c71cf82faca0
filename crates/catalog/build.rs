//! Has the crate rebuilt when a shipped recipe is added or changed.

fn main() {
    println!("cargo:rerun-if-changed=../../scenarios/strategies");
}
