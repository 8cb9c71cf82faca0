//! The format: the laws of every format, and what is its own.

use authbench_core::{LoginId, SeededEntropy};
use biscuit_auth::builder::{BiscuitBuilder, BlockBuilder, date, fact, int, string};
use biscuit_auth::{Biscuit as Plain, KeyPair};
use proptest::prelude::*;

use super::*;
use crate::keyring::RingKey as _;
use crate::token::tests::{
    self as laws, AT, AUDIENCE, ISSUER, SKEW_MS, TTL_S, has_a_longest_token, has_one_spelling,
    refuses_other_parties, round_trips, seal,
};

const SECRETS: [[u8; 32]; 2] = [[0x5c; 32], [0x5d; 32]];

fn key(index: usize) -> Key {
    Key::from_bytes(&SECRETS[index]).unwrap()
}

fn format_of(issuer: &str, audience: &str, index: usize) -> BiscuitFormat {
    let settings = Settings {
        skew_ms: SKEW_MS,
        ..Settings::new(issuer, audience, TTL_S)
    };
    BiscuitFormat::new(settings, key(index), SeededEntropy::new(8)).unwrap()
}

fn ours() -> BiscuitFormat {
    format_of(ISSUER, AUDIENCE, 0)
}

#[test]
fn what_goes_in_comes_out() {
    round_trips(format_of, 48);
}

#[test]
fn somebody_elses_token_is_refused() {
    refuses_other_parties(format_of);
}

#[test]
fn a_token_has_one_spelling() {
    has_one_spelling(format_of);
}

#[test]
fn a_token_that_no_verifier_would_read_is_not_made() {
    has_a_longest_token(format_of);
}

/// The facts of a good token, by name.
fn good_facts() -> Vec<(&'static str, Term)> {
    let now = AT.whole_secs();
    vec![
        ("kind", string(KIND)),
        ("issuer", string(ISSUER)),
        ("audience", string(AUDIENCE)),
        ("subject", string("u-1")),
        ("login", Term::Bytes(vec![7; 16])),
        ("issued", Term::Date(now)),
        ("expires", Term::Date(now + 60)),
        ("role", string("user")),
    ]
}

fn builder(facts: &[(&str, Term)]) -> BiscuitBuilder {
    facts
        .iter()
        .fold(BiscuitBuilder::new(), |builder, (name, term)| {
            builder
                .fact(fact(name, std::slice::from_ref(term)))
                .unwrap()
        })
}

/// The verdict on a token of this block, as the key's owner could sign it.
fn verdict(builder: BiscuitBuilder) -> Result<(), Refusal> {
    let builder = builder.root_key_id(key(0).root_key_id());
    let token = builder.build(key(0).pair()).unwrap().to_base64().unwrap();
    ours().open(&token, AT).map(drop)
}

#[test]
fn facts_are_read_strictly() {
    assert_eq!(verdict(builder(&good_facts())), Ok(()));
    for index in 0..7 {
        let mut facts = good_facts();
        let (name, _) = facts.remove(index);
        assert_eq!(verdict(builder(&facts)), Err(Refusal::BadClaims), "{name}");

        let wrong = match name {
            "issued" | "expires" => vec![int(1_900_000_000), string("x"), Term::Date(u64::MAX)],
            "login" => vec![
                string("x"),
                Term::Bytes(vec![7; 15]),
                Term::Bytes(vec![7; 17]),
            ],
            _ => vec![int(1), Term::Bytes(vec![1]), Term::Null],
        };
        for term in wrong {
            let mut facts = good_facts();
            facts[index].1 = term;
            assert_eq!(verdict(builder(&facts)), Err(Refusal::BadClaims), "{name}");
        }
        let mut twice = good_facts();
        let another = match name {
            "issued" | "expires" => Term::Date(1),
            "login" => Term::Bytes(vec![8; 16]),
            _ => string("another"),
        };
        twice.push((name, another));
        assert_eq!(verdict(builder(&twice)), Err(Refusal::BadClaims), "{name}");
    }
    let mut facts = good_facts();
    facts.push(("role", int(1)));
    assert_eq!(verdict(builder(&facts)), Err(Refusal::BadClaims));
    facts.pop();
    for stamps in [&[int(1), int(2)][..], &[string("1")], &[Term::Null]] {
        let mut facts = facts.clone();
        facts.extend(stamps.iter().map(|stamp| ("stamp", stamp.clone())));
        assert_eq!(verdict(builder(&facts)), Err(Refusal::BadClaims));
    }
    facts[0].1 = string("refresh");
    assert_eq!(verdict(builder(&facts)), Err(Refusal::WrongKind));
    let more = builder(&good_facts()).fact(fact("role", &[string("a"), string("b")]));
    assert_eq!(verdict(more.unwrap()), Ok(()), "another fact of that name");
}

