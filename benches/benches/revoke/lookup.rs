//! The look-up in a denylist alone, in memory: judging a token with the list
//! and opening it without take turns, and the difference, round by round, is
//! what the list costs a request. Beside it the store's own part, two keys that
//! are not there, and the digest that one of the keys is made of.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use authbench_benches::crowd::{roles, subject};
use authbench_benches::logins::{ISSUED_AT, ready};
use authbench_benches::options::Options;
use authbench_benches::turns::{self, Contender, Taken};
use authbench_core::{
    AuthStrategy as _, Decision, Digest, Entropy as _, LoginId, Presented, RecordStore as _, Scope,
    SeededEntropy,
};
use authbench_results::BenchFigure;
use authbench_schemes::denylist::{self, Denylist};
use authbench_schemes::jwt::{Algorithm, JwtFormat, Settings, SigningKey};
use authbench_schemes::keyring::KeyRing;
use authbench_schemes::token::TokenFormat as _;
use authbench_stores::MemoryStore;

const SIZES: [usize; 3] = [100, 10_000, 1_000_000];
const SPAN: Duration = Duration::from_secs(6);
const CALLS: u32 = 100;

/// Tokens that are presented: more than caches hold.
const TOKENS: usize = 100_000;

type InMemory = Denylist<JwtFormat, Arc<MemoryStore>, SeededEntropy>;

struct Listed {
    strategy: InMemory,
    format: JwtFormat,
    tokens: Vec<String>,
    /// Keys of records that are not there.
    absent: Vec<[Digest; 2]>,
}

/// Prints a table for each size, and gives their figures.
pub(crate) fn measure(options: &Options) -> Result<Vec<BenchFigure>> {
    let mut figures = Vec::new();
    if !options.wants("revoke/denylist-look-up") {
        return Ok(figures);
    }
    for entries in options.populations(&SIZES)? {
        let listed = Listed::new(entries)?;
        for (order, tokens) in [("any-token", TOKENS), ("one-token", 1)] {
            let title = format!("denylist-look-up/{entries}/{order}");
            let mut taken = listed.take_turns(tokens, options.span(SPAN));
            taken.extend(difference(&taken));
            figures.extend(turns::report("revoke", &title, &taken));
        }
    }
    Ok(figures)
}

fn difference(taken: &[Taken]) -> Option<Taken> {
    let by_name = |name: &str| taken.iter().find(|one| one.name == name);
    let (judged, opened) = (by_name("authenticate")?, by_name("open")?);
    Some(judged.beyond(opened, "authenticate-minus-open"))
}

impl Listed {
    fn new(entries: usize) -> Result<Self> {
        let ring: Arc<KeyRing<SigningKey>> = SigningKey::from_secret(&[7; 32])?.into();
        let settings = Settings::new(Algorithm::Hs256, "issuer", "audience", 900);
        let format = || JwtFormat::new(settings.clone(), Arc::clone(&ring));
        let strategy = Denylist::new(
            denylist::Settings::default(),
            format()?,
            Arc::new(MemoryStore::new()),
            SeededEntropy::new(1),
        );
        let (roles, random) = (roles(), SeededEntropy::new(2));
        for n in 0..entries {
            let mut login = LoginId([0; 16]);
            random.fill(&mut login.0)?;
            let subject = subject(n, &roles).id;
            let scope = Scope::Login {
                subject: &subject,
                login,
            };
            ready(strategy.revoke(&scope, ISSUED_AT))??;
        }
        ensure!(strategy.store().len() == entries, "entries are missing");
        let (mut tokens, mut absent) = (Vec::new(), Vec::new());
        for n in 0..TOKENS {
            let subject = subject(entries + n, &roles);
            let issued = ready(strategy.issue(&subject, ISSUED_AT))??;
            let credentials = issued.granted().context("a login is one too many")?;
            tokens.push(credentials.access.expose().to_owned());
            let mut keys = [Digest([0; 32]), Digest([0; 32])];
            for key in &mut keys {
                random.fill(&mut key.0)?;
            }
            absent.push(keys);
        }
        Ok(Self {
            strategy,
            format: format()?,
            tokens,
            absent,
        })
    }

    /// The first `count` tokens, again and again, by each contender.
    fn take_turns(&self, count: usize, span: Duration) -> Vec<Taken> {
        let tokens = || self.tokens[..count].iter().map(String::as_str).cycle();
        let (mut opened, mut judged) = (tokens(), tokens());
        let mut keys = self.absent[..count].iter().cycle();
        let name = "authbench denylist cut-off 1 acct-00000007";
        let contenders = vec![
            Contender::repeated("open", CALLS, || {
                let token = opened.next().unwrap_or_default();
                assert!(black_box(self.format.open(black_box(token), ISSUED_AT)).is_ok());
            }),
            Contender::repeated("authenticate", CALLS, || {
                let presented = Presented::access(judged.next().unwrap_or_default());
                let decision = self.strategy.authenticate(black_box(&presented), ISSUED_AT);
                let decision = black_box(ready(decision));
                assert!(matches!(decision, Ok(Ok(Decision::Accepted(_)))));
            }),
            Contender::repeated("get_many-two-absent-keys", CALLS, || {
                let Some(keys) = keys.next() else { return };
                let found = black_box(ready(self.strategy.store().get_many(black_box(keys))));
                assert!(matches!(found, Ok(Ok(found)) if found.len() == 2));
            }),
            Contender::repeated("digest-of-one-key", CALLS, || {
                black_box(Digest::of(black_box(name)));
            }),
        ];
        turns::take(span, contenders)
    }
}
