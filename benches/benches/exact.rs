//! What is counted and the same in every run over the same code: octets of
//! credentials and on the wire, operations of stores and round trips to them,
//! allocations, and what is accepted after a deadline. Nothing is timed. For
//! `authbench gate`, which holds it against the blessed figures.

use allocation_counter::AllocationInfo;
use anyhow::{Context as _, Result};
use authbench_benches::cases::{self, Case};
use authbench_benches::exact::{
    accepted_after_deadlines, credential_bytes, figure, knows_round_trips, operations_of,
    round_trips, store_operations, wire_bytes,
};
use authbench_benches::figures;
use authbench_benches::fixed::{CALLS, Operation, Prepared, allocations_vary};
use authbench_benches::ground::Ground;
use authbench_benches::logins::ready;
use authbench_benches::options::Options;
use authbench_catalog::shipped;
use authbench_results::{CountedFigure, Counts};

fn main() -> Result<()> {
    let options = Options::from_args();
    let mut counts = Counts::default();
    for case in cases::distinct() {
        if options.wants(&case.name) {
            of(&case, &mut counts).with_context(|| format!("`{}` cannot be counted", case.name))?;
        }
    }
    for recipe in shipped() {
        if options.wants(&recipe.name) {
            let octets = wire_bytes(&recipe);
            let octets = octets.with_context(|| format!("`{}` over the wire", recipe.name))?;
            counts.figures.extend(octets);
        }
    }
    print(&counts.figures);
    figures::write_counted(env!("CARGO_TARGET_TMPDIR"), "exact", &counts)
}

fn of(case: &Case, counts: &mut Counts) -> Result<()> {
    let figures = &mut counts.figures;
    figures.extend(credential_bytes(case)?);
    figures.extend(store_operations(case)?);
    figures.push(accepted_after_deadlines(case)?);
    if case.is_in_memory() || case.is_stateless() {
        for operation in operations_of(case)? {
            match allocations_vary(case, operation) {
                None => figures.extend(allocations(case, operation)?),
                Some(why) => {
                    let what = format!("{}, {}_allocations", case.name, operation.label());
                    counts.skipped.push(format!("{what}: {why}"));
                }
            }
        }
    }
    if knows_round_trips(case) {
        match case.recipe.needs().and_then(cases::absent_for) {
            None => figures.extend(round_trips(case)?),
            Some(missing) => {
                let left_out = format!("{}, round trips: {missing}", case.name);
                counts.skipped.push(left_out);
            }
        }
    }
    Ok(())
}

/// Allocations and allocated octets of one operation, the median of several:
/// now and then a table grows. What libraries in C allocate is not counted.
fn allocations(case: &Case, operation: Operation) -> Result<[CountedFigure; 2]> {
    let prepared = Prepared::new(Ground::fixed()?, case, operation)?;
    let mut counted = Vec::with_capacity(CALLS);
    for n in 0..CALLS {
        let mut outcome = None;
        let info = allocation_counter::measure(|| outcome = Some(ready(prepared.call(n))));
        outcome.context("nothing was done")???;
        counted.push(info);
    }
    let median = |of: fn(&AllocationInfo) -> u64| {
        let mut values: Vec<u64> = counted.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2] as f64
    };
    let label = operation.label();
    Ok([
        figure(
            &case.name,
            format!("{label}_allocations"),
            median(|it| it.count_total),
        ),
        figure(
            &case.name,
            format!("{label}_allocated_bytes"),
            median(|it| it.bytes_total),
        ),
    ])
}

fn print(figures: &[CountedFigure]) {
    for figure in figures {
        println!(
            "{:<36} {:<36} {:>10}",
            figure.strategy, figure.metric, figure.value
        );
    }
}
