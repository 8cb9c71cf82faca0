//! What nobody but us can make or change.

use authbench_core::{Decision, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use crate::support::{AT, NAME, alone, block_on, fixed, judge, login, nodes};

#[tokio::test]
async fn a_cookie_shows_nothing_and_no_two_are_alike() {
    let node = alone(NAME, fixed(1), 2);
    let (first, second) = (login(&node, "ada", AT).await, login(&node, "ada", AT).await);
    let octets = URL_SAFE_NO_PAD.decode(first.access.expose()).unwrap();
    for inside in [&b"ada"[..], b"user", &first.login.0] {
        assert!(!octets.windows(inside.len()).any(|part| part == inside));
    }
    assert_ne!(first.access.expose()[6..22], second.access.expose()[6..22]);
    assert!(!format!("{node:?} {first:?}").contains(first.access.expose()));
}

#[tokio::test]
async fn what_cannot_be_a_cookie_is_malformed() {
    let node = alone(NAME, fixed(1), 2);
    let long = "A".repeat(1 << 20);
    for text in ["", "A", "AAAAAAAA", &long, "\0", "é", "a b", "AA=="] {
        let decision = judge(&node, text, AT).await;
        assert_eq!(decision, Decision::Refused(Refusal::Malformed), "{text:.9}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Every bit counts, and so does the spelling of the text.
    #[test]
    fn no_changed_cookie_is_accepted(seed: u64, junk in "[ -~]{1,3}") {
        let (stored, _) = nodes();
        let alone = alone(NAME, fixed(1), seed);
        block_on(async {
            let (mine, kept) = (login(&alone, "ada", AT).await, login(&stored, "ada", AT).await);
            for text in [mine.access.expose(), kept.access.expose()] {
                let octets = URL_SAFE_NO_PAD.decode(text).unwrap();
                let flipped = (0..octets.len() * 8).map(|bit| {
                    let mut octets = octets.clone();
                    octets[bit / 8] ^= 1 << (bit % 8);
                    URL_SAFE_NO_PAD.encode(octets)
                });
                let cut = (0..text.len()).map(|end| text[..end].to_owned());
                let grown = [format!("{text}{junk}"), format!("{junk}{text}"), format!("{text}=")];
                let stray = (b'!'..=b'~').map(|last| {
                    let mut octets = text.as_bytes().to_vec();
                    *octets.last_mut().unwrap() = last;
                    String::from_utf8(octets).unwrap()
                });
                let standard = text.replace('-', "+").replace('_', "/");
                let all = flipped.chain(cut).chain(grown).chain(stray).chain([standard]);
                for changed in all.filter(|changed| changed != text) {
                    let mine = judge(&alone, &changed, AT).await;
                    let kept = judge(&stored, &changed, AT).await;
                    prop_assert!(mine.accepted().is_none() && kept.accepted().is_none(), "{changed}");
                }
            }
            prop_assert!(judge(&alone, mine.access.expose(), AT).await.accepted().is_some());
            prop_assert!(judge(&stored, kept.access.expose(), AT).await.accepted().is_some());
            Ok(())
        })?;
    }

    #[test]
    fn no_text_makes_the_reader_fall_over(text: String, octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let node = alone(NAME, fixed(1), 2);
        block_on(async {
            for text in [&text, &URL_SAFE_NO_PAD.encode(&octets)] {
                prop_assert!(judge(&node, text, AT).await.accepted().is_none());
            }
            Ok(())
        })?;
    }
}
