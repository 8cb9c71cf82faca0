//! One test vector.

use serde_json::Value;

use crate::verifier::PasetoKey;

/// One test vector.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in the file: the `tcId`, or the title.
    pub id: String,
    /// What it is about.
    pub comment: String,
    /// What is right.
    pub expected: Expected,
    /// What is asked.
    pub question: Question,
}

/// What is right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// To accept.
    Valid,
    /// To refuse.
    Invalid,
    /// Either.
    Either,
}

/// What is asked of a verifier.
#[derive(Clone, Debug)]
pub enum Question {
    /// Is this JWS good, and what is its payload?
    Jws {
        /// The JWK or JWK set.
        key: Value,
        /// Headers of the good tokens under this key.
        headers: Vec<String>,
        /// The token.
        token: String,
        /// What it says, if the file tells.
        payload: Option<Vec<u8>>,
        /// Whether the token is one in JSON serialization that a verifier of
        /// such tokens should take.
        json: bool,
    },
    /// Is this JWT good?
    Jwt {
        /// The JWK or JWK set.
        key: Value,
        /// Headers of the good tokens under this key.
        headers: Vec<String>,
        /// The token.
        token: String,
        /// The issuer that is believed.
        issuer: String,
        /// Who judges.
        audience: String,
        /// The judge's clock, in seconds since 1970.
        now_s: u64,
    },
    /// What does this JWE say?
    Jwe {
        /// The JWK.
        key: Value,
        /// The token.
        token: String,
        /// What it says, if the file tells.
        text: Option<Vec<u8>>,
    },
    /// Is this signature good?
    Signature {
        /// Its name in JOSE, or a description.
        algorithm: String,
        /// The JWK.
        key: Value,
        /// What is signed.
        message: Vec<u8>,
        /// By what.
        signature: Vec<u8>,
    },
    /// What does this text say?
    Encrypted {
        /// Its name in JOSE, or a description.
        algorithm: String,
        /// The key.
        key: Vec<u8>,
        /// The nonce.
        nonce: Vec<u8>,
        /// What is authenticated beside it.
        aad: Vec<u8>,
        /// The encrypted text.
        text: Vec<u8>,
        /// What proves it.
        tag: Vec<u8>,
        /// What it says.
        plain: Vec<u8>,
    },
    /// What does this PASETO say?
    Paseto {
        /// The key.
        key: PasetoKey,
        /// The token.
        token: String,
        /// Its footer.
        footer: Vec<u8>,
        /// Its implicit assertion.
        assertion: Vec<u8>,
        /// What it says, if the file tells.
        payload: Option<Vec<u8>>,
    },
}
