//! Fuzzing of what strangers send: `Set-Cookie`, tokens, answers to a login.

use std::sync::LazyLock;
use std::time::Duration;

use authbench_conformance::answer::Answer;
use authbench_conformance::client::Wire;
use authbench_conformance::jar::{COOKIE_OCTETS_MAX, Jar, SetCookie};
use authbench_conformance::jose::Token;
use authbench_conformance::login;
use authbench_wire::Profile;
use proptest::prelude::*;
use proptest::sample::Index;

const NOW_MS: u64 = 1_700_000_000_000;
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
static OUR_PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let text = include_str!("../../../scenarios/targets/authbench-bearer/profile.toml");
    Profile::parse("profile.toml".as_ref(), text).expect("our own profile")
});

fn piece() -> impl Strategy<Value = String> {
    let words = [
        "__Host-",
        "__secure-",
        "a",
        "=",
        ";",
        " Path=",
        "/",
        " Domain=",
        "app.example",
        " Secure",
        " HttpOnly",
        " SameSite=None",
        " Max-Age=",
        "9",
        " Expires=Thu, 01 Jan 2030 0:0:0",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn fuzz_set_cookie(pieces in prop::collection::vec(piece(), 0..24)) {
        let cookie = SetCookie::parse(&pieces.concat());
        let mut jar = Jar::default();
        if jar.take(&cookie, "app.example", "/a/b", NOW_MS).is_ok() {
            for kept in jar.all() {
                prop_assert!(kept.name.len() + kept.value.len() <= COOKIE_OCTETS_MAX);
                let prefixed = kept.name.to_ascii_lowercase().starts_with("__host-");
                prop_assert!(!prefixed || (kept.secure && kept.host_only && kept.path == "/"));
            }
        }
    }

    #[test]
    fn fuzz_tokens(flips in prop::collection::vec((any::<Index>(), any::<char>()), 0..4)) {
        let mut text: Vec<char> = TOKEN.chars().collect();
        for (at, letter) in flips {
            let at = at.index(text.len());
            text[at] = letter;
        }
        let text: String = text.into_iter().collect();
        if let Some(token) = Token::parse(&text) {
            prop_assert_eq!(token.segments.join("."), text);
            prop_assert!(token.with_signature(b"x").starts_with(&token.signed_part()));
        }
    }

    #[test]
    fn fuzz_answers_to_a_login(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "\\{\"(access_token|x)\":(\"\\PC{0,9}\"|1|null|\\[\\])\\}".prop_map(String::into_bytes),
        ],
    ) {
        let answer = Answer {
            status: 200,
            headers: http::HeaderMap::new(),
            body,
            began_ms: NOW_MS,
            took: Duration::ZERO,
            wire: Wire {
                method: http::Method::POST,
                url: "http://127.0.0.1/login".to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
            },
        };
        // Nothing is found where there is no JSON.
        let brought = login::brought(&OUR_PROFILE, &answer);
        prop_assert!(brought.access.is_none() || answer.json().is_some());
    }
}
