//! `authbench serve`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use crate::support::{Folder, stderr};

pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
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
    Serving {
        child,
        address: ready["address"].as_str().unwrap().to_owned(),
    }
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
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
