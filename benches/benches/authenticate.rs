//! What it costs to judge a credential: every scheme of the registry, over
//! every store, with several populations, for credentials that are accepted and
//! for such that are refused.
//!
//! Called through the boxed trait, as the server does it; the bench `erasure`
//! prices the box. Logins are made when the first case needs them, so a filter
//! costs only what it lets through.

use std::cell::{OnceCell, RefCell};
use std::hint::black_box;

use anyhow::Result;
use authbench_benches::cases::{self, Case};
use authbench_benches::crowd::Crowd;
use authbench_benches::ground::{Ground, Opened};
use authbench_benches::options::{Options, many_cases};
use authbench_core::Presented;
use criterion::{BenchmarkId, Criterion, Throughput};

/// Logins in memory.
const IN_MEMORY: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Logins in a file or on a server, whose indexes are trees or tables of which
/// only the path to a record is read.
const ELSEWHERE: [usize; 2] = [1_000, 10_000];

fn main() -> Result<()> {
    let options = Options::from_args();
    let ground = Ground::new()?;
    let (cases, left_out) = cases::present(cases::distinct());
    let mut criterion = many_cases();
    for case in &cases {
        let populations: &[usize] = if case.is_in_memory() {
            &IN_MEMORY
        } else {
            &ELSEWHERE
        };
        let mut populations = options.populations(populations)?;
        if case.is_stateless() {
            // As fast with one login as with all of them.
            populations.truncate(1);
        }
        for population in populations {
            measure(&mut criterion, &ground, case, population)?;
        }
    }
    criterion.final_summary();
    left_out.print();
    Ok(())
}

fn measure(
    criterion: &mut Criterion,
    ground: &Ground,
    case: &Case,
    population: usize,
) -> Result<()> {
    let filled: OnceCell<(Opened, Crowd)> = OnceCell::new();
    let fill = || match fill(ground, case, population) {
        Ok(filled) => filled,
        Err(error) => panic!("{}, {population} logins: {error:#}", case.name),
    };
    let mut group = criterion.benchmark_group(format!("authenticate/{}", case.name));
    group.throughput(Throughput::Elements(1));
    for hit in [true, false] {
        let name = if hit { "hit" } else { "miss" };
        group.bench_function(BenchmarkId::new(name, population), |bencher| {
            let (opened, crowd) = filled.get_or_init(fill);
            let texts = if hit { &crowd.hits } else { &crowd.misses };
            let texts = RefCell::new(texts.cycle());
            let (strategy, at) = (opened.strategy(), ground.at());
            bencher.to_async(ground.runtime()).iter(|| async {
                let text = texts.borrow_mut().next().unwrap_or_default();
                let presented = Presented::access(black_box(text));
                match strategy.authenticate(&presented, at).await {
                    Ok(decision) => assert_eq!(decision.accepted().is_some(), hit),
                    Err(error) => panic!("no judgement: {error}"),
                }
            });
        });
    }
    group.finish();
    match filled.into_inner() {
        Some((opened, _)) => ground.close(opened),
        None => Ok(()),
    }
}

fn fill(ground: &Ground, case: &Case, population: usize) -> Result<(Opened, Crowd)> {
    let opened = ground.open(case)?;
    let filled = Crowd::fill(&opened, case, population, ground.at());
    let crowd = ground.runtime().block_on(filled)?;
    Ok((opened, crowd))
}
