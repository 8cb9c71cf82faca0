//! Every short cut against the plain crate: what we accept it accepts, with
//! the same claims, and what it accepts of tokens in our form we accept.

use authbench_core::{LoginId, Roles};
use jsonwebtoken::{Header, Validation};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::{Deserialize, Serialize};

use super::super::{TOKEN_TYPE, Verified};
use super::*;

/// The claims as another program would write them down.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Plain {
    iss: String,
    sub: String,
    aud: Value,
    exp: u64,
    iat: u64,
    jti: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// The plain crate with the same checks; its clock is switched off, ours is
/// tested elsewhere.
fn plain(known: &Known, token: &str) -> Option<Value> {
    let mut validation = Validation::new(known.algorithm().into());
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.leeway = 0;
    jsonwebtoken::decode::<Value>(token, &known.decoding, &validation)
        .ok()
        .map(|it| it.claims)
}

fn same(ours: &Verified, theirs: &Value) -> bool {
    let theirs: Plain = serde_json::from_value(theirs.clone()).unwrap();
    let identity = &ours.identity;
    let roles: Roles = theirs.roles.iter().collect();
    identity.subject.as_str() == theirs.sub
        && identity.roles == roles
        && identity.login.to_string() == theirs.jti
        && identity.expires_at == UnixMs(theirs.exp * 1000)
        && ours.issued_at == UnixMs(theirs.iat * 1000)
}

/// Whether claims that the plain crate accepts are in our narrower form:
/// whole seconds, a login id, and good at [`AT`].
fn in_our_form(claims: &Value) -> bool {
    let number = |name: &str| claims.get(name).map(Value::as_u64);
    let begins =
        |value: u64| value * 1000 <= AT.0 + Settings::new(Algorithm::Hs256, "", "", 1).skew_ms;
    let text = |name: &str| claims.get(name).is_some_and(Value::is_string);
    let texts = |value: &Value| {
        value
            .as_array()
            .is_some_and(|all| all.iter().all(Value::is_string))
    };
    // A subject without a name is nobody's.
    claims["sub"].as_str().is_some_and(|sub| !sub.is_empty())
        && text("iss")
        && (text("aud") || claims.get("aud").is_some_and(texts))
        && claims["jti"]
            .as_str()
            .is_some_and(|jti| jti.parse::<LoginId>().is_ok())
        && matches!(number("exp"), Some(Some(exp)) if exp * 1000 > AT.0)
        && matches!(number("iat"), Some(Some(iat)) if begins(iat))
        && number("nbf").is_none_or(|nbf| nbf.is_some_and(begins))
        && claims.get("roles").is_none_or(texts)
}

fn agree(known: &Known, token: &str) -> Result<(), TestCaseError> {
    let ours = known.strategy.format().verify(token, AT).ok();
    let theirs = plain(known, token);
    let own_header = token.split('.').next() == Some(known.header());
    let expected = own_header && theirs.as_ref().is_some_and(in_our_form);
    prop_assert_eq!(ours.is_some(), expected, "{}", token);
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        prop_assert!(same(&ours, &theirs));
    }
    Ok(())
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    select(&Algorithm::ALL[..])
}

/// The value of a claim: most often a good one, else something near it.
fn value_of(claim: &'static str) -> impl Strategy<Value = Option<Value>> {
    let now = AT.whole_secs();
    let odd = prop_oneof![
        Just(None),
        select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(""),
            json!("u-1"),
            json!([]),
            json!({}),
            json!([1]),
            json!(ISSUER),
            json!(AUDIENCE),
            json!([AUDIENCE]),
            json!([AUDIENCE, "x"]),
            json!([AUDIENCE, 1]),
            json!(["x"]),
            json!([ISSUER]),
            json!("AAECAwQFBgcICQoLDA0ODx"),
            json!(now),
            json!(now + 2),
            json!(now + 3),
            json!(now - 1),
            json!(now + 1),
            json!(now as f64 + 60.0),
            json!(now.to_string()),
        ])
        .prop_map(Some),
    ];
    let good = good_claims().get(claim).cloned();
    prop_oneof![5 => Just(good), 2 => odd]
}

