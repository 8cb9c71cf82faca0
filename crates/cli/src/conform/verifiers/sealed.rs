//! The verifier of the scheme `sealed-cookie`.

use std::error::Error;
use std::sync::Arc;

use authbench_conformance::verifier::{Answer, Encrypted, Sealer, Verifier};
use authbench_core::system::OsEntropy;
use authbench_core::{LoginId, Subject, SubjectId, UnixMs};
use authbench_schemes::keyring::KeyRing;
use authbench_schemes::sealed::{Format, Key, Settings};
use authbench_schemes::token::{NewToken, TokenFormat as _};

/// Some instant; cookies are opened at the one at which they were sealed.
const AT: UnixMs = UnixMs(1_800_000_000_000);

/// The verifier of every sealed cookie of ours.
#[derive(Default)]
pub(super) struct Cookies {
    node: Node,
}

impl Verifier for Cookies {
    fn name(&self) -> &str {
        "sealed-cookie"
    }

    fn decrypt(&self, encrypted: &Encrypted<'_>) -> Answer<Vec<u8>> {
        if encrypted.algorithm != "A256GCM" {
            return Answer::unsupported(format!("{} is not used", encrypted.algorithm));
        }
        let Ok(nonce) = encrypted.nonce.try_into() else {
            return Answer::unsupported("nonces have 96 bits");
        };
        if encrypted.tag.len() != 16 {
            return Answer::unsupported("proofs have 128 bits");
        }
        let Ok(key) = Key::from_octets(encrypted.key) else {
            return Answer::Refused;
        };
        let mut text = [encrypted.text, encrypted.tag].concat();
        let opened = key.open(nonce, encrypted.aad, &mut text);
        Answer::of(opened.map(<[u8]>::to_vec))
    }

    fn sealer(&self) -> Option<&dyn Sealer> {
        Some(&self.node)
    }
}

/// A node that seals; its replicas have its key, as a file gives it to them.
#[derive(Default)]
struct Node;

/// The key of all nodes: a fixed one, so that they agree.
const KEY: [u8; 32] = *b"a key of the vectors, of nothing";

impl Node {
    fn format(name: &str) -> Result<Format, Box<dyn Error + Send + Sync>> {
        let keys = Arc::new(KeyRing::fixed(Key::from_octets(&KEY)?));
        Ok(Format::stateless(
            &Settings::default(),
            name,
            keys,
            OsEntropy,
        )?)
    }
}

impl Sealer for Node {
    fn seal(&self, name: &str, subject: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
        let subject = Subject {
            id: SubjectId::new(subject),
            roles: ["user"].into_iter().collect(),
        };
        let token = NewToken {
            subject: &subject,
            login: LoginId([7; 16]),
            token_id: None,
            stamp: None,
            expires_by: None,
        };
        let sealed = Self::format(name)?.seal(&token, AT)?;
        Ok(sealed.text.expose().to_owned())
    }

    fn open(&self, name: &str, text: &str) -> Answer<String> {
        let Ok(format) = Self::format(name) else {
            return Answer::unsupported("the format could not be made");
        };
        let opened = format.open(text, AT);
        Answer::of(opened.map(|opened| opened.identity.subject.as_str().to_owned()))
    }

    fn nonce(&self, text: &str) -> Option<Vec<u8>> {
        Format::nonce(text).map(|nonce| nonce.to_vec())
    }

    fn replica(&self) -> Result<Box<dyn Sealer>, Box<dyn Error + Send + Sync>> {
        Ok(Box::new(Self))
    }
}
