//! Writes the page of a made-up judgement to standard output, to be looked at:
//! `cargo run -p authbench-report --example gate_page > page.html`, or with
//! `-- qualification` that of a qualification.

#[path = "../tests/gate/fixture.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixture;

use authbench_report::gate;

fn main() {
    let page = match std::env::args().nth(1).as_deref() {
        Some("qualification") => gate::qualification_page(&fixture::qualification()),
        _ => gate::page(&fixture::everything()),
    };
    print!("{page}");
}
