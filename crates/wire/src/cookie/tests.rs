use proptest::prelude::*;

use super::*;
use crate::transport::Transport;

const NAME: &str = CookieSettings::DEFAULT_NAME;

fn settings() -> CookieSettings {
    CookieSettings::new(NAME, SameSite::Strict).unwrap()
}

fn chunked(chunks_max: u8) -> CookieSettings {
    settings().with_chunks(chunks_max).unwrap()
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
    }
    headers
}

/// What a browser would send after these `Set-Cookie` values, of which none
/// takes anything away.
fn sent(set: &[HeaderValue]) -> Vec<String> {
    let texts = set.iter().map(|header| header.to_str().unwrap());
    texts
        .map(|text| text.split(';').next().unwrap().to_owned())
        .collect()
}

fn texts(headers: &[HeaderValue]) -> Vec<&str> {
    headers
        .iter()
        .map(|header| header.to_str().unwrap())
        .collect()
}

/// The names that are taken away.
fn cleared(headers: &[HeaderValue]) -> Vec<&str> {
    texts(headers)
        .into_iter()
        .filter(|text| text.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"))
        .map(|text| text.split_once("=;").unwrap().0)
        .collect()
}

fn read(settings: &CookieSettings, lines: &[&str]) -> Carried<'static> {
    match settings.extract(&headers(lines)) {
        Carried::Nothing => Carried::Nothing,
        Carried::Ambiguous => Carried::Ambiguous,
        one => Carried::Joined(authbench_core::Secret::new(one.text().unwrap().to_owned())),
    }
}

fn one(text: &str) -> Carried<'static> {
    Carried::Joined(authbench_core::Secret::new(text.to_owned()))
}

#[test]
fn only_host_names_and_few_pieces() {
    for wrong in [
        "",
        "auth",
        "__Host-",
        "__host-auth",
        "__Host-a;b",
        "__Host-a b",
        "__Host-a.0",
        "__Secure-a",
    ] {
        assert!(
            CookieSettings::new(wrong, SameSite::Strict).is_err(),
            "{wrong:?}"
        );
    }
    for chunks_max in [0, 1, 9] {
        let wrong = settings().with_chunks(chunks_max);
        assert_eq!(wrong, Err(CookieSettingsError::Chunks { chunks_max }));
    }
    assert_eq!(chunked(8).chunks_max(), Some(8));
}

#[test]
fn the_cookie_has_every_attribute_and_no_domain() {
    let nothing = HeaderMap::new();
    for settings in [settings(), chunked(2)] {
        let set = settings.set("abc", &nothing).unwrap();
        assert!(set.iter().all(HeaderValue::is_sensitive));
        assert_eq!(
            texts(&set),
            ["__Host-auth=abc; Path=/; Secure; HttpOnly; SameSite=Strict"]
        );
        assert_eq!(cleared(&settings.clear(&nothing).unwrap()), [NAME]);
    }
}

#[test]
fn a_cookie_that_a_browser_would_drop_is_an_error() {
    let nothing = HeaderMap::new();
    let fits = "a".repeat(COOKIE_OCTETS_MAX - NAME.len());
    assert!(settings().set(&fits, &nothing).is_ok());
    assert_eq!(
        settings().set(&format!("{fits}a"), &nothing),
        Err(DeliveryError::TooLarge { octets: 4097 })
    );
    assert_eq!(
        chunked(2).set(&format!("{fits}a"), &nothing).unwrap().len(),
        2
    );
    let octets = 3 * COOKIE_OCTETS_MAX;
    let large = "a".repeat(octets - NAME.len());
    assert_eq!(
        chunked(3).set(&large, &nothing),
        Err(DeliveryError::TooManyChunks {
            octets,
            chunks_max: 3
        })
    );
    assert_eq!(chunked(4).set(&large, &nothing).unwrap().len(), 4);
    for wrong in ["a;b", "a b", "a\"b", "a,b", "ä"] {
        assert_eq!(
            settings().set(wrong, &nothing),
            Err(DeliveryError::Unprintable),
            "{wrong:?}"
        );
    }
}

