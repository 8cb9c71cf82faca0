//! Writes the page of a made-up result to standard output, to be looked at:
//! `cargo run -p authbench-report --example fixture_page > page.html`
#![expect(clippy::unwrap_used, reason = "an example stops at the first surprise")]

#[path = "../../results/tests/fixture/mod.rs"]
mod fixture;

fn main() {
    print!("{}", authbench_report::page(&fixture::result()));
}
