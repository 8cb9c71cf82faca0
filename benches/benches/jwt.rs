//! The `jwt` scheme beside the plain `jsonwebtoken` crate (same checks) and
//! beside the limit, the bare signature of aws-lc-rs over the same octets.
//!
//! Before criterion measures each contender by itself, all of a group take
//! turns every few operations, so that a drifting machine drifts for all of
//! them: read the ratios of that table.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use authbench_benches::logins::ready;
use authbench_benches::options::Options;
use authbench_benches::turns::{self, Contender};
use authbench_core::system::{OsEntropy, SystemClock};
use authbench_core::{
    AuthStrategy as _, Clock as _, Credentials, Presented, Subject, SubjectId, UnixMs,
};
use authbench_schemes::jwt::{Algorithm, Jwt, JwtFormat, Settings, SigningKey};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "https://api.example.com";
const SECRET: [u8; 32] = [0x5c; 32];
const TTL_S: u64 = 900;

/// Operations of one contender before the next has its turn.
const TURN: u32 = 4;

/// How long the contenders of one group take turns.
const RACE: Duration = Duration::from_secs(6);

/// The claims as a user of the plain crate writes them down.
#[derive(Deserialize, Serialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    jti: String,
    roles: Vec<String>,
}

type RawSign = Box<dyn Fn(&[u8])>;
type RawVerify = Box<dyn Fn(&[u8], &[u8]) -> bool>;

/// One key in the hands of the three contenders.
struct Side {
    ours: Jwt<OsEntropy>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    sign: RawSign,
    verify: RawVerify,
}

impl Side {
    fn new(algorithm: Algorithm) -> anyhow::Result<Self> {
        match algorithm {
            Algorithm::EdDsa => Self::ed25519(),
            Algorithm::Es256 => Self::p256(),
            Algorithm::Hs256 => Self::hmac(),
            Algorithm::Rs256 => Self::rsa(),
        }
    }

    fn hmac() -> anyhow::Result<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
        let same = key.clone();
        Ok(Self {
            ours: strategy(Algorithm::Hs256, SigningKey::from_secret(&SECRET)?)?,
            encoding: EncodingKey::from_secret(&SECRET),
            decoding: DecodingKey::from_secret(&SECRET),
            sign: Box::new(move |message| spend(hmac::sign(&same, message))),
            verify: Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok()),
        })
    }

    fn ed25519() -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::generate()?;
        let pem = pem(pair.to_pkcs8v1()?.as_ref());
        let public = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())?;
        Ok(Self {
            ours: strategy(
                Algorithm::EdDsa,
                SigningKey::from_pem(Algorithm::EdDsa, &pem)?,
            )?,
            encoding: EncodingKey::from_ed_pem(pem.as_bytes())?,
            decoding: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            sign: Box::new(move |message| spend(pair.sign(message))),
            verify: parsed(public),
        })
    }

    fn p256() -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let pem = pem(pair.to_pkcs8v1()?.as_ref());
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())?;
        Ok(Self {
            ours: strategy(
                Algorithm::Es256,
                SigningKey::from_pem(Algorithm::Es256, &pem)?,
            )?,
            encoding: EncodingKey::from_ec_pem(pem.as_bytes())?,
            decoding: DecodingKey::from_ec_der(pair.public_key().as_ref()),
            sign: Box::new(move |message| {
                spend(pair.sign(&SystemRandom::new(), message));
            }),
            verify: parsed(public),
        })
    }

    fn rsa() -> anyhow::Result<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let pem = pem(pair.as_der()?.as_ref());
        let der = pair.public_key().as_ref();
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)?;
        Ok(Self {
            ours: strategy(
                Algorithm::Rs256,
                SigningKey::from_pem(Algorithm::Rs256, &pem)?,
            )?,
            encoding: EncodingKey::from_rsa_pem(pem.as_bytes())?,
            decoding: DecodingKey::from_rsa_der(der),
            sign: Box::new(move |message| {
                let mut signature = [0; 256];
                let random = SystemRandom::new();
                let done = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                spend((done.is_ok(), signature));
            }),
            verify: parsed(public),
        })
    }
}

fn parsed(key: ParsedPublicKey) -> RawVerify {
    Box::new(move |message, signature| key.verify_sig(message, signature).is_ok())
}

fn strategy(algorithm: Algorithm, key: SigningKey) -> anyhow::Result<Jwt<OsEntropy>> {
    let settings = Settings::new(algorithm, ISSUER, AUDIENCE, TTL_S);
    Ok(Jwt::new(JwtFormat::new(settings, key)?, OsEntropy))
}

