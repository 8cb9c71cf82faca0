//! What all checks of tokens stand on: a real token of the target, and what is
//! forged from it.

use authbench_wire::profile::Family;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::jose::SignKey;
use crate::jose::{Token, encode, signing_input, text_of, with};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// Kinds of strategy whose access credential is a token.
pub(super) const TOKENS: &[Family] = &[
    Family::Jwt,
    Family::Denylist,
    Family::Refresh,
    Family::Hybrid,
];
/// The most octets of a header section that servers commonly take (ASVS 5.0
/// 4.2.5): one that hangs up on a longer one has refused it.
const HEADER_OCTETS_COMMON: usize = 8 * 1024;
/// How many of a case's forgeries are named in its detail.
const NAMED_MAX: usize = 5;

/// A fresh login whose access credential is a signed token.
pub(super) struct Ground<'t> {
    pub(super) trial: &'t Trial<'t>,
    pub(super) login: Login,
    pub(super) token: Token,
}

/// A token that must be refused.
pub(super) struct Forgery {
    /// How it differs from a real one, in a few words.
    pub(super) what: String,
    /// The token.
    pub(super) text: String,
}

/// The same with the key that the target signs with, and the proof that it takes
/// an honest copy signed by it.
pub(super) struct Forger<'t> {
    pub(super) ground: Ground<'t>,
    pub(super) key: SignKey,
    pub(super) alg: String,
}

/// How one case went.
#[derive(Default)]
struct Went {
    accepted: Vec<(String, Answer)>,
    failed: Vec<(String, Answer)>,
}

impl Forgery {
    pub(super) fn new(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            text: text.into(),
        }
    }
}

impl<'t> Ground<'t> {
    /// Logs in.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the credential is no signed token.
    pub(super) async fn new(trial: &'t Trial<'t>) -> Result<Self, Stop> {
        let login = trial.login().await?;
        let token = Token::parse(&login.access).ok_or_else(not_signed)?;
        trial.negative_control(&login).await?;
        Ok(Self {
            trial,
            login,
            token,
        })
    }

    /// The header's `alg`.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when there is none.
    pub(super) fn alg(&self) -> Result<String, Stop> {
        let alg = self.token.alg().map(str::to_owned);
        alg.ok_or_else(|| Stop::unclear("the target's own token has no `alg`"))
    }

    /// The key that signed the token, of the profile.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the profile has no key, or another one.
    pub(super) fn key(&self) -> Result<SignKey, Stop> {
        let key = profile_key(self.trial)?;
        let input = self.token.signed_part();
        if key.made(&self.alg()?, input.as_bytes(), &self.token.signature()) {
            return Ok(key);
        }
        Err(Stop::NotApplicable(
            "`keys.sign` is not the key of a fresh token (where keys change, a `jwk-file` that \
             `rotate_keys` writes anew stays the present one)"
                .to_owned(),
        ))
    }

    /// The header as text with `name` set to `value`.
    pub(super) fn header_text(&self, name: &str, value: impl Into<Value>) -> String {
        text_of(&self.token.header_with(name, value))
    }

    /// Presents each of `forgeries` alone, with an untouched credential just
    /// before and just after: one case, which fails if anyone is accepted as
    /// anybody.
    ///
    /// # Errors
    /// [`Stop`] when a control fails or no answer comes.
    pub(super) async fn refuse_each(
        &self,
        case: &str,
        forgeries: Vec<Forgery>,
    ) -> Result<(), Stop> {
        self.refuse_each_at(case, forgeries, 0).await
    }

    /// The same at a replica.
    ///
    /// # Errors
    /// As [`Self::refuse_each`].
    pub(super) async fn refuse_each_at(
        &self,
        case: &str,
        forgeries: Vec<Forgery>,
        replica: usize,
    ) -> Result<(), Stop> {
        let trial = self.trial;
        trial.control(&self.login).await?;
        let (mut went, count) = (Went::default(), forgeries.len());
        for Forgery { what, text } in forgeries {
            match present(trial, &text, replica).await? {
                Some(Who::Is(subject, answer)) => {
                    went.accepted
                        .push((format!("{what} (as `{subject}`)"), answer));
                }
                Some(Who::Unclear(answer)) if answer.status >= 500 => {
                    went.failed
                        .push((format!("{what} ({})", answer.status), answer));
                }
                _ => {}
            }
        }
        trial.control(&self.login).await?;
        went.tell(trial, case, count);
        Ok(())
    }
}

