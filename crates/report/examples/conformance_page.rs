//! Writes the page of a made-up conformance report to standard output, to be
//! looked at: `cargo run -p authbench-report --example conformance_page >
//! page.html`.

#[path = "../tests/conformance/fixture.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixture;

fn main() {
    print!(
        "{}",
        authbench_report::conformance::page(&fixture::report(fixture::HOSTILE))
    );
}
