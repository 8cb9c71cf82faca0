//! The specimen's verifier in this process: what in-process checks ask.

use std::error::Error;
use std::sync::Arc;

use authbench_conformance::verifier::{Answer, Jws, Sealer, Signed, Verifier};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::app::App;
use crate::keys;
use crate::kind::Kind;
use crate::sealed::{self, State};
use crate::specimen::Inner;

mod jwe;
mod jwk;
mod jws;

/// A process of the specimen that nobody serves from.
pub(crate) struct Judge {
    inner: Arc<Inner>,
    app: App,
}

impl Judge {
    pub(crate) fn of(inner: &Arc<Inner>) -> Self {
        Self {
            inner: Arc::clone(inner),
            app: inner.spare(),
        }
    }
}

impl Verifier for Judge {
    fn name(&self) -> &str {
        self.app.kind.label()
    }

    fn verify_jws(&self, asked: &Jws<'_>) -> Answer<Vec<u8>> {
        match self.app.kind {
            Kind::JwtEs256 => jws::verify(&self.app, asked),
            _ => Answer::unsupported("no JWS of other issuers"),
        }
    }

    fn decrypt_jwe(&self, key: &Value, token: &str) -> Answer<Vec<u8>> {
        match self.app.kind {
            Kind::Sealed => {
                jwe::decrypt(&self.app, key, token).map_or(Answer::Refused, Answer::Accepted)
            }
            _ => Answer::unsupported("no JWE"),
        }
    }

    fn verify_signature(&self, asked: &Signed<'_>) -> Answer<()> {
        match self.app.kind {
            Kind::JwtEs256 => jws::verify_bare(&self.app, asked),
            _ => Answer::unsupported("no signatures of other issuers"),
        }
    }

    fn compare(&self, held: &[u8], shown: &[u8]) -> Answer<()> {
        match keys::same(&self.app, held, shown) {
            true => Answer::Accepted(()),
            false => Answer::Refused,
        }
    }

    fn sealer(&self) -> Option<&dyn Sealer> {
        Some(self)
    }
}

impl Sealer for Judge {
    fn seal(&self, name: &str, subject: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
        let state = State {
            subject: subject.to_owned(),
            login: "login".to_owned(),
            generation: 0,
            groups: Vec::new(),
            ends_ms: u64::MAX,
        };
        let sealed = sealed::seal(&self.app, name, &state);
        sealed.map_err(|_| "nothing could be sealed".into())
    }

    fn open(&self, name: &str, text: &str) -> Answer<String> {
        Answer::of(sealed::open(&self.app, name, text).map(|state| state.subject))
    }

    fn nonce(&self, text: &str) -> Option<Vec<u8>> {
        let octets = URL_SAFE_NO_PAD.decode(text).ok()?;
        octets.get(..12).map(<[u8]>::to_vec)
    }

    fn replica(&self) -> Result<Box<dyn Sealer>, Box<dyn Error + Send + Sync>> {
        Ok(Box::new(Self::of(&self.inner)))
    }
}
