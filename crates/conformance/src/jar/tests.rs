use super::*;

const NOW_MS: u64 = 1_700_000_000_000;

fn take(jar: &mut Jar, header: &str) -> Result<(), Dropped> {
    jar.take(&SetCookie::parse(header), "app.example", "/a/b", NOW_MS)
}

fn verdict(header: &str) -> Result<(), Dropped> {
    take(&mut Jar::default(), header)
}

#[test]
fn prefixes_count_in_any_letter_case() {
    for good in [
        "__Host-a=1; Secure; Path=/",
        "__Secure-a=1; Secure; Domain=example",
        "a=1",
        "a=1; Domain=app.example",
        "=plain",
    ] {
        assert_eq!(verdict(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("__host-a=1; Path=/", Dropped::HostPrefix),
        ("__HOST-a=1; Secure", Dropped::HostPrefix),
        (
            "__Host-a=1; Secure; Path=/; Domain=app.example",
            Dropped::HostPrefix,
        ),
        ("__SeCuRe-a=1", Dropped::SecurePrefix),
        ("__Host-Http-a=1; Secure; Path=/", Dropped::HttpPrefix),
        ("=__Host-a=1; Secure; Path=/", Dropped::NamelessPrefix),
        ("a=1; SameSite=None", Dropped::CrossSiteInsecure),
        ("a=1; Domain=other.example", Dropped::ForeignDomain),
        ("=", Dropped::Grammar),
    ] {
        assert_eq!(verdict(bad), Err(why), "{bad}");
    }
}

#[test]
fn size_is_name_and_value() {
    let fits = format!("ab={}", "x".repeat(4094));
    assert_eq!(verdict(&fits), Ok(()));
    assert_eq!(verdict(&format!("{fits}x")), Err(Dropped::TooLong));
}

#[test]
fn a_cookie_is_removed_by_the_same_name_domain_and_path_only() {
    let mut jar = Jar::default();
    take(&mut jar, "a=1; Path=/").unwrap();
    take(&mut jar, "a=; Path=/other; Max-Age=0").unwrap();
    assert_eq!(jar.value("a"), Some("1"));
    take(&mut jar, "a=; Path=/; Domain=app.example; Max-Age=0").unwrap();
    assert_eq!(jar.value("a"), Some("1"), "a domain cookie is another one");
    take(
        &mut jar,
        "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    )
    .unwrap();
    assert_eq!(jar.value("a"), None);
}

#[test]
fn dates_are_read_as_browsers_do() {
    let at = |text: &str| SetCookie::parse(&format!("a=1; Expires={text}")).expires_s;
    assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(at("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(at("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
    assert_eq!(at("yesterday"), None);
    assert_eq!(at("31 Feb 2030 00:00:00"), None);
}

#[test]
fn life_is_capped_and_max_age_wins() {
    let ends = |header: &str| SetCookie::parse(header).expires_at_ms(NOW_MS);
    assert_eq!(
        ends("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        Some(NOW_MS + 60_000)
    );
    assert_eq!(
        ends("a=1; Max-Age=99999999999"),
        Some(NOW_MS + 400 * 86_400_000)
    );
    assert_eq!(ends("a=1; Max-Age=abc"), None);
    assert_eq!(ends("a=1; Max-Age=-5"), Some(0));
}

#[test]
fn cookies_are_sent_below_their_path_only() {
    let mut jar = Jar::default();
    take(&mut jar, "root=1; Path=/").unwrap();
    take(&mut jar, "deep=1; Path=/a").unwrap();
    let names = |path: &str| {
        let sent = jar.sent("app.example", path, NOW_MS);
        sent.iter()
            .map(|cookie| cookie.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("/a/x?q=/b"), ["deep", "root"]);
    assert_eq!(names("/ab"), ["root"]);
    assert!(jar.sent("www.app.example", "/a", NOW_MS).is_empty());
}