#[test]
fn extraction_is_exact() {
    for settings in [settings(), chunked(2)] {
        let from = |text: &str| read(&settings, &[text]);
        assert_eq!(from("a=1; __Host-auth=xyz; b=2"), one("xyz"));
        assert_eq!(from("__Host-auth=x=z"), one("x=z"));
        assert_eq!(from("__Host-auth="), one(""));
        for other in [
            "__host-auth=xyz",
            "x__Host-auth=xyz",
            "__Host-authx=xyz",
            "__Host-auth",
            "__Host-auth =x",
        ] {
            assert_eq!(from(other), Carried::Nothing, "{other}");
        }
        assert_eq!(from("__Host-auth=x; __Host-auth=y"), Carried::Ambiguous);
        let two = ["__Host-auth=x", "__Host-auth=x"];
        assert_eq!(read(&settings, &two), Carried::Ambiguous);
    }
    // The other transport's carrier does not count.
    let mut bearer = HeaderMap::new();
    bearer.insert("authorization", HeaderValue::from_static("Bearer x"));
    let cookie = Transport::Cookie(settings());
    assert_eq!(cookie.extract(&bearer), Carried::Nothing);
}

#[test]
fn pieces_count_only_where_they_are_allowed() {
    let credential = "ab".repeat(4_000);
    let pieces = sent(&chunked(3).set(&credential, &HeaderMap::new()).unwrap());
    assert_eq!(pieces.len(), 2);
    let line = pieces.join("; ");
    assert_eq!(read(&settings(), &[&line]), Carried::Nothing);
    assert_eq!(read(&chunked(2), &[&line]), one(&credential));
    // In any order, and over several headers, as HTTP/2 allows.
    assert_eq!(
        read(&chunked(2), &[&pieces[1], &pieces[0]]),
        one(&credential)
    );
    for stray in [
        "__Host-auth=x",
        "__Host-auth.2=x",
        "__Host-auth.9=x",
        "__Host-auth.99=",
        &pieces[1],
    ] {
        assert_eq!(
            read(&chunked(3), &[&line, stray]),
            Carried::Ambiguous,
            "{stray:.20}"
        );
    }
    for other in ["__Host-auth.x=x", "__Host-auth.01=x", "__Host-auth.100=x"] {
        assert_eq!(
            read(&chunked(3), &[&line, other]),
            one(&credential),
            "{other}"
        );
    }
    for part in &pieces {
        assert_eq!(read(&chunked(3), &[part]), Carried::Ambiguous);
    }
    let three = "ab".repeat(6_000);
    let pieces = sent(&chunked(3).set(&three, &HeaderMap::new()).unwrap());
    assert_eq!(read(&chunked(3), &[&pieces.join("; ")]), one(&three));
    assert_eq!(read(&chunked(2), &[&pieces.join("; ")]), Carried::Ambiguous);
}

#[test]
fn a_new_credential_takes_the_rest_of_the_old_one_away() {
    let settings = chunked(4);
    let old = sent(
        &settings
            .set(&"a".repeat(15_000), &HeaderMap::new())
            .unwrap(),
    );
    assert_eq!(old.len(), 4);
    let presented = headers(&[
        &old.join("; "),
        "__Host-auth.17=x; other=1; __Host-auth.17=y",
    ]);
    let shorter = settings.set(&"b".repeat(5_000), &presented).unwrap();
    assert_eq!(shorter.len(), 5);
    assert_eq!(
        cleared(&shorter),
        ["__Host-auth.2", "__Host-auth.3", "__Host-auth.17"]
    );
    let plain = settings.set("c", &presented).unwrap();
    assert_eq!(plain.len(), 6);
    assert_eq!(cleared(&plain).len(), 5);
    let out = settings.clear(&presented).unwrap();
    assert_eq!((out.len(), cleared(&out).len()), (6, 6));
    // And a large one takes the small one away.
    let large = settings
        .set(&"b".repeat(5_000), &headers(&["__Host-auth=c"]))
        .unwrap();
    assert_eq!(cleared(&large), [NAME]);
    // What is not ours stays, whatever it is called.
    let single = CookieSettings::new(NAME, SameSite::Strict).unwrap();
    assert_eq!(single.clear(&presented).unwrap().len(), 1);
}

