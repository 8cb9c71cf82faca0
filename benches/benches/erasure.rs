//! The price of the boxed traits: a strategy called as it is and as
//! `Arc<dyn DynStrategy>`, a store in memory used as it is and as `AnyStore`.
//! The two of a pair take turns; the ratio is the price. Then criterion
//! measures each by itself, for the history.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_benches::crowd::{roles, subject};
use authbench_benches::figures;
use authbench_benches::logins::{ISSUED_AT, ready};
use authbench_benches::options::Options;
use authbench_benches::turns::{self, Contender};
use authbench_core::{
    AnyStore, AuthStrategy, Decision, Digest, DynStrategy, Presented, RecordStore, SeededEntropy,
};
use authbench_results::BenchFigure;
use authbench_schemes::jwt::{Algorithm, Jwt, JwtFormat, Settings as JwtSettings, SigningKey};
use authbench_schemes::session::{Session, Settings};
use authbench_stores::MemoryStore;
use criterion::Criterion;

/// How long the contenders of a pair take turns.
const SPAN: Duration = Duration::from_secs(3);
const CALLS: u32 = 100;
const LOGINS: usize = 1_000;

/// Logins of a strategy, presented one after the other.
struct Logins<S> {
    strategy: Arc<S>,
    texts: Vec<String>,
}

impl<S: AuthStrategy + 'static> Logins<S> {
    fn new(strategy: S) -> Result<Self> {
        let roles = roles();
        let mut texts = Vec::with_capacity(LOGINS);
        for n in 0..LOGINS {
            let subject = subject(n, &roles);
            let issued = ready(AuthStrategy::issue(&strategy, &subject, ISSUED_AT))??;
            let credentials = issued.granted().context("a login is one too many")?;
            texts.push(credentials.access.expose().to_owned());
        }
        let strategy = Arc::new(strategy);
        Ok(Self { strategy, texts })
    }

    /// A call of the strategy as it is.
    fn generic(&self) -> Call<'_> {
        let mut texts = self.texts.iter().cycle();
        Box::new(move || {
            let text = texts.next().map_or("", String::as_str);
            let presented = Presented::access(black_box(text));
            let decision = AuthStrategy::authenticate(&*self.strategy, &presented, ISSUED_AT);
            assert!(matches!(ready(decision), Ok(Ok(Decision::Accepted(_)))));
        })
    }

    /// A call through the boxed twin.
    fn boxed(&self) -> Call<'_> {
        let strategy: Arc<dyn DynStrategy> = Arc::clone(&self.strategy) as _;
        let mut texts = self.texts.iter().cycle();
        Box::new(move || {
            let text = texts.next().map_or("", String::as_str);
            let presented = Presented::access(black_box(text));
            let decision = ready(strategy.authenticate(&presented, ISSUED_AT));
            assert!(matches!(decision, Ok(Ok(Decision::Accepted(_)))));
        })
    }
}

fn main() -> Result<()> {
    let options = Options::from_args();
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut found = Vec::new();

    let plain = Logins::new(session(Arc::new(MemoryStore::new())))?;
    let erased = Logins::new(session(AnyStore::new(MemoryStore::new())))?;
    found.extend(race(&mut criterion, &options, "session.memory", || {
        vec![
            ("generic", plain.generic()),
            ("dyn", plain.boxed()),
            ("generic-any-store", erased.generic()),
            ("dyn-any-store", erased.boxed()),
        ]
    }));

    let signed = Logins::new(jwt()?)?;
    found.extend(race(&mut criterion, &options, "jwt.hs256", || {
        vec![("generic", signed.generic()), ("dyn", signed.boxed())]
    }));

    let keys: Vec<Digest> = plain.texts.iter().map(|text| Digest::of(text)).collect();
    let memory = plain.strategy.store();
    let any = AnyStore::new(Arc::clone(memory));
    found.extend(race(&mut criterion, &options, "store.memory.get", || {
        vec![
            ("generic", reads(memory, &keys)),
            ("dyn", reads(&any, &keys)),
        ]
    }));
    criterion.final_summary();
    figures::write(env!("CARGO_TARGET_TMPDIR"), "erasure", &found)
}

type Call<'c> = Box<dyn FnMut() + 'c>;

fn race<'c>(
    criterion: &mut Criterion,
    options: &Options,
    name: &str,
    contenders: impl Fn() -> Vec<(&'static str, Call<'c>)>,
) -> Vec<BenchFigure> {
    let mut group = criterion.benchmark_group(format!("erasure/{name}"));
    for (contender, mut call) in contenders() {
        group.bench_function(contender, |bencher| bencher.iter(&mut call));
    }
    group.finish();
    if !options.wants(&format!("erasure/{name}")) {
        return Vec::new();
    }
    let turns = contenders().into_iter();
    let turns = turns.map(|(contender, call)| Contender::repeated(contender, CALLS, call));
    let taken = turns::take(options.span(SPAN), turns.collect());
    turns::report("erasure", &format!("{name}/in-turns"), &taken)
}

fn reads<'s>(store: &'s impl RecordStore, keys: &'s [Digest]) -> Call<'s> {
    let mut keys = keys.iter().cycle();
    Box::new(move || {
        let Some(key) = keys.next() else { return };
        let found = ready(store.get(black_box(key)));
        assert!(matches!(black_box(found), Ok(Ok(Some(_)))));
    })
}

fn session<S: RecordStore>(store: S) -> Session<S, SeededEntropy> {
    Session::new(Settings::default(), store, SeededEntropy::new(1))
}

fn jwt() -> Result<Jwt<SeededEntropy>> {
    let settings = JwtSettings::new(Algorithm::Hs256, "issuer", "audience", 900);
    let format = JwtFormat::new(settings, SigningKey::from_secret(&[7; 32])?)?;
    Ok(Jwt::new(format, SeededEntropy::new(1)))
}
