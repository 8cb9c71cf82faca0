//! The verifier of the scheme `paseto`.

use authbench_conformance::verifier::{Answer, Paseto, PasetoKey, Verifier};
use authbench_schemes::paseto::{Key, Purpose};

/// The verifier of every PASETO of ours.
pub(super) struct Pasetos;

impl Verifier for Pasetos {
    fn name(&self) -> &str {
        "paseto"
    }

    fn open_paseto(&self, paseto: &Paseto<'_>) -> Answer<Vec<u8>> {
        let (purpose, octets) = match paseto.key {
            PasetoKey::Local(key) => (Purpose::Local, key),
            PasetoKey::Seed(seed) => (Purpose::Public, seed),
            PasetoKey::Other => return Answer::unsupported("only version 4 is on offer"),
        };
        let Ok(key) = Key::from_bytes(purpose, octets) else {
            return Answer::Refused;
        };
        let payload = key.payload(paseto.token, paseto.footer, paseto.assertion);
        Answer::of(payload.map(String::into_bytes))
    }
}
