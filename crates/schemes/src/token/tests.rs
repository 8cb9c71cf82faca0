//! Laws of every format, and the terms that they share.

use authbench_core::{LoginId, Refusal, Roles, Subject, SubjectId, UnixMs};
use proptest::prelude::*;

use super::{MAX_TOKEN_OCTETS, NewToken, Sealed, TokenFormat};

/// Some instant that is no whole second.
pub(crate) const AT: UnixMs = UnixMs(1_800_000_000_250);
pub(crate) const TTL_S: u64 = 900;
pub(crate) const SKEW_MS: u64 = 2_000;
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "https://api.example";

/// Makes a format for an issuer and an audience, with the `usize`th of its
/// keys, with [`TTL_S`] and [`SKEW_MS`].
pub(crate) type Make<F> = fn(&str, &str, usize) -> F;

pub(crate) fn subject() -> Subject {
    Subject {
        id: SubjectId::new("u-1"),
        roles: ["user", "admin"].into_iter().collect(),
    }
}

pub(crate) fn plain(subject: &Subject) -> NewToken<'_> {
    NewToken {
        subject,
        login: LoginId([7; 16]),
        token_id: None,
        stamp: None,
        expires_by: None,
    }
}

pub(crate) fn seal<F: TokenFormat>(format: &F, at: UnixMs) -> Sealed {
    format.seal(&plain(&subject()), at).unwrap()
}

/// What goes in comes out, and dies at its last millisecond.
pub(crate) fn round_trips<F: TokenFormat>(make: Make<F>, cases: u32) {
    let format = make(ISSUER, AUDIENCE, 0);
    let config = ProptestConfig::with_cases(cases);
    let input = (
        any::<String>().prop_filter("a subject has a name", |id| !id.is_empty()),
        prop::collection::vec(any::<String>(), 0..6),
        any::<[u8; 16]>(),
        any::<Option<[u8; 16]>>(),
        any::<Option<u64>>(),
        prop::option::of(0..2_000_000_u64),
        1_000_000_000_000..4_000_000_000_000_u64,
    );
    proptest!(config, |((id, roles, login, token_id, stamp, bound_ms, at) in input)| {
        let roles: Roles = roles.iter().collect();
        let subject = Subject { id: SubjectId::new(&id), roles };
        let (login, at) = (LoginId(login), UnixMs(at));
        let expires_by = bound_ms.map(|bound_ms| at.plus_ms(bound_ms));
        let token = NewToken { subject: &subject, login, token_id, stamp, expires_by };
        let sealed = format.seal(&token, at).unwrap();
        let (text, end) = (sealed.text.expose(), sealed.expires_at);

        let life_s = end.whole_secs() - at.whole_secs();
        prop_assert!(life_s <= TTL_S && end.0.is_multiple_of(1000));
        match expires_by {
            Some(bound) if bound < at.plus_ms(TTL_S * 1000) => {
                prop_assert!(end <= bound && bound.since(end) < 1000);
            }
            _ => prop_assert_eq!(life_s, TTL_S),
        }
        prop_assert_eq!(format.open(text, end), Err(Refusal::Expired));
        prop_assert_eq!(format.open_early(text, end), Err(Refusal::Expired));
        if end <= at {
            return Ok(());
        }
        for instant in [at, UnixMs(end.0 - 1)] {
            let opened = format.open(text, instant).unwrap();
            prop_assert_eq!(format.open_early(text, instant).unwrap(), opened.clone());
            prop_assert_eq!(opened.stamp, stamp);
            prop_assert_eq!(&opened.identity.subject, &subject.id);
            prop_assert_eq!(&opened.identity.roles, &subject.roles);
            prop_assert_eq!(opened.identity.login, login);
            prop_assert_eq!(opened.identity.expires_at, end);
        }
        let begin = UnixMs(at.whole_secs() * 1000 - SKEW_MS);
        prop_assert!(format.open(text, begin).is_ok());
        let before = UnixMs(begin.0 - 1);
        prop_assert_eq!(format.open(text, before), Err(Refusal::NotYetValid));
        prop_assert!(format.open_early(text, before).is_ok());
    });
}