impl<'t> Forger<'t> {
    /// Logs in, and has an honest copy accepted: the same claims in another
    /// order, signed anew.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] without a token or its key, and
    /// [`Stop::Inconclusive`] when the target refuses the copy.
    pub(super) async fn new(trial: &'t Trial<'t>) -> Result<Self, Stop> {
        let ground = Ground::new(trial).await?;
        let (key, alg) = (ground.key()?, ground.alg()?);
        let forger = Self { ground, key, alg };
        forger.honest_copy().await?;
        Ok(forger)
    }

    /// The trial.
    pub(super) fn trial(&self) -> &'t Trial<'t> {
        self.ground.trial
    }

    /// The real token's claims.
    pub(super) fn claims(&self) -> &Map<String, Value> {
        &self.ground.token.claims
    }

    /// Whether the key signed this token.
    pub(super) fn signed_this(&self, token: &Token) -> bool {
        let input = token.signed_part();
        self.key
            .made(&self.alg, input.as_bytes(), &token.signature())
    }

    /// The real token with other claims, which need not be JSON, signed anew.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when the key cannot sign by the token's `alg`.
    pub(super) fn claiming(&self, claims: &str) -> Result<String, Stop> {
        let input = format!("{}.{}", self.ground.token.segments[0], encode(claims));
        self.signed(&input)
    }

    /// The same with one claim more, or another value for it.
    ///
    /// # Errors
    /// As [`Self::claiming`].
    pub(super) fn with_claim(&self, name: &str, value: impl Into<Value>) -> Result<String, Stop> {
        self.claiming(&text_of(&with(self.claims(), name, value)))
    }

    /// The real token with another header, signed anew.
    ///
    /// # Errors
    /// As [`Self::claiming`].
    pub(super) fn headed(&self, header: &str) -> Result<String, Stop> {
        let input = format!("{}.{}", encode(header), self.ground.token.segments[1]);
        self.signed(&input)
    }

    /// Whatever `input` is, with its signature.
    ///
    /// # Errors
    /// As [`Self::claiming`].
    pub(super) fn signed(&self, input: &str) -> Result<String, Stop> {
        let made = self.key.sign(&self.alg, input.as_bytes());
        let made = made.ok_or_else(|| {
            Stop::unclear(format!("`keys.sign` makes no signature of `{}`", self.alg))
        })?;
        Ok(format!("{input}.{}", encode(made)))
    }

    /// Demands that the target takes a copy of its own token that was signed
    /// here: the positive control of everything that is correctly signed but
    /// wrong.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when it does not.
    pub(super) async fn honest_copy(&self) -> Result<(), Stop> {
        let mut claims = self.claims().clone();
        let first = claims.keys().next().cloned();
        if let Some(first) = first
            && let Some(value) = claims.shift_remove(&first)
        {
            claims.insert(first, value);
        }
        let copy = self.claiming(&text_of(&claims))?;
        self.accepted(
            "an honest copy of its own token, signed by `keys.sign`,",
            &copy,
        )
        .await
    }

    /// Demands that a token counts as the login's own.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when it does not.
    pub(super) async fn accepted(&self, what: &str, text: &str) -> Result<(), Stop> {
        let login = &self.ground.login;
        let who = self.trial().who_presents(text, login.replica).await?;
        if who.is(&login.subject) {
            return Ok(());
        }
        Err(Stop::unclear(format!("{what} was {}", who.told())))
    }
}

impl Went {
    fn tell(self, trial: &Trial<'_>, case: &str, count: usize) {
        let answers = |of: &[(String, Answer)]| of.iter().map(|(_, it)| it.clone()).collect();
        if !self.accepted.is_empty() {
            let shown: Vec<Answer> = answers(&self.accepted);
            let shown: Vec<&Answer> = shown.iter().collect();
            trial.fail(case, format!("accepted: {}", named(&self.accepted)), &shown);
        } else if !self.failed.is_empty() {
            let shown: Vec<Answer> = answers(&self.failed);
            let shown: Vec<&Answer> = shown.iter().collect();
            let detail = format!("no judgement: {}", named(&self.failed));
            trial.inconclusive(case, detail, &shown);
        } else {
            trial.pass(case, format!("all of {count} refused"));
        }
    }
}

