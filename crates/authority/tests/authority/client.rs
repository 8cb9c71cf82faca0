//! Where a client sends tokens.

use authbench_authority::{AuthorityError, CallerSecret, ClientOptions, HttpAuthority};
use authbench_core::{AuthStrategy, Secret};
use authbench_schemes::session;

use crate::support::{TIMEOUT_MS, World};

#[tokio::test]
async fn no_token_travels_in_the_clear_or_to_something_that_is_no_server() {
    let world = World::new(session::Settings::default(), false);
    let promised = AuthStrategy::guarantees(&*world.behind);
    let secret = CallerSecret::new(Secret::new("secret".to_owned()));
    let make = |url| HttpAuthority::new(url, &secret, promised, ClientOptions::default());
    for good in [
        "http://127.0.0.1:80",
        "http://[::1]:80/",
        "http://localhost",
        "https://as.example",
        "https://as.example:8443/",
    ] {
        assert!(make(good).is_ok(), "{good}");
    }
    for wrong in [
        "http://as.example",
        "http://10.0.0.1",
        "http://localhost.example",
    ] {
        let error = make(wrong).unwrap_err();
        assert!(
            matches!(error, AuthorityError::InTheClear { .. }),
            "{wrong}"
        );
    }
    for wrong in [
        "",
        "as.example",
        "ftp://127.0.0.1",
        "https://as.example/path",
        "https://as.example?query",
        "https://as.example#part",
        "https://user@as.example",
        "https://user:password@as.example",
    ] {
        let error = make(wrong).unwrap_err();
        assert!(matches!(error, AuthorityError::Url { .. }), "{wrong}");
    }
    let secret = CallerSecret::new(Secret::new("two\r\nlines".to_owned()));
    let error = HttpAuthority::new("http://[::1]", &secret, promised, ClientOptions::default());
    assert!(matches!(error, Err(AuthorityError::Secret(_))));
}

#[tokio::test]
async fn nothing_shows_the_secret() {
    let world = World::new(session::Settings::default(), false);
    let client = world.running.client(TIMEOUT_MS).unwrap();
    let secret = CallerSecret::new(Secret::new("open-sesame".to_owned()));
    let shown = format!("{client:?} {:?} {secret:?}", world.running);
    assert!(
        !shown.contains("Bearer") && !shown.contains("open-sesame"),
        "{shown}"
    );
}

#[test]
fn outside_a_runtime_there_is_an_error() {
    let session = authbench_schemes::session::Session::new(
        session::Settings::default(),
        authbench_stores::MemoryStore::new(),
        authbench_core::SeededEntropy::new(1),
    );
    let options = authbench_authority::AuthorityOptions {
        secret: CallerSecret::new(Secret::new("secret".to_owned())),
        clock: std::sync::Arc::new(authbench_core::ManualClock::default()),
        lab_time: false,
    };
    let error = authbench_authority::spawn(std::sync::Arc::new(session), options).unwrap_err();
    assert!(matches!(error, AuthorityError::NoRuntime(_)));
}
