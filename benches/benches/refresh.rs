//! What it costs to swap credentials: every scheme of the registry that offers
//! it, over every store. Each swap presents what the one before it gave. The
//! accounts are not asked: what they cost is their directory's business.

use std::cell::OnceCell;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_benches::cases::{self, Case};
use authbench_benches::crowd::{roles, subject};
use authbench_benches::ground::{Ground, Opened};
use authbench_benches::options::many_cases;
use authbench_core::system::monotonic_ns;
use authbench_core::{RefreshOffer, Refreshed};
use criterion::{Criterion, Throughput};

fn main() -> Result<()> {
    let ground = Ground::new()?;
    let mut offering = Vec::new();
    for case in cases::distinct() {
        let offer = ground.open_stand_in(&case)?.strategy().guarantees().refresh;
        if offer != RefreshOffer::None {
            offering.push(case);
        }
    }
    let (cases, left_out) = cases::present(offering);
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
    let mut group = criterion.benchmark_group("refresh");
    group.throughput(Throughput::Elements(1));
    group.bench_function(case.name.as_str(), |bencher| {
        bencher.iter_custom(|iterations| {
            let opened = opened.get_or_init(|| match ground.open(case) {
                Ok(opened) => opened,
                Err(error) => panic!("{error:#}"),
            });
            let refreshed = refresh(opened, ground, iterations);
            match ground.runtime().block_on(refreshed) {
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

async fn refresh(opened: &Opened, ground: &Ground, iterations: u64) -> Result<Duration> {
    let (strategy, at) = (opened.strategy(), ground.at());
    let issued = strategy.issue(&subject(0, &roles()), at).await?;
    let mut held = issued.granted().context("a login is one too many")?;
    let begun_ns = monotonic_ns();
    for _ in 0..iterations {
        held = match strategy.refresh(&held.present(), at).await? {
            Refreshed::Renewed(credentials) => credentials,
            other => bail!("not renewed: {other:?}"),
        };
    }
    Ok(Duration::from_nanos(monotonic_ns() - begun_ns))
}