/// A check that we did not write counts, too; a rule makes no second answer.
#[test]
fn what_else_the_block_says_counts() {
    let with = |code: &str| verdict(builder(&good_facts()).code(code).unwrap());
    assert_eq!(
        with("check if time($t), $t < 2100-01-01T00:00:00Z;"),
        Ok(())
    );
    let refused = Err(Refusal::BadClaims);
    assert_eq!(
        with("check if time($t), $t < 2000-01-01T00:00:00Z;"),
        refused
    );
    assert_eq!(with("check if nothing(1);"), refused);
    assert_eq!(with("subject(\"root\") <- role(\"user\");"), refused);
}

fn plain(text: &str) -> Plain {
    Plain::from_base64(text, key(0).public()).unwrap()
}

/// What a holder can do without a key: narrow the token, or close it.
#[test]
fn a_token_that_its_holder_changed_is_refused() {
    let sealed = seal(&ours(), AT);
    let token = plain(sealed.text.expose());
    let block = BlockBuilder::new().code("role(\"root\");").unwrap();
    let widened = token.append(block).unwrap();
    let narrowed = BlockBuilder::new().code("check if true;").unwrap();
    let narrowed = token.append(narrowed).unwrap();
    let closed = token.seal().unwrap();
    for changed in [&widened, &narrowed, &closed, &narrowed.seal().unwrap()] {
        let text = changed.to_base64().unwrap();
        assert!(
            Plain::from_base64(&text, key(0).public()).is_ok(),
            "good elsewhere"
        );
        assert_eq!(ours().open(&text, AT), Err(Refusal::WrongKind));
    }
}

/// The root key is chosen by its id alone, among ours.
#[test]
fn the_id_of_the_root_key_is_needed() {
    let sign = |id: Option<u32>, pair: &KeyPair| {
        let builder = builder(&good_facts());
        let builder = match id {
            Some(id) => builder.root_key_id(id),
            None => builder,
        };
        let token = builder.build(pair).unwrap().to_base64().unwrap();
        ours().open(&token, AT).map(drop)
    };
    let (own, other) = (key(0), key(1));
    assert_eq!(sign(Some(own.root_key_id()), own.pair()), Ok(()));
    assert_eq!(sign(None, own.pair()), Err(Refusal::WrongKind));
    assert_eq!(sign(Some(0), own.pair()), Err(Refusal::WrongKind));
    assert_eq!(
        sign(Some(own.root_key_id()), other.pair()),
        Err(Refusal::BadSignature)
    );
}

/// Protocol Buffers have many encodings of one message; one is taken.
#[test]
fn other_encodings_are_refused() {
    let sealed = seal(&ours(), AT);
    let octets = URL_SAFE.decode_to_vec(sealed.text.expose()).unwrap();
    // The first field is the root key's id, five octets at most in a varint.
    assert_eq!(octets[0], 0x08);
    let end = octets
        .iter()
        .skip(1)
        .position(|octet| octet & 0x80 == 0)
        .unwrap()
        + 2;
    let (id, rest) = octets.split_at(end);
    let mut overlong = id.to_vec();
    *overlong.last_mut().unwrap() |= 0x80;
    overlong.push(0);
    let respelt = [
        [rest, id].concat(),
        [id, id, rest].concat(),
        [&overlong, rest].concat(),
        [&octets[..], &[0x78, 0x01]].concat(),
        [&[0x78, 0x01], &octets[..]].concat(),
    ];
    for other in respelt {
        assert!(
            Plain::from(&other, key(0).public()).is_ok(),
            "good elsewhere"
        );
        let text = URL_SAFE.encode_to_string(&other);
        assert_eq!(ours().open(&text, AT), Err(Refusal::Malformed));
    }
    let unpadded = sealed.text.expose().trim_end_matches('=');
    let verdict = ours().open(unpadded, AT).is_ok();
    assert_eq!(verdict, unpadded == sealed.text.expose());
}

/// A verifier that knows nothing but Biscuit sees the same end.
#[test]
fn the_plain_crate_sees_the_end() {
    let sealed = seal(&ours(), AT);
    let at = |seconds: u64| {
        let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        let authorizer = AuthorizerBuilder::new().set_limits(limits());
        let authorizer = authorizer.fact(fact("time", &[date(&time)])).unwrap();
        let authorizer = authorizer.code("allow if role(\"admin\");").unwrap();
        let mut authorizer = authorizer.build(&plain(sealed.text.expose())).unwrap();
        authorizer.authorize().is_ok()
    };
    let end_s = sealed.expires_at.whole_secs();
    assert!(at(end_s - 1) && !at(end_s));
}

