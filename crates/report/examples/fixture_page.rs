//! Writes the page of a made-up result to standard output, to be looked at:
//! `cargo run -p authbench-report --example fixture_page > page.html`, or with
//! `-- phased` that of a run in phases.
#![expect(clippy::unwrap_used, reason = "an example stops at the first surprise")]

#[path = "../../results/tests/fixture/mod.rs"]
mod fixture;

fn main() {
    let result = match std::env::args().nth(1).as_deref() {
        Some("phased") => fixture::phased::result(),
        _ => fixture::result(),
    };
    print!("{}", authbench_report::page(&result));
}
