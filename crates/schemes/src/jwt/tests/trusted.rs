//! Keys of other issuers. The checked-in test vectors try their verification;
//! here is what no vector can say: the headers that are announced.

use super::super::{TrustError, TrustedKeys};
use super::*;

fn jwk(algorithm: Algorithm) -> Value {
    known(algorithm).jwks()["keys"][0].clone()
}

fn announced(text: &str) -> Vec<String> {
    vec![compact::encode(text.as_bytes())]
}

#[test]
fn our_own_tokens_are_read_by_whoever_trusts_our_published_key() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let known = known(algorithm);
        let headers = [known.header().to_owned()];
        let keys = TrustedKeys::read(&known.jwks(), &headers).unwrap();
        let token = known.issue();
        let settings = known.strategy.format().settings();
        let verified = keys.verify(settings, token.access.expose(), AT).unwrap();
        assert_eq!(verified.identity.subject.as_str(), "u-1");
        let late = AT.plus_ms(TTL_S * 1000);
        let refused = keys.verify(settings, token.access.expose(), late);
        assert_eq!(refused, Err(Refusal::Expired));
        let unannounced = TrustedKeys::read(&known.jwks(), &[]).unwrap();
        assert_eq!(
            unannounced.payload(token.access.expose()),
            Err(Refusal::WrongKind)
        );
    }
}

#[test]
fn no_header_is_announced_that_says_more_than_how_tokens_are_signed() {
    let key = jwk(Algorithm::Es256);
    for text in [
        r#"{"alg":"ES256","crit":["x"]}"#,
        r#"{"alg":"ES256","jwk":{}}"#,
        r#"{"alg":"ES256","jku":"https://a.example"}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"["ES256",null,null]"#,
        r#"{"typ":"JWT"}"#,
        "",
    ] {
        let error = TrustedKeys::read(&key, &announced(text)).unwrap_err();
        assert!(matches!(error, TrustError::Header(_)), "{text}: {error}");
    }
    for text in [r#"{"typ":"JWT","alg":"ES256"}"#, r#" {"alg" : "ES256"} "#] {
        TrustedKeys::read(&key, &announced(text)).unwrap();
    }
}