/// RFC 8725 3.8, 3.9: made for somebody else, by somebody else, with a key that
/// we do not have.
pub(crate) fn refuses_other_parties<F: TokenFormat>(make: Make<F>) {
    let ours = make(ISSUER, AUDIENCE, 0);
    let of = |issuer: &str, audience: &str, key| {
        let sealed = seal(&make(issuer, audience, key), AT);
        ours.open(sealed.text.expose(), AT).map(drop)
    };
    assert_eq!(of(ISSUER, AUDIENCE, 0), Ok(()));
    assert_eq!(of(ISSUER, AUDIENCE, 1), Err(Refusal::WrongKind));
    for (name, near) in [(ISSUER, true), (AUDIENCE, false)] {
        for other in [
            format!("{name}/"),
            format!(" {name}"),
            format!("{name}\0"),
            name.to_uppercase(),
            name[..name.len() - 1].to_owned(),
        ] {
            let verdict = if near {
                of(&other, AUDIENCE, 0)
            } else {
                of(ISSUER, &other, 0)
            };
            let refusal = if near {
                Refusal::WrongIssuer
            } else {
                Refusal::WrongAudience
            };
            assert_eq!(verdict, Err(refusal), "{other:?}");
        }
    }
}

/// One token, one spelling (RFC 4648 3.5, RFC 8725 2.13): no bit of it can be
/// changed, no octet added or left out.
pub(crate) fn has_one_spelling<F: TokenFormat>(make: Make<F>) {
    let format = make(ISSUER, AUDIENCE, 0);
    let sealed = seal(&format, AT);
    let token = sealed.text.expose();
    let refused = |text: &str, what: &str| {
        assert!(format.open(text, AT).is_err(), "{what}: {text}");
        assert!(format.open_early(text, AT).is_err(), "{what}: {text}");
    };
    assert!(format.open(token, AT).is_ok());
    for at in 0..token.len() {
        let mut octets = token.as_bytes().to_vec();
        octets[at] ^= 1 << (at % 7);
        refused(&String::from_utf8(octets).unwrap(), "a bit");
        refused(&format!("{}{}", &token[..at], &token[at + 1..]), "a gap");
        refused(&token[..at], "a beginning");
        if at % 8 == 0 {
            refused(
                &format!("{}A{}", &token[..at], &token[at..]),
                "an insertion",
            );
            refused(&token[at + 1..], "an end");
        }
    }
    // The characters that may carry bits that no octet holds.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    let ends = token.match_indices('.').map(|(at, _)| at - 1);
    for at in ends.chain([token.trim_end_matches('=').len() - 1]) {
        for other in alphabet
            .chars()
            .filter(|&other| !token[at..].starts_with(other))
        {
            refused(
                &format!("{}{other}{}", &token[..at], &token[at + 1..]),
                "a last character",
            );
        }
    }
    for other in [
        format!("{token}="),
        format!("{token}=="),
        format!("{token}A"),
        format!("{token}AAAA"),
        format!("{token}."),
        format!("{token}.AAAA"),
        format!("{token}{token}"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}\0"),
        format!("Bearer {token}"),
        token.replace('.', ".."),
        token.to_uppercase(),
        token.replace('-', "+").replace('_', "/") + "",
        token.trim_end_matches('=').to_owned(),
        token.replace('=', "%3D"),
        format!("{token}{}", "A".repeat(1 << 20)),
    ] {
        if other != token {
            refused(&other, "a spelling");
        }
    }
}

/// A token that no verifier would read is not made.
pub(crate) fn has_a_longest_token<F: TokenFormat>(make: Make<F>) {
    let format = make(ISSUER, AUDIENCE, 0);
    let with_roles = |count: usize| {
        let roles = (0..count).map(|role| format!("role-{role:05}")).collect();
        let subject = Subject {
            id: SubjectId::new("u-1"),
            roles,
        };
        format.seal(&plain(&subject), AT)
    };
    let counts: Vec<usize> = (0..1_200).collect();
    let fit = counts.partition_point(|&count| with_roles(count).is_ok());
    let most = with_roles(fit - 1).unwrap();
    assert!(most.text.expose().len() > MAX_TOKEN_OCTETS - 40);
    assert!(format.open(most.text.expose(), AT).is_ok());
    assert!(with_roles(1_200).is_err());
}
