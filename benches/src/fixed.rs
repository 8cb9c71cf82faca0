//! Operations that come out the same in every process: of a strategy with
//! fixed keys, seeded randomness, a clock that stands still and a population
//! that is always the same one.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use authbench_catalog::Recipe;
use authbench_catalog::registry::Scheme;
use authbench_core::{
    Credentials, Decision, Presented, RefreshOffer, Refreshed, Scope, Secret, Subject,
};
use authbench_schemes::jwt::{Algorithm, Settings};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::Value;

use crate::cases::Case;
use crate::crowd::{Crowd, Size, roles, subject};
use crate::ground::{Ground, Opened};

/// How often an operation is done, each time to another login.
pub const CALLS: usize = 16;

/// Logins that there are beside, where they are kept anywhere.
pub const POPULATION: usize = 1_000;

/// Numbers of subjects that no population reaches.
const LATE: usize = 90_000;

/// What is counted of a strategy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// A credential that is accepted.
    Authenticate,
    /// A credential that is refused: of a login that was ended or, where none
    /// can be, with a signature that does not fit.
    AuthenticateMiss,
    /// A login of a subject that has none.
    Issue,
    /// Credentials that are swapped.
    Refresh,
    /// The end of the login that is presented.
    Revoke,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Authenticate,
        Self::AuthenticateMiss,
        Self::Issue,
        Self::Refresh,
        Self::Revoke,
    ];

    /// How the names of its metrics begin.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::AuthenticateMiss => "authenticate_miss",
            Self::Issue => "issue",
            Self::Refresh => "refresh",
            Self::Revoke => "revoke",
        }
    }

    /// Whether a strategy with this offer has it.
    #[must_use]
    pub fn is_of(self, offer: RefreshOffer) -> bool {
        self != Self::Refresh || offer != RefreshOffer::None
    }

    /// Whether it makes a signature of this kind.
    const fn signs(self) -> bool {
        matches!(self, Self::Issue | Self::Refresh)
    }
}

impl FromStr for Operation {
    type Err = anyhow::Error;

    fn from_str(label: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.label() == label)
            .with_context(|| format!("there is no operation `{label}`"))
    }
}

/// Why an operation of `case` cannot be counted twice with the same outcome;
/// none if it can.
#[must_use]
pub fn varies(case: &Case, operation: Operation) -> Option<&'static str> {
    match settings(&case.recipe.scheme).map(|it| it.algorithm) {
        Some(Algorithm::Es256) if operation.signs() => Some(
            "the library draws the nonce of each ECDSA signature from a source of its own, \
             which cannot be seeded",
        ),
        Some(Algorithm::Rs256) if operation.signs() => Some(
            "the library blinds RSA signatures with numbers from a source of its own, \
             which cannot be seeded",
        ),
        _ => None,
    }
}

/// Why the allocations of an operation of `case` cannot be counted twice with
/// the same outcome; none if they can.
#[must_use]
pub fn allocations_vary(case: &Case, operation: Operation) -> Option<&'static str> {
    let algorithm = settings(&case.recipe.scheme).map(|it| it.algorithm);
    let varies = algorithm == Some(Algorithm::Es256) && operation.signs();
    varies.then_some(
        "the library makes an ECDSA signature in a form whose length depends on its numbers, \
         and draws the nonce of each from a source of its own, which cannot be seeded",
    )
}

/// `recipe` with the fixed keys in the place of those that the cryptography
/// would draw by itself. All others come from the seed.
#[must_use]
pub fn with_fixed_keys(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    let settings = match &mut recipe.scheme {
        Scheme::Jwt(settings) => settings,
        Scheme::JwtDenylist(choice) => &mut choice.token,
        Scheme::JwtEpoch(choice) => &mut choice.token,
        Scheme::JwtRefresh(choice) => &mut choice.token,
        _ => return recipe,
    };
    let file = match settings.algorithm {
        Algorithm::EdDsa => "eddsa.pem",
        Algorithm::Es256 => "es256.pem",
        Algorithm::Rs256 => "rs256.pem",
        Algorithm::Hs256 => return recipe,
    };
    settings.key_file = Some(keys().join(file));
    recipe
}

/// Where the fixed keys are. They protect nothing.
fn keys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("keys")
}

fn settings(scheme: &Scheme) -> Option<&Settings> {
    match scheme {
        Scheme::Jwt(settings) => Some(settings),
        Scheme::JwtDenylist(choice) => Some(&choice.token),
        Scheme::JwtEpoch(choice) => Some(&choice.token),
        Scheme::JwtRefresh(choice) => Some(&choice.token),
        _ => None,
    }
}

/// An operation, ready to be done [`CALLS`] times.
pub struct Prepared {
    opened: Opened,
    ground: Ground,
    operation: Operation,
    things: Vec<Thing>,
}

enum Thing {
    Text(String),
    Subject(Subject),
    Held(Credentials),
}