fn pem(pkcs8: &[u8]) -> String {
    let body = STANDARD.encode(pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

/// Claims of about 300 octets.
fn subject() -> Subject {
    let roles = [
        "user",
        "billing:read",
        "billing:write",
        "reports:read",
        "support:tier-2",
        "projects:owner",
        "projects:member",
        "audit-log:read",
    ];
    Subject {
        id: SubjectId::new("usr_01HZX3K9Q2M7"),
        roles: roles.into_iter().collect(),
    }
}

fn plain_claims(at: UnixMs) -> Claims {
    let subject = subject();
    Claims {
        iss: ISSUER.to_owned(),
        sub: subject.id.to_string(),
        aud: AUDIENCE.to_owned(),
        exp: at.whole_secs() + TTL_S,
        iat: at.whole_secs(),
        jti: "AAECAwQFBgcICQoLDA0ODw".to_owned(),
        roles: subject.roles.iter().map(str::to_owned).collect(),
    }
}

fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm.into());
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.leeway = 0;
    validation
}

/// One login of `subject`.
fn log_in(side: &Side, subject: &Subject, at: UnixMs) -> anyhow::Result<Credentials> {
    let issued = ready(side.ours.issue(subject, at))??;
    issued.granted().context("a login is one too many")
}

/// Keeps the optimiser from leaving out what made `value`.
fn spend<T>(value: T) {
    drop(black_box(value));
}

type Named<'a> = (&'static str, Box<dyn Fn() + 'a>);

/// The median times of contenders that took turns, then one criterion entry
/// for each, for the history.
fn race(criterion: &mut Criterion, name: &str, contenders: &[Named<'_>]) {
    let options = Options::from_args();
    if options.wants(name) {
        let turns = contenders.iter();
        let turns = turns.map(|(name, run)| Contender::repeated(*name, TURN, run));
        let taken = turns::take(options.span(RACE), turns.collect());
        // Printed; criterion's own entries are the figures.
        drop(turns::report("jwt", name, &taken));
    }
    let mut group = criterion.benchmark_group(name);
    for (name, run) in contenders {
        group.bench_function(*name, |bencher| bencher.iter(run));
    }
    group.finish();
}

fn authenticate(
    criterion: &mut Criterion,
    algorithm: Algorithm,
    side: &Side,
) -> anyhow::Result<()> {
    let at = SystemClock.now();
    let credentials = log_in(side, &subject(), at)?;
    let token = credentials.access.expose();
    let (message, signature) = token.rsplit_once('.').context("a token has points")?;
    let (_, payload) = message.split_once('.').context("a token has points")?;
    let claims_octets = URL_SAFE_NO_PAD.decode(payload)?.len();
    eprintln!(
        "{algorithm}: {claims_octets} octets of claims, {} of token",
        token.len()
    );
    let signature = URL_SAFE_NO_PAD.decode(signature)?;
    let validation = validation(algorithm);
    let ours = || {
        ready(
            side.ours
                .authenticate(&Presented::access(black_box(token)), at),
        )
    };
    let plain = || jsonwebtoken::decode::<Claims>(black_box(token), &side.decoding, &validation);
    let raw = || (side.verify)(black_box(message.as_bytes()), black_box(&signature));
    ensure!(
        ours()??.accepted().is_some() && plain().is_ok() && raw(),
        "a contender refuses"
    );
    let contenders: [Named<'_>; 3] = [
        ("raw-aws-lc-rs", Box::new(|| spend(raw()))),
        ("authbench", Box::new(|| spend(ours()))),
        ("jsonwebtoken", Box::new(|| spend(plain()))),
    ];
    race(
        criterion,
        &format!("jwt/authenticate/{algorithm}"),
        &contenders,
    );
    Ok(())
}

fn issue(criterion: &mut Criterion, algorithm: Algorithm, side: &Side) -> anyhow::Result<()> {
    let at = SystemClock.now();
    let subject = subject();
    let credentials = log_in(side, &subject, at)?;
    let token = credentials.access.expose();
    let (message, _) = token.rsplit_once('.').context("a token has points")?;
    let mut header = Header::new(algorithm.into());
    header.typ = Some("at+jwt".to_owned());
    let keys = side.ours.format().ring().keys();
    header.kid = Some(keys.newest().verifying_key().kid().to_owned());
    let claims = plain_claims(at);
    let ours = || ready(side.ours.issue(black_box(&subject), at));
    let plain = || jsonwebtoken::encode(&header, black_box(&claims), &side.encoding);
    ensure!(
        plain()?.len() == token.len(),
        "the contenders make different tokens"
    );
    let contenders: [Named<'_>; 3] = [
        (
            "raw-aws-lc-rs",
            Box::new(|| (side.sign)(black_box(message.as_bytes()))),
        ),
        ("authbench", Box::new(|| spend(ours()))),
        ("jsonwebtoken", Box::new(|| spend(plain()))),
    ];
    race(criterion, &format!("jwt/issue/{algorithm}"), &contenders);
    Ok(())
}

fn all(criterion: &mut Criterion) {
    for algorithm in Algorithm::ALL {
        let outcome = Side::new(algorithm).and_then(|side| {
            authenticate(criterion, algorithm, &side)?;
            issue(criterion, algorithm, &side)
        });
        if let Err(error) = outcome {
            panic!("{algorithm}: {error:#}");
        }
    }
}

criterion_group! {
    name = jwt;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = all
}
criterion_main!(jwt);