#[test]
fn keys_change_and_their_tokens_live_on() {
    let settings = Settings {
        rotate_every_s: Some(600),
        skew_ms: SKEW_MS,
        ..Settings::new(ISSUER, AUDIENCE, TTL_S)
    };
    let ring = settings.ring(key(0), SeededEntropy::new(4)).unwrap();
    let entropy = SeededEntropy::new(5);
    let format = BiscuitFormat::new(settings, Arc::new(ring), entropy).unwrap();
    let listed = |at| format.jwks(at).unwrap()["keys"].as_array().unwrap().len();
    let (old, later) = (seal(&format, AT), AT.plus_ms(600_000));
    let new = seal(&format, later);
    assert_eq!(listed(later), 2);
    for sealed in [&old, &new] {
        assert!(format.open(sealed.text.expose(), later).is_ok());
    }
    let kid = format.ring().keys().newest().kid().to_owned();
    assert!(format.ring().withdraw(&kid, later).unwrap());
    let dead = format.open(new.text.expose(), later);
    assert_eq!(dead, Err(Refusal::WrongKind));
    assert!(format.open(old.text.expose(), later).is_ok());
}

/// RFC 7638, on the key of RFC 8037 A.1.
#[test]
fn keys_have_their_names_and_show_nothing() {
    let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let seed = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(seed).unwrap();
    let key = Key::from_bytes(&seed).unwrap();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.root_key_id(), 0x90fa_cafe);
    let mut members: Vec<_> = key.jwk().as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["crv", "kid", "kty", "use", "x"]);
    assert_eq!(
        key.jwk()["x"],
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    );
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend(&seed);
    let text = pem::encode(&pem::Pem::new("PRIVATE KEY", der));
    assert_eq!(Key::from_pem(&text).unwrap().kid(), key.kid());
    assert!(matches!(Key::from_bytes(&[0; 32]), Err(KeyError::Zero)));
    let refused = Key::from_bytes(&[1; 31]);
    assert!(matches!(refused, Err(KeyError::Length { octets: 31 })));
    assert_eq!(format!("{key:?}"), format!("Key({})", key.kid()));
    let shown = format!("{:?}", ours());
    assert!(!shown.contains("0x5c") && !shown.contains("92, 92"));
}

#[test]
fn settings_have_bounds() {
    let read = |text: &str| serde_json::from_str::<Settings>(text);
    let whole = r#"{"issuer":"i","audience":"a","ttl_s":5}"#;
    assert_eq!(read(whole).unwrap(), Settings::new("i", "a", 5));
    assert_eq!(read("{}").unwrap(), Settings::default());
    for wrong in [
        whole.replace("ttl_s", "ttl"),
        whole.replace('5', "0"),
        whole.replace("\"i\"", "\"\""),
        whole.replace('5', "5,\"skew_ms\":60001"),
    ] {
        assert!(read(&wrong).is_err(), "{wrong}");
    }
    let settings = Settings::new(ISSUER, "", TTL_S);
    let refused = BiscuitFormat::new(settings, key(0), SeededEntropy::new(1));
    assert_eq!(refused.map(drop), Err(SettingsError::Nameless));
}

/// The same entropy makes the same tokens, so that a run can be repeated.
#[test]
fn tokens_come_from_the_entropy_that_is_passed_in() {
    let text = |format: &BiscuitFormat| seal(format, AT).text;
    let (one, same) = (ours(), ours());
    let first = text(&one);
    assert_eq!(first, text(&same));
    assert_ne!(first, text(&one));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn noise_is_refused(octets in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let format = ours();
        prop_assert!(format.open(&text, AT).is_err());
        prop_assert!(format.open(&URL_SAFE.encode_to_string(&octets), AT).is_err());
    }

    /// Signed by the key's owner, but of any content.
    #[test]
    fn a_block_of_any_content_is_judged(names in prop::collection::vec("[a-z]{1,8}", 0..6), number in any::<i64>()) {
        let mut facts = good_facts();
        let other: Vec<_> = names.iter().map(|name| (name.as_str(), int(number))).collect();
        facts.retain(|(name, _)| other.iter().all(|(other, _)| other != name));
        let whole = facts.len() == good_facts().len() && names.iter().all(|it| it != "stamp");
        facts.extend(other);
        prop_assert_eq!(verdict(builder(&facts)).is_ok(), whole);
    }
}

#[test]
fn a_login_survives_in_each_of_its_tokens() {
    let format = ours();
    let subject = laws::subject();
    for token_id in [None, Some([9; 16])] {
        let token = NewToken {
            token_id,
            ..laws::plain(&subject)
        };
        let sealed = format.seal(&token, AT).unwrap();
        let opened = format.open(sealed.text.expose(), AT).unwrap();
        assert_eq!(opened.identity.login, LoginId([7; 16]));
    }
}