/// A browser's cookies: the last value of each name.
fn jar(jar: &mut Vec<(String, String)>, set: &[HeaderValue]) {
    for text in texts(set) {
        let (pair, attributes) = text.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        jar.retain(|(known, _)| known != name);
        if !attributes.contains("Max-Age=0") {
            jar.push((name.to_owned(), value.to_owned()));
        }
    }
}

proptest! {
    #[test]
    fn what_is_set_is_what_is_read(value in "[!#-+\\--:<-\\[\\]-~]{0,200}", times in 1..60_usize) {
        let settings = chunked(8);
        let value = value.repeat(times);
        let pairs = sent(&settings.set(&value, &HeaderMap::new()).unwrap());
        let line = format!("other=1; {}", pairs.join("; "));
        prop_assert_eq!(read(&settings, &[&line]), one(&value));
    }

    /// Credentials of all sizes, one after the other, in one browser.
    #[test]
    fn a_browser_always_shows_the_latest(sizes in proptest::collection::vec(0..20_000_usize, 1..6)) {
        let settings = chunked(5);
        let mut cookies = Vec::new();
        for (n, octets) in sizes.into_iter().enumerate() {
            let credential = char::from(b'a' + n as u8).to_string().repeat(octets);
            let shown: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let set = settings.set(&credential, &headers(&[&shown.join("; ")])).unwrap();
            jar(&mut cookies, &set);
            let shown: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            prop_assert_eq!(read(&settings, &[&shown.join("; ")]), one(&credential));
        }
    }

    /// Any cookies with the names of two credentials' pieces: one of the two
    /// credentials, or none at all.
    #[test]
    fn a_mixture_is_no_credential(
        (first, second) in (0..16_000_usize, 0..16_000_usize),
        picks in proptest::collection::vec((any::<bool>(), 0..5_usize, 0..6_usize), 0..8),
    ) {
        let settings = chunked(4);
        let texts = ["a".repeat(first), "b".repeat(second)];
        let made = texts.each_ref().map(|text| {
            sent(&settings.set(text, &HeaderMap::new()).unwrap())
        });
        let names = [NAME, "__Host-auth.0", "__Host-auth.1", "__Host-auth.2", "__Host-auth.3", "__Host-auth.4"];
        // Mostly under its own name, sometimes under another.
        let pairs: Vec<_> = picks.iter().map(|(which, n, name)| {
            let made = &made[usize::from(*which)];
            let pair = &made[n % made.len()];
            let (own, value) = pair.split_once('=').unwrap();
            let name = if *n < 4 { own } else { names[*name] };
            format!("{name}={value}")
        }).collect();
        let carried = read(&settings, &[&pairs.join("; ")]);
        if let Some(text) = carried.text() {
            // A value under the plain name is a credential by itself: what it
            // says is for the scheme to judge.
            let plain = pairs.len() == 1 && pairs[0].starts_with("__Host-auth=");
            prop_assert!(plain || texts.iter().any(|whole| whole == text));
        }
        let whole = made.iter().any(|made| {
            let mut pairs = pairs.clone();
            pairs.sort_unstable();
            *made == pairs
        });
        if whole {
            prop_assert!(carried.text().is_some());
        }
    }

    #[test]
    fn no_header_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, value.clone());
        headers.append("authorization", value);
        let _ = Transport::Bearer.extract(&headers);
        for settings in [settings(), chunked(3)] {
            let _ = settings.set("x", &headers);
            let _ = settings.clear(&headers);
            let _ = Transport::Cookie(settings).extract(&headers);
        }
    }
}
