//! `authbench serve`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use crate::support::{Folder, stderr};

pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
    ready: serde_json::Value,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that failed must not leave a server behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn serve(folder: &Folder, args: &[&str]) -> Serving {
    let mut child = folder
        .command(
            &[
                &["serve"],
                args,
                &["--listen", "127.0.0.1:0", "--with-parent"],
            ]
            .concat(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = ready["address"].as_str().unwrap().to_owned();
    Serving {
        child,
        address,
        ready,
    }
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

impl Serving {
    /// Status and body of an answer to `method path`, with one more header and a
    /// JSON body perhaps.
    fn send(&self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let answer = ask(
            &self.address,
            &format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                 Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n{header}\
                 Content-Length: {length}\r\n\r\n{body}"
            ),
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let cookies = head.lines().filter(|line| line.starts_with("set-cookie: "));
        (status, cookies.chain([body]).collect::<Vec<_>>().join("\n"))
    }

    /// The header that shows a fresh login, as the transport wants it; the
    /// refusal if there is none.
    fn log_in(&self, user: &str) -> Result<String, (u16, String)> {
        let number = user.strip_prefix("user-").unwrap_or(user);
        let login = format!(r#"{{"user":"{user}","password":"lab-password-{number}"}}"#);
        let (status, answer) = self.send("POST", "/login", "", &login);
        if status != 200 {
            return Err((status, answer));
        }
        let cookies = answer.lines().filter_map(|line| {
            let (pair, _) = line.strip_prefix("set-cookie: ")?.split_once(';')?;
            (!pair.ends_with('=')).then_some(pair)
        });
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        if !cookies.is_empty() {
            return Ok(format!("Cookie: {cookies}\r\n"));
        }
        let body: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let token = body["access_token"].as_str().unwrap();
        Ok(format!("Authorization: Bearer {token}\r\n"))
    }

    fn get(&self, path: &str, credential: &str) -> (u16, serde_json::Value) {
        let (status, body) = self.send("GET", path, credential, "");
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[test]
fn a_user_table_lets_its_users_in() {
    let folder = Folder::new();
    folder.write(
        "users.toml",
        "[[user]]\nname = \"alice\"\npassword = \"correct horse\"\nroles = [\"user\"]\n",
    );
    let serving = serve(&folder, &["jwt.es256.bearer", "--users", "users.toml"]);
    let login = |password: &str| {
        let body = format!(r#"{{"user":"alice","password":"{password}"}}"#);
        ask(
            &serving.address,
            &format!(
                "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: \
                 application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        )
    };
    let granted = login("correct horse");
    assert!(
        granted.starts_with("HTTP/1.1 200") && granted.contains("access_token"),
        "{granted}"
    );
    assert!(login("wrong horse").starts_with("HTTP/1.1 401"));
    let keys = ask(
        &serving.address,
        "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(
        keys.contains("\"P-256\"") && !keys.contains("\"d\""),
        "{keys}"
    );
    let lab = ask(
        &serving.address,
        "GET /lab/stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(lab.starts_with("HTTP/1.1 404"), "{lab}");
}

#[test]
fn the_end_of_its_parent_ends_the_server() {
    let folder = Folder::new();
    let mut serving = serve(&folder, &["session.memory.cookie", "--lab"]);
    drop(serving.child.stdin.take());
    assert!(serving.child.wait().unwrap().success());
}

#[test]
fn a_taken_port_and_an_open_lab_are_told() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = folder.run(&["serve", "jwt.hs256.bearer", "--listen", &address]);
    assert_eq!(output.status.code(), Some(3));
    let told = stderr(&output);
    assert!(
        told.contains(&address) && told.contains("--listen"),
        "{told}"
    );
    let output = folder.run(&[
        "serve",
        "jwt.hs256.bearer",
        "--lab",
        "--listen",
        "0.0.0.0:0",
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("loopback"), "{}", stderr(&output));
}

#[test]
fn replicas_in_one_folder_share_logins_or_say_that_they_do_not() {
    let folder = Folder::new();
    for (recipe, shares) in [
        ("jwt.es256.bearer", true),
        ("session.sqlite.cookie", true),
        ("session.memory.cookie", false),
    ] {
        let args = [recipe, "--lab", "--share", recipe];
        let (one, two) = (serve(&folder, &args), serve(&folder, &args));
        assert_eq!(one.ready["shares_logins"], shares, "{recipe}");
        let credential = one.log_in("user-000001").unwrap();
        assert_eq!(one.get("/me", &credential).0, 200, "{recipe}");
        let elsewhere = two.get("/me", &credential).0;
        assert_eq!(elsewhere, if shares { 200 } else { 401 }, "{recipe}");
        drop(one);
        let again = serve(&folder, &args);
        let after = again.get("/me", &credential).0;
        assert_eq!(after, if shares { 200 } else { 401 }, "{recipe}: a restart");
    }
    let other = folder.run(&["serve", "jwt.hs256.bearer", "--share", "jwt.es256.bearer"]);
    assert_eq!(other.status.code(), Some(2), "{}", stderr(&other));
    assert!(
        stderr(&other).contains("jwt.es256.bearer"),
        "{}",
        stderr(&other)
    );
    let mut private = folder.command(&["serve", "session.redis.cookie", "--share", "r"]);
    let private = private.env_remove("AUTHBENCH_REDIS_URL").output().unwrap();
    assert_eq!(private.status.code(), Some(2), "{}", stderr(&private));
    let told = stderr(&private);
    assert!(told.contains("set AUTHBENCH_REDIS_URL"), "{told}");
}

#[test]
fn tokens_grow_with_the_roles_of_the_lab() {
    let folder = Folder::new();
    for (recipe, roles, fits) in [
        ("jwt.es256.bearer", "500", true),
        ("session.sqlite.bearer", "500", true),
        ("paseto.v4-local.bearer", "500", true),
        ("biscuit.ed25519.bearer", "500", true),
        ("sealed-cookie.stateless.cookie", "500", true),
        ("jwt.es256.cookie", "100", true),
        ("jwt.es256.cookie", "500", false),
    ] {
        let serving = serve(&folder, &[recipe, "--lab", "--lab-roles", roles]);
        match serving.log_in("user-000001") {
            Ok(credential) => {
                assert!(fits, "{recipe}");
                let (status, me) = serving.get("/me", &credential);
                assert_eq!(status, 200, "{recipe}: {me}");
                let held = me["roles"].as_array().unwrap();
                assert_eq!(held.len().to_string(), roles, "{recipe}");
            }
            Err((status, answer)) => {
                assert!(!fits, "{recipe}: {answer}");
                assert_eq!(status, 500);
                assert!(answer.contains("too large for its cookies"), "{answer}");
            }
        }
    }
    for wrong in ["0", "501"] {
        let args = ["serve", "jwt.hs256.bearer", "--lab", "--lab-roles", wrong];
        assert_eq!(folder.run(&args).status.code(), Some(2));
    }
}

#[test]
fn a_chain_of_servers_judges_hop_by_hop() {
    let folder = Folder::new();
    let recipe = "jwt.es256.bearer";
    let last = serve(&folder, &[recipe, "--lab", "--share", "s"]);
    let next = format!("http://{}", last.address);
    let first = serve(&folder, &[recipe, "--lab", "--share", "s", "--next", &next]);
    let credential = first.log_in("user-000001").unwrap();
    let (status, chain) = first.get("/lab/chain", &credential);
    assert_eq!((status, &chain["hops"]), (200, &2.into()), "{chain}");
    assert_eq!(chain["subject"], "acct-000001");
    drop(last);
    assert_eq!(first.get("/lab/chain", &credential).0, 502);
    assert_eq!(first.get("/me", &credential).0, 200);
    let wrong = folder.run(&["serve", recipe, "--lab", "--next", "https://x"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}

#[test]
fn a_store_fails_and_comes_back_when_the_lab_says_so() {
    let folder = Folder::new();
    for recipe in [
        "session.memory.cookie",
        "session.memory-delay-500us.cookie",
        "session.sqlite.bearer",
        "introspection.memory.bearer",
    ] {
        let serving = serve(&folder, &[recipe, "--lab"]);
        let credential = serving.log_in("user-000001").unwrap();
        let set = |body: &str| serving.send("POST", "/lab/store", "", body).0;
        assert_eq!(set(r#"{"fault":"fail"}"#), 200, "{recipe}");
        assert_eq!(serving.get("/me", &credential).0, 503, "{recipe}");
        assert!(
            serving
                .log_in("user-000002")
                .is_err_and(|(status, _)| status == 503)
        );
        assert_eq!(set(r#"{"fault":"hang"}"#), 200, "{recipe}");
        std::thread::scope(|scope| {
            let hanging = scope.spawn(|| serving.get("/me", &credential).0);
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!hanging.is_finished(), "{recipe}");
            assert_eq!(set(r#"{"delay_us":1000}"#), 200, "{recipe}");
            assert_eq!(hanging.join().unwrap(), 200, "{recipe}: it goes on");
        });
        assert_eq!(serving.get("/me", &credential).0, 200, "{recipe}");
        assert_eq!(set("{}"), 200, "{recipe}");
        assert_eq!(serving.get("/me", &credential).0, 200, "{recipe}");
        let (_, stats) = serving.get("/lab/stats", "");
        assert!(stats["store_operations"]["insert"] == 1, "{stats}");
        assert!(stats.get("store_round_trips").is_none(), "{stats}");
    }
    let stateless = serve(&folder, &["jwt.hs256.bearer", "--lab"]);
    let credential = stateless.log_in("user-000001").unwrap();
    let (status, told) = stateless.send("POST", "/lab/store", "", r#"{"fault":"fail"}"#);
    assert!(status == 409 && told.contains("has no store"), "{told}");
    assert_eq!(stateless.get("/me", &credential).0, 200);
}

#[test]
fn a_certificate_of_its_own_is_told() {
    let folder = Folder::new();
    let serving = serve(&folder, &["jwt.hs256.bearer", "--tls", "--http2"]);
    let told = serving.ready["certificate_pem"].as_str().unwrap();
    assert!(told.starts_with("-----BEGIN CERTIFICATE-----"), "{told}");
    let plain = serve(&folder, &["jwt.hs256.bearer"]);
    assert!(
        plain.ready.get("certificate_pem").is_none(),
        "{}",
        plain.ready
    );
}

#[test]
fn a_server_is_slowed_down_only_when_asked_and_says_so() {
    let folder = Folder::new();
    let mut child = folder
        .command(&[
            "serve",
            "jwt.hs256.bearer",
            "--lab",
            "--lab-burn-ns",
            "1000",
            "--lab-burn-operation",
            "authenticate",
            "--listen",
            "127.0.0.1:0",
            "--with-parent",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ready.contains("jwt.hs256.bearer"), "{ready}");
    let told = stderr(&ended);
    assert!(
        told.contains("SLOWED DOWN ON PURPOSE: 1000 ns") && told.contains("authenticate"),
        "{told}"
    );
    let refused = |args: &[&str]| {
        let output = folder.run(&[&["serve", "jwt.hs256.bearer"], args].concat());
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let outside = refused(&["--lab-burn-ns", "1000"]);
    assert!(outside.contains("--lab"), "{outside}");
    let unknown = refused(&[
        "--lab",
        "--lab-burn-ns",
        "1000",
        "--lab-burn-operation",
        "reed",
    ]);
    assert!(
        unknown.contains("`reed`") && unknown.contains("authenticate, read, mutate, login"),
        "{unknown}"
    );
}
