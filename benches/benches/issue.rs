//! What it costs to start a login, of a subject that has none: every scheme of
//! the registry, over every store. Checking a password is not in it.

use std::cell::{Cell, OnceCell};
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_benches::cases::{self, Case};
use authbench_benches::crowd::{roles, subject};
use authbench_benches::fresh::timed;
use authbench_benches::ground::{Ground, Opened};
use authbench_benches::options::many_cases;
use criterion::{Criterion, Throughput};

fn main() -> Result<()> {
    let ground = Ground::new()?;
    let (cases, left_out) = cases::present(cases::distinct());
    let mut criterion = many_cases();
    for case in &cases {
        measure(&mut criterion, &ground, case)?;
    }
    criterion.final_summary();
    left_out.print();
    Ok(())
}

fn measure(criterion: &mut Criterion, ground: &Ground, case: &Case) -> Result<()> {
    let opened = OnceCell::new();
    let next = Cell::new(0);
    let mut group = criterion.benchmark_group("issue");
    group.throughput(Throughput::Elements(1));
    group.bench_function(case.name.as_str(), |bencher| {
        bencher.iter_custom(|iterations| {
            let opened = opened.get_or_init(|| match ground.open(case) {
                Ok(opened) => opened,
                Err(error) => panic!("{error:#}"),
            });
            let issued = issue(opened, ground, case, &next, iterations);
            match ground.runtime().block_on(issued) {
                Ok(spent) => spent,
                Err(error) => panic!("{}: {error:#}", case.name),
            }
        });
    });
    group.finish();
    match opened.into_inner() {
        Some(opened) => ground.close(opened),
        None => Ok(()),
    }
}

async fn issue(
    opened: &Opened,
    ground: &Ground,
    case: &Case,
    next: &Cell<usize>,
    iterations: u64,
) -> Result<Duration> {
    let (strategy, roles) = (opened.strategy(), roles());
    let subjects = async |count| {
        let first = next.replace(next.get() + count);
        Ok((first..first + count).map(|n| subject(n, &roles)).collect())
    };
    let spent = timed(iterations, 1_000, subjects, async |subject| {
        let issued = strategy.issue(black_box(subject), ground.at()).await?;
        black_box(issued.granted().context("a login is one too many")?);
        Ok(())
    })
    .await?;
    if case.is_in_memory() {
        // As small for the next sample as for this one.
        opened.sweep_all().await?;
    }
    Ok(spent)
}
