//! Key files: which are taken, which are refused, and what nodes share.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;

use authbench_catalog::{Backing, BackingOptions, BuildError, Recipe};
use authbench_core::{Decision, Presented, Roles, SeededEntropy, Subject, SubjectId, UnixMs};
use authbench_schemes::jwt::{Algorithm, Disguise, KeyError, SigningKey};

const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

/// The public key of RFC 8037 A.2 in DER (RFC 8410 4).
const PUBLIC_DER: [u8; 44] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0xd7, 0x5a, 0x98, 0x01,
    0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3,
    0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

async fn open(algorithm: Algorithm, key_file: Option<&[u8]>) -> Result<Backing, BuildError> {
    let home = tempfile::tempdir().unwrap();
    let mut text = format!("summary = \"s\"\n[scheme.jwt]\nalgorithm = \"{algorithm}\"\n");
    if let Some(octets) = key_file {
        std::fs::write(home.path().join("a.key"), octets).unwrap();
        text.push_str("key_file = \"a.key\"\n");
    }
    text.push_str("[transport.bearer]\n");
    open_recipe(home.path(), &text).await
}

async fn open_recipe(folder: &Path, text: &str) -> Result<Backing, BuildError> {
    let recipe = Recipe::parse(&folder.join("jwt.x.bearer.toml"), text).unwrap();
    let options = BackingOptions {
        entropy: Arc::new(SeededEntropy::new(5)),
        ..BackingOptions::new(folder)
    };
    Backing::open(&recipe, options).await
}

/// RFC 8725 3.1: whoever knows the public key could sign.
#[tokio::test]
async fn a_key_of_another_kind_is_no_secret() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let ssh =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea a@b";
    let mut long_der = vec![0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01];
    long_der.resize(4 + 0x010a, 7);
    for (octets, kind) in [
        (PUBLIC_PEM.as_bytes().to_vec(), Disguise::Pem),
        (
            PUBLIC_PEM.replace("PUBLIC", "PRIVATE").into(),
            Disguise::Pem,
        ),
        (format!(" \r\n\t{PUBLIC_PEM}").into(), Disguise::Pem),
        (format!("\u{feff}{PUBLIC_PEM}").into(), Disguise::Pem),
        (
            format!("Bag Attributes\n{PUBLIC_PEM}").into(),
            Disguise::Pem,
        ),
        (PUBLIC_DER.to_vec(), Disguise::Der),
        (long_der, Disguise::Der),
        (jwk.into(), Disguise::Json),
        (
            format!("\u{feff}\n{{\"keys\":[{jwk}]}}\n").into(),
            Disguise::Json,
        ),
        (format!("[{jwk}]").into(), Disguise::Json),
        (ssh.into(), Disguise::OpenSsh),
    ] {
        let shown = String::from_utf8_lossy(&octets).into_owned();
        let error = open(Algorithm::Hs256, Some(&octets)).await.err().unwrap();
        let key_error = error.source().unwrap().downcast_ref::<KeyError>();
        assert!(
            matches!(key_error, Some(KeyError::NotASecret { found }) if *found == kind),
            "{shown}: {error:?}"
        );
        assert!(error.is_input(), "{shown}");
    }
}

#[tokio::test]
async fn a_secret_is_taken_as_it_is() {
    let secret = b"\n {not JSON, and thirty-two octets \n";
    let backing = open(Algorithm::Hs256, Some(secret)).await.unwrap();
    let token = issue(&backing).await;
    let header = token.split('.').next().unwrap();
    let key = SigningKey::from_secret(secret).unwrap();
    assert_eq!(key.verifying_key().header_segment(), header);
    let trimmed = SigningKey::from_secret(secret.trim_ascii()).unwrap();
    assert_ne!(trimmed.verifying_key().header_segment(), header);
}

#[tokio::test]
async fn input_errors_are_told_apart() {
    for (algorithm, octets) in [
        (Algorithm::Hs256, b"short".as_slice()),
        (Algorithm::EdDsa, PUBLIC_PEM.as_bytes()),
        (Algorithm::Es256, b"\xff\xfe".as_slice()),
        (Algorithm::Rs256, b"".as_slice()),
    ] {
        let error = open(algorithm, Some(octets)).await.err().unwrap();
        assert!(error.source().unwrap().is::<KeyError>(), "{error:?}");
        assert!(error.is_input(), "{error:?}");
    }
    let home = tempfile::tempdir().unwrap();
    let absent = "summary = \"s\"\n[scheme.jwt]\nalgorithm = \"HS256\"\n\
                  key_file = \"absent.key\"\n[transport.bearer]\n";
    let error = open_recipe(home.path(), absent).await.err().unwrap();
    assert!(matches!(&error, BuildError::KeyFile { .. }) && error.is_input());
    let store = authbench_core::StoreError {
        store: "sqlite",
        operation: "open",
        fault: authbench_core::StoreFault::Unreachable,
        source: None,
    };
    let error = BuildError::from(store);
    assert!(!error.is_input() && error.source().unwrap().is::<authbench_core::StoreError>());
}

async fn issue(backing: &Backing) -> String {
    let subject = Subject {
        id: SubjectId::new("ada"),
        roles: Roles::default(),
    };
    let node = backing.node().await.unwrap();
    let issued = node.strategy.issue(&subject, UnixMs(1_000)).await.unwrap();
    let credentials = issued.granted().unwrap();
    credentials.access.expose().to_owned()
}

/// A node is a restart: another strategy with the same key.
#[tokio::test]
async fn nodes_share_a_key_and_nothing_else() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256] {
        let backing = open(algorithm, None).await.unwrap();
        let token = issue(&backing).await;
        let (one, two) = (backing.node().await.unwrap(), backing.node().await.unwrap());
        assert!(!Arc::ptr_eq(&one.strategy, &two.strategy), "{algorithm}");
        let [shown, again] = [&one, &two].map(|node| {
            let keys = node.jwks.as_ref().unwrap();
            (keys.at)(UnixMs(2_000))
        });
        assert_eq!(shown, again, "{algorithm}");
        assert_eq!(shown.is_some(), algorithm != Algorithm::Hs256);
        let presented = Presented::access(&token);
        for node in [one, two] {
            let decision = node.strategy.authenticate(&presented, UnixMs(2_000)).await;
            assert!(matches!(decision, Ok(Decision::Accepted(_))), "{algorithm}");
        }
    }
}
