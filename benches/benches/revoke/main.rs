//! What it costs to end logins, for every scheme of the registry that keeps
//! state, over every store: one login, and all of a subject that has 1, 10 or
//! 1000; and what a denylist costs each later request as it grows.
//!
//! A denylist and an epoch do not know how many logins a subject has, so for
//! these "all" is measured with one.

mod lookup;

use std::cell::{Cell, OnceCell, RefCell};
use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use authbench_benches::cases::{self, Case};
use authbench_benches::crowd::{Crowd, log_in, roles, subject};
use authbench_benches::figures;
use authbench_benches::fresh::timed;
use authbench_benches::ground::{Ground, Opened};
use authbench_benches::options::{Options, many_cases};
use authbench_catalog::registry::Scheme;
use authbench_core::{Credentials, Presented, Scope, SubjectId};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode};

/// Logins of a subject that loses all of them, and how long that is measured:
/// the more logins, the longer it takes beside the clock to make them.
const ALL: [(u32, Duration); 3] = [
    (1, Duration::from_millis(300)),
    (10, Duration::from_millis(150)),
    (1_000, Duration::from_millis(30)),
];

/// Entries of a denylist in memory.
const IN_MEMORY: [usize; 6] = [0, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Entries of a denylist elsewhere.
const ELSEWHERE: [usize; 4] = [0, 100, 1_000, 10_000];

fn main() -> Result<()> {
    let options = Options::from_args();
    let ground = Ground::new()?;
    let stateful = cases::distinct().into_iter();
    let stateful = stateful.filter(|case| !case.is_stateless()).collect();
    let (cases, left_out) = cases::present(stateful);
    let mut criterion = many_cases();
    for case in &cases {
        revocations(&mut criterion, &ground, case)?;
    }
    for case in &cases {
        if matches!(case.recipe.scheme, Scheme::JwtDenylist(_)) {
            later_requests(&mut criterion, &ground, case, &options)?;
        }
    }
    criterion.final_summary();
    let found = lookup::measure(&options)?;
    figures::write(env!("CARGO_TARGET_TMPDIR"), "revoke", &found)?;
    left_out.print();
    Ok(())
}

/// One strategy, opened when the first measurement needs it.
struct Bench<'b> {
    ground: &'b Ground,
    case: &'b Case,
    opened: OnceCell<Opened>,
    /// The number of the next subject: each is used once.
    next: Cell<usize>,
}

/// A subject with its logins.
type Held = (SubjectId, Vec<Credentials>);

fn revocations(criterion: &mut Criterion, ground: &Ground, case: &Case) -> Result<()> {
    let bench = Bench {
        ground,
        case,
        opened: OnceCell::new(),
        next: Cell::new(0),
    };
    let mut group = criterion.benchmark_group(format!("revoke/{}", case.name));
    group.sampling_mode(SamplingMode::Flat);
    bench.run(&mut group, BenchmarkId::from_parameter("one"), 1, false);
    for (logins, span) in ALL {
        let too_many = case.logins_max().is_some_and(|most| logins > most);
        if too_many || (case.keeps_the_dead() && logins > 1) {
            continue;
        }
        group.warm_up_time(span / 10).measurement_time(span);
        bench.run(&mut group, BenchmarkId::new("all", logins), logins, true);
    }
    group.finish();
    match bench.opened.into_inner() {
        Some(opened) => ground.close(opened),
        None => Ok(()),
    }
}

impl Bench<'_> {
    fn run(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        id: BenchmarkId,
        logins: u32,
        all: bool,
    ) {
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| {
                let opened = self
                    .opened
                    .get_or_init(|| match self.ground.open(self.case) {
                        Ok(opened) => opened,
                        Err(error) => panic!("{error:#}"),
                    });
                let ended = self.end(opened, iterations, logins, all);
                match self.ground.runtime().block_on(ended) {
                    Ok(spent) => spent,
                    Err(error) => panic!("{}: {error:#}", self.case.name),
                }
            });
        });
    }

    async fn end(
        &self,
        opened: &Opened,
        iterations: u64,
        logins: u32,
        all: bool,
    ) -> Result<Duration> {
        let strategy = opened.strategy();
        let batch = u64::from((1_000 / logins).max(1));
        let spent = timed(
            iterations,
            batch,
            async |count| self.subjects(opened, count, logins).await,
            async |(subject, held): &Held| {
                let scope = match held.first() {
                    Some(credentials) if !all => Scope::Presented(credentials.present()),
                    _ => Scope::Subject(subject),
                };
                black_box(strategy.revoke(black_box(&scope), self.ground.at()).await?);
                Ok(())
            },
        )
        .await?;
        if self.case.is_in_memory() {
            // As small for the next sample as for this one.
            opened.sweep_all().await?;
        }
        Ok(spent)
    }

    /// `count` subjects with `logins` each.
    async fn subjects(&self, opened: &Opened, count: usize, logins: u32) -> Result<Vec<Held>> {
        let (roles, first) = (roles(), self.next.get());
        self.next.set(first + count);
        let each = logins as usize;
        let all = first..first + count;
        let wanted = all.clone().flat_map(|n| vec![subject(n, &roles); each]);
        let (width, at) = (self.case.width(), self.ground.at());
        let made = log_in(opened.strategy(), wanted.collect(), width, at).await?;
        let mut made = made.into_iter();
        Ok(all
            .map(|n| (subject(n, &roles).id, made.by_ref().take(each).collect()))
            .collect())
    }
}

/// Requests of logins that go on, while the list of those that do not grows.
fn later_requests(
    criterion: &mut Criterion,
    ground: &Ground,
    case: &Case,
    options: &Options,
) -> Result<()> {
    let sizes: &[usize] = if case.is_in_memory() {
        &IN_MEMORY
    } else {
        &ELSEWHERE
    };
    let mut group = criterion.benchmark_group(format!("revoke/{}/later-request", case.name));
    for entries in options.populations(sizes)? {
        let filled: OnceCell<(Opened, Crowd)> = OnceCell::new();
        let fill = || match fill(ground, case, entries) {
            Ok(filled) => filled,
            Err(error) => panic!("{}, {entries} entries: {error:#}", case.name),
        };
        group.bench_function(BenchmarkId::from_parameter(entries), |bencher| {
            let (opened, crowd) = filled.get_or_init(fill);
            let texts = RefCell::new(crowd.hits.cycle());
            let (strategy, at) = (opened.strategy(), ground.at());
            bencher.to_async(ground.runtime()).iter(|| async {
                let text = texts.borrow_mut().next().unwrap_or_default();
                let decision = strategy.authenticate(&Presented::access(text), at).await;
                assert!(decision.is_ok_and(|it| it.accepted().is_some()));
            });
        });
        if let Some((opened, _)) = filled.into_inner() {
            ground.close(opened)?;
        }
    }
    group.finish();
    Ok(())
}

fn fill(ground: &Ground, case: &Case, entries: usize) -> Result<(Opened, Crowd)> {
    let opened = ground.open(case)?;
    let filled = Crowd::fill(&opened, case, entries, ground.at());
    let crowd = ground.runtime().block_on(filled)?;
    Ok((opened, crowd))
}