impl Prepared {
    /// Opens the strategy of `case` on `ground`, makes a population and what the
    /// operation is done to, and does it once, so that whatever is made at the
    /// first time is there.
    ///
    /// # Errors
    /// When the strategy cannot be had, or does not do what it must.
    pub fn new(ground: Ground, case: &Case, operation: Operation) -> Result<Self> {
        let opened = ground.open_stand_in(case)?;
        let mut prepared = Self {
            opened,
            ground,
            operation,
            things: Vec::new(),
        };
        prepared.things = prepared.fill(case)?;
        prepared.finish(CALLS)?;
        Ok(prepared)
    }

    /// The operation, for the `n`-th time, counted from 0, up to [`CALLS`]. Each
    /// `n` once: a login can be ended only once.
    ///
    /// # Errors
    /// When its outcome is not the expected one.
    pub async fn call(&self, n: usize) -> Result<()> {
        let (strategy, at) = (self.opened.strategy(), self.ground.at());
        let good = match (&self.things[n], self.operation) {
            (Thing::Text(text), operation) => {
                let decision = strategy.authenticate(&Presented::access(text), at).await?;
                matches!(decision, Decision::Accepted(_)) == (operation == Operation::Authenticate)
            }
            (Thing::Subject(subject), _) => strategy.issue(subject, at).await?.granted().is_some(),
            (Thing::Held(held), Operation::Refresh) => {
                let refreshed = strategy.refresh(&held.present(), at).await?;
                matches!(refreshed, Refreshed::Renewed(_))
            }
            (Thing::Held(held), _) => {
                strategy
                    .revoke(&Scope::Presented(held.present()), at)
                    .await?;
                true
            }
        };
        ensure!(good, "an {} has another outcome", self.operation.label());
        Ok(())
    }

    /// The same, waited for.
    ///
    /// # Errors
    /// As [`Prepared::call`].
    pub fn finish(&self, n: usize) -> Result<()> {
        self.ground.runtime().block_on(self.call(n))
    }

    /// What was opened.
    #[must_use]
    pub const fn opened(&self) -> &Opened {
        &self.opened
    }

    /// One more than [`CALLS`]: the last one is for the first time.
    fn fill(&self, case: &Case) -> Result<Vec<Thing>> {
        let (ground, opened, count) = (&self.ground, &self.opened, CALLS + 1);
        let at = ground.at();
        let steady = Steady::of(opened, case, at)?;
        let size = match (case.is_stateless(), case.keeps_the_dead()) {
            (true, _) => Size::exactly(count, count),
            (false, true) => Size::exactly(count, POPULATION),
            (false, false) => Size::exactly(POPULATION, count),
        };
        let respelt = |text: String| steady.spell(text);
        let filled = Crowd::fill_to(opened, case, size, at, respelt);
        let crowd = ground.runtime().block_on(filled)?;
        let texts = |texts: &crate::crowd::Texts| {
            let taken = texts.cycle().take(count);
            taken.map(|text| Thing::Text(text.to_owned())).collect()
        };
        let late = (LATE..LATE + count).map(|n| subject(n, &roles()));
        match self.operation {
            Operation::Authenticate => Ok(texts(&crowd.hits)),
            Operation::AuthenticateMiss => Ok(texts(&crowd.misses)),
            Operation::Issue => Ok(late.map(Thing::Subject).collect()),
            Operation::Refresh | Operation::Revoke => {
                let held = late.map(|subject| {
                    let issued = opened.strategy().issue(&subject, at);
                    let issued = ground.runtime().block_on(issued)?;
                    let held = issued.granted().context("a login is one too many")?;
                    Ok(Thing::Held(steady.held(held)?))
                });
                held.collect()
            }
        }
    }
}

/// Spells ES256 tokens with signatures that depend on nothing but key and text
/// (RFC 6979), since how long it takes to check one depends on its numbers.
/// All other tokens stay as they are.
struct Steady(Option<SigningKey>);

impl Steady {
    fn of(opened: &Opened, case: &Case, at: authbench_core::UnixMs) -> Result<Self> {
        let algorithm = settings(&case.recipe.scheme).map(|it| it.algorithm);
        if algorithm != Some(Algorithm::Es256) {
            return Ok(Self(None));
        }
        let jwk = opened
            .signing_key(at)
            .context("there is no signing key")??;
        let Some(scalar) = jwk.get("d").and_then(Value::as_str) else {
            bail!("the signing key has no private half");
        };
        let scalar = URL_SAFE_NO_PAD.decode(scalar)?;
        Ok(Self(Some(SigningKey::from_slice(&scalar)?)))
    }

    fn spell(&self, text: String) -> Result<String> {
        let Some(key) = &self.0 else { return Ok(text) };
        let (signed, _) = text.rsplit_once('.').context("no token")?;
        let signature: Signature = key.sign(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        Ok(format!("{signed}.{signature}"))
    }

    fn held(&self, held: Credentials) -> Result<Credentials> {
        let access = Secret::new(self.spell(held.access.expose().to_owned())?);
        Ok(Credentials { access, ..held })
    }
}