/// The key of the profile, whatever it signed.
///
/// # Errors
/// [`Stop::NotApplicable`] when there is none, and [`Stop::Inconclusive`] when
/// it cannot be read.
pub(super) fn profile_key(trial: &Trial<'_>) -> Result<SignKey, Stop> {
    let keys = &trial.profile().keys;
    let named = keys.sign.as_ref();
    let named = named.ok_or_else(|| Stop::needs("keys.sign"))?;
    load(trial, named)
}

/// A key that the profile names.
///
/// # Errors
/// [`Stop::Inconclusive`] when it cannot be read.
pub(super) fn load(
    trial: &Trial<'_>,
    key: &authbench_wire::profile::SigningKey,
) -> Result<SignKey, Stop> {
    let loaded = SignKey::load(key, trial.target().profile_file());
    loaded.map_err(|error| Stop::unclear(crate::trial::cause_chain(&error)))
}

/// The public keys of the target: the published ones, or else those of
/// `keys.sign`.
///
/// # Errors
/// [`Stop::NotApplicable`] when there are none.
pub(super) async fn public_keys(trial: &Trial<'_>) -> Result<Vec<Map<String, Value>>, Stop> {
    if trial.profile().keys.jwks_path.is_some() {
        let published: Vec<_> = published_keys(trial, 0)
            .await?
            .into_iter()
            .filter(|key| key.get("kty").is_some_and(|kty| kty != "oct"))
            .collect();
        if !published.is_empty() {
            return Ok(published);
        }
    }
    match profile_key(trial)?.public_jwk() {
        Some(Value::Object(key)) => Ok(vec![key]),
        _ => Err(Stop::NotApplicable(
            "its tokens are signed by a secret: there is no public key".to_owned(),
        )),
    }
}

/// The keys of the published set (RFC 7517 5).
///
/// # Errors
/// [`Stop::NotApplicable`] when none is published.
pub(super) async fn published_keys(
    trial: &Trial<'_>,
    replica: usize,
) -> Result<Vec<Map<String, Value>>, Stop> {
    let path = trial.profile().keys.jwks_path.as_ref();
    let path = path.ok_or_else(|| Stop::needs("keys.jwks_path"))?;
    let answer = trial.ask_bare().at(replica).path(path).send().await?;
    if answer.status == 404 {
        return Err(Stop::NotApplicable(format!(
            "the target publishes no key set at {path}"
        )));
    }
    let set = answer.json().filter(|_| answer.ok());
    let keys = set.as_ref().and_then(|set| set.get("keys")?.as_array());
    let keys = keys.ok_or_else(|| {
        let status = answer.status;
        Stop::unclear(format!("{path} was answered {status}, without a key set"))
    })?;
    Ok(keys
        .iter()
        .filter_map(|key| key.as_object().cloned())
        .collect())
}

/// A token of `header` and `claims`, signed by `key` with `alg`.
pub(super) fn made(key: &SignKey, alg: &str, header: &str, claims: &str) -> Option<String> {
    let input = signing_input(header, claims);
    Some(format!(
        "{input}.{}",
        encode(key.sign(alg, input.as_bytes())?)
    ))
}

fn not_signed() -> Stop {
    Stop::NotApplicable("the access credential of a fresh login is no signed JWT".to_owned())
}

/// Presents a credential; `None` if the target hung up on one that is larger
/// than servers commonly take.
async fn present(trial: &Trial<'_>, text: &str, replica: usize) -> Result<Option<Who>, Stop> {
    match trial.who_presents(text, replica).await {
        Ok(who) => Ok(Some(who)),
        Err(Stop::Broken(broken))
            if text.len() > HEADER_OCTETS_COMMON
                && !broken.timed_out
                && !broken.refused_connection =>
        {
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn named(of: &[(String, Answer)]) -> String {
    let names: Vec<_> = of.iter().map(|(what, _)| what.as_str()).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    let shown = names[..names.len() - more].join("; ");
    match more {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
