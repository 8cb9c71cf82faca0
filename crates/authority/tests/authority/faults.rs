//! No answer, or one that makes no sense, is never a judgement.

use std::sync::Arc;

use authbench_authority::{CallerSecret, ClientOptions, Fault, HttpAuthority, MAX_ANSWER_OCTETS};
use authbench_core::{AuthStrategy, Presented, Scope, Secret, StrategyError, SubjectId};
use authbench_schemes::introspection::{Introspection, Settings};
use authbench_schemes::session;
use authbench_stores::Fault as StoreFault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{AT, Node, World, judge, login, subject};

/// Asserts that no operation of `node` is answered, and returns why the last
/// was not.
async fn nothing_works(node: &Node) -> Fault {
    let ada = subject("ada", &["user"]);
    let presented = Presented::access("token");
    assert!(node.issue(&ada, AT).await.is_err());
    assert!(node.logins(&ada.id, AT).await.is_err());
    assert!(node.change_roles(&ada, AT).await.is_err());
    for scope in [Scope::Presented(presented), Scope::Subject(&ada.id)] {
        assert!(node.revoke(&scope, AT).await.is_err());
    }
    let error = node.authenticate(&presented, AT).await.unwrap_err();
    let StrategyError::Remote { operation, source } = error else {
        panic!("{error}")
    };
    assert_eq!(operation, "introspect");
    *source.downcast::<Fault>().unwrap()
}

#[tokio::test]
async fn a_server_that_has_stopped_accepts_nobody() {
    let world = World::new(session::Settings::default(), true);
    let (node, kept) = (world.node(0), world.node(60_000));
    let held = login(&node, "ada").await;
    assert!(judge(&node, &held, AT).await.accepted().is_some());
    assert!(judge(&kept, &held, AT).await.accepted().is_some());
    world.running.stop().await;
    assert!(matches!(nothing_works(&node).await, Fault::Http(_)));
    // Whom the cache knows it goes on accepting, as promised, and nobody else.
    assert!(judge(&kept, &held, AT).await.accepted().is_some());
    let other = Presented::access("somebody else's");
    assert!(kept.authenticate(&other, AT).await.is_err());
}

#[tokio::test]
async fn a_server_that_was_dropped_is_gone() {
    let world = World::new(session::Settings::default(), true);
    let node = world.node(0);
    let held = login(&node, "ada").await;
    drop(world);
    // The connections go down when the runtime next runs the server's task.
    while let Ok(decision) = node.authenticate(&held.present(), AT).await {
        assert!(decision.accepted().is_some());
        tokio::task::yield_now().await;
    }
    assert!(matches!(nothing_works(&node).await, Fault::Http(_)));
}

#[tokio::test]
async fn a_store_that_is_out_of_reach_is_an_error_here_too() {
    let world = World::new(session::Settings::default(), true);
    let node = world.node(0);
    let held = login(&node, "ada").await;
    world.store.set(Some(StoreFault::Refuse));
    let error = node.authenticate(&held.present(), AT).await;
    assert!(error.is_err());
    let ada = SubjectId::new("ada");
    assert!(node.revoke(&Scope::Subject(&ada), AT).await.is_err());
    world.store.set(None);
    assert!(judge(&node, &held, AT).await.accepted().is_some());
}

/// Answers each request with the same octets and hangs up; or not at all.
async fn parrot(answer: Arc<[u8]>) -> Node {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let _ = stream.read(&mut request).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    let world = World::new(session::Settings::default(), true);
    let promised = AuthStrategy::guarantees(&*world.behind);
    let secret = CallerSecret::new(Secret::new("secret".to_owned()));
    let options = ClientOptions {
        timeout_ms: 300,
        lab_time: true,
    };
    let client = HttpAuthority::new(&url, &secret, promised, options).unwrap();
    Introspection::new(&Settings::default(), client).unwrap()
}

fn answer(status: &str, body: &str) -> Arc<[u8]> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
        .into()
}

#[tokio::test]
async fn answers_that_make_no_sense_are_errors() {
    let jti = "\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\"";
    for body in [
        String::new(),
        "active".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "[true,\"Bearer\",\"ada\",\"AAAAAAAAAAAAAAAAAAAAAA\",9,9,[]]".to_owned(),
        "{\"active\":\"true\"}".to_owned(),
        "{\"active\":1}".to_owned(),
        "{\"active\":false,\"active\":true}".to_owned(),
        "{\"active\":true}".to_owned(),
        format!("{{\"active\":true,\"sub\":\"ada\",{jti}}}"),
        format!("{{\"active\":true,\"exp\":9999999999,{jti}}}"),
        format!("{{\"active\":true,\"sub\":7,\"exp\":9999999999,{jti}}}"),
        "{\"active\":true,\"sub\":\"ada\",\"exp\":9,\"jti\":\"short\"}".to_owned(),
        format!("{{\"active\":true,\"sub\":\"ada\",\"exp\":-1,{jti}}}"),
        "{\"active\":false}}".to_owned(),
    ] {
        let node = parrot(answer("200 OK", &body)).await;
        let fault = nothing_works(&node).await;
        let is_nonsense = matches!(fault, Fault::Malformed(_) | Fault::NotAnObject);
        assert!(is_nonsense, "{body}: {fault:?}");
    }
}

#[tokio::test]
async fn another_status_is_an_error_whatever_the_body_says() {
    let good = "{\"active\":true,\"sub\":\"ada\",\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\",\
                \"exp\":9999999999}";
    for (status, number) in [
        ("201 Created", 201),
        ("204 No Content", 204),
        ("302 Found", 302),
        ("400 Bad Request", 400),
        ("401 Unauthorized", 401),
        ("404 Not Found", 404),
        ("500 Internal Server Error", 500),
        ("503 Service Unavailable", 503),
    ] {
        let node = parrot(answer(status, good)).await;
        let Fault::Status { status } = nothing_works(&node).await else {
            panic!("{status}")
        };
        assert_eq!(status, number);
    }
    let node = parrot(answer("200 OK", good)).await;
    let presented = Presented::access("token");
    let decision = node.authenticate(&presented, AT).await.unwrap();
    assert!(decision.accepted().is_some(), "the body is a good one");
}

#[tokio::test]
async fn half_an_answer_too_much_of_one_and_none_are_errors() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"active\":".to_vec();
    let long = answer("200 OK", &" ".repeat(MAX_ANSWER_OCTETS + 1));
    let noise = b"SSH-2.0-OpenSSH\r\n\r\n".to_vec();
    assert!(matches!(
        nothing_works(&parrot(cut.into()).await).await,
        Fault::Http(_)
    ));
    assert!(matches!(
        nothing_works(&parrot(long).await).await,
        Fault::TooLong
    ));
    assert!(matches!(
        nothing_works(&parrot(noise.into()).await).await,
        Fault::Http(_)
    ));
    let silent = parrot(Arc::from([])).await;
    let Fault::Http(error) = nothing_works(&silent).await else {
        panic!("it never answers")
    };
    assert!(error.is_timeout());
}