fn claims() -> impl Strategy<Value = Value> {
    const NAMES: [&str; 9] = [
        "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "roles", "other",
    ];
    NAMES.map(value_of).prop_map(|values| {
        let members = NAMES.into_iter().zip(values);
        members
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Value>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_plain_crate_reads_our_tokens(
        algorithm in algorithm(), sub in "\\PC{1,40}",
        roles in prop::collection::vec(any::<String>(), 0..6), at in 0..4_000_000_000_000_u64,
    ) {
        let known = known(algorithm);
        let roles: Roles = roles.iter().collect();
        let subject = Subject { id: SubjectId::new(&sub), roles };
        let credentials = known.strategy.seal(&subject, UnixMs(at)).unwrap();
        let token = credentials.access.expose();
        let theirs = plain(known, token);
        prop_assert!(theirs.is_some());
        let ours = known.strategy.format().verify(token, UnixMs(at));
        let ours = ours.unwrap();
        prop_assert!(same(&ours, &theirs.unwrap()));
        prop_assert_eq!(ours.identity.subject, subject.id);
        prop_assert_eq!(ours.identity.roles, subject.roles);
        let header = jsonwebtoken::decode_header(token).unwrap();
        prop_assert_eq!(header.alg, algorithm.into());
        prop_assert_eq!(header.typ.as_deref(), Some(TOKEN_TYPE));
    }

    #[test]
    fn we_read_the_plain_crates_tokens(
        algorithm in algorithm(), sub in "\\PC{1,40}", login in any::<[u8; 16]>(),
        roles in prop::collection::vec(any::<String>(), 0..6), several in any::<bool>(),
    ) {
        let known = known(algorithm);
        let mut header = Header::new(algorithm.into());
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(known.kid.clone());
        let claims = Plain {
            iss: ISSUER.to_owned(), sub, exp: AT.whole_secs() + 1, iat: AT.whole_secs(),
            aud: if several { json!(["x", AUDIENCE]) } else { json!(AUDIENCE) },
            jti: LoginId(login).to_string(), roles,
        };
        let token = jsonwebtoken::encode(&header, &claims, &known.encoding).unwrap();
        let ours = known.strategy.format().verify(&token, AT);
        prop_assert!(ours.is_ok(), "{:?}", ours);
        prop_assert!(same(&ours.unwrap(), &serde_json::to_value(&claims).unwrap()));
    }

    #[test]
    fn verdicts_agree_on_any_signed_claims(algorithm in algorithm(), claims in claims()) {
        let known = known(algorithm);
        agree(known, &known.forge(&claims))?;
    }

    #[test]
    fn verdicts_agree_on_changed_tokens(
        algorithm in algorithm(), at in any::<Index>(), length in 0..3_usize,
        insert in "[A-Za-z0-9_=.+/ -]{0,3}",
    ) {
        let known = known(algorithm);
        let credentials = known.issue();
        let token = credentials.access.expose();
        let start = at.index(token.len());
        let end = (start + length).min(token.len());
        agree(known, &format!("{}{insert}{}", &token[..start], &token[end..]))?;
    }

    #[test]
    fn verdicts_agree_on_noise(algorithm in algorithm(), text in any::<String>(), tail in any::<String>()) {
        let known = known(algorithm);
        agree(known, &text)?;
        agree(known, &format!("{}.{text}.{tail}", known.header()))?;
    }
}

/// The two sides do disagree where they should: or the tests above would
/// compare nothing with nothing.
#[test]
fn the_comparison_can_tell_them_apart() {
    let known = known(Algorithm::Hs256);
    let mut claims = good_claims();
    claims["exp"] = json!(AT.whole_secs() as f64 + 60.5);
    let token = known.forge(&claims);
    assert!(plain(known, &token).is_some() && known.verdict(&token).is_err());
    assert!(!in_our_form(&claims) && in_our_form(&good_claims()));
    claims = good_claims();
    claims["iss"] = json!("x");
    assert!(plain(known, &known.forge(&claims)).is_none());
}
