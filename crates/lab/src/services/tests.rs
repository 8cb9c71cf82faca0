//! Each server is started for real; what a client needs of its protocol stands here.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::*;

/// The answer to an inline command of Redis, after the one to `AUTH`.
fn ask_redis(server: &Server, command: &str) -> String {
    let password = server.url().split([':', '@']).nth(2).unwrap();
    let mut stream = connect(server);
    write!(stream, "AUTH {password}\r\n{command}\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer = answer.strip_prefix("+OK\r\n").unwrap();
    answer.strip_suffix("+OK\r\n").unwrap().trim().to_owned()
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap()
}

/// Whether PostgreSQL asks for a password, as it does when it is ready.
fn postgres_answers(server: &Server) -> bool {
    let parameters = b"user\0authbench\0database\0postgres\0\0";
    let length = u32::try_from(8 + parameters.len()).unwrap();
    let mut stream = connect(server);
    stream.write_all(&length.to_be_bytes()).unwrap();
    stream.write_all(&196_608_u32.to_be_bytes()).unwrap();
    stream.write_all(parameters).unwrap();
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).unwrap();
    // AuthenticationCleartextPassword.
    answer == [b'R', 0, 0, 0, 8, 0, 0, 0, 3]
}

/// Whether MariaDB greets with the tenth version of its protocol, and not with an error.
fn mysql_answers(server: &Server) -> bool {
    let mut greeting = [0; 5];
    connect(server).read_exact(&mut greeting).unwrap();
    greeting[4] == 10
}

fn folder(server: &Server) -> String {
    let pid = server.pid().unwrap();
    let data = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    data.parent().unwrap().to_str().unwrap().to_owned()
}

/// Waits until `condition` holds; the test's own timeout is the judge of "never".
fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(2));
    }
}

/// The state of a process as the kernel tells it: `T` for stopped.
fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

fn comes_back(mut server: Server, answers: impl Fn(&Server) -> bool) {
    let (url, first) = (server.url().to_owned(), server.pid().unwrap());
    let folder = folder(&server);
    assert!(answers(&server));
    server.pause().unwrap();
    until(|| state(first) == 'T');
    server.resume().unwrap();
    assert!(answers(&server));
    server.kill().unwrap();
    assert_eq!(server.pid(), None);
    server.pause().unwrap();
    server.resume().unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).is_err());
    server.restart().unwrap();
    assert!(answers(&server));
    server.pause().unwrap();
    server.stop().unwrap();
    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid().unwrap(), first);
    assert!(answers(&server));
    drop(server);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn private_redis_comes_back_with_its_data() {
    let server = Server::redis(RedisOptions {
        append: Append::Always,
    })
    .unwrap();
    assert_eq!(ask_redis(&server, "SET kept yes"), "+OK");
    comes_back(server, |server| {
        ask_redis(server, "GET kept") == "$3\r\nyes"
    });
}

#[test]
fn private_redis_without_a_log_comes_back_empty() {
    let mut server = Server::redis(RedisOptions::default()).unwrap();
    assert_eq!(ask_redis(&server, "SET kept no"), "+OK");
    server.restart().unwrap();
    assert_eq!(ask_redis(&server, "GET kept"), "$-1");
}

#[test]
fn private_postgres_comes_back() {
    comes_back(
        Server::postgres(PostgresOptions::default()).unwrap(),
        postgres_answers,
    );
}

#[test]
fn private_mysql_comes_back() {
    comes_back(
        Server::mysql(MysqlOptions::default()).unwrap(),
        mysql_answers,
    );
}

#[test]
fn a_panic_takes_a_private_redis_down() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let panicked = thread::spawn(move || {
        let server = Server::redis(RedisOptions::default()).unwrap();
        sender.send((folder(&server), server.port())).unwrap();
        panic!("as a failed test does");
    });
    assert!(panicked.join().is_err());
    let (folder, port) = receiver.recv().unwrap();
    assert!(!Path::new(&folder).exists());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn a_killed_process_takes_its_private_redis_down() {
    takes_down("a_killed_process_takes_its_private_redis_down", || {
        Server::redis(RedisOptions::default())
    });
}

/// Its helpers stand in process groups of their own.
#[test]
fn a_killed_process_takes_its_private_postgres_down() {
    takes_down("a_killed_process_takes_its_private_postgres_down", || {
        Server::postgres(PostgresOptions::default())
    });
}

#[test]
fn a_killed_process_takes_its_private_mysql_down() {
    takes_down("a_killed_process_takes_its_private_mysql_down", || {
        Server::mysql(MysqlOptions::default())
    });
}

/// Runs `test` once more in a process of its own, which starts the server and kills itself.
fn takes_down(test: &str, start: impl FnOnce() -> Result<Server, ServiceError>) {
    let in_child = "AUTHBENCH_TEST_KILLS_ITSELF";
    if std::env::var_os(in_child).is_some() {
        let server = start().unwrap();
        println!("\nserver {} {}", server.port(), folder(&server));
        let this = rustix::process::getpid();
        rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("services::tests::{test}")])
        .arg("--nocapture")
        .env(in_child, "yes")
        .output()
        .unwrap();
    assert_eq!(child.status.signal(), Some(9));
    let output = String::from_utf8(child.stdout).unwrap();
    let server = output.lines().find_map(|line| line.strip_prefix("server "));
    let (port, folder) = server.unwrap().split_once(' ').unwrap();
    until(|| !Path::new(folder).exists());
    let address = (Ipv4Addr::LOCALHOST, port.parse().unwrap());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_private_postgres_that_cannot_start_is_quoted() {
    let error = Server::postgres(PostgresOptions {
        shared_buffers_mib: 0,
        ..PostgresOptions::default()
    })
    .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.to_string(), "a private postgres did not start");
    assert!(cause.contains("shared_buffers"), "{cause}");
}

#[test]
fn one_instance_serves_the_whole_process() {
    let first = shared(Service::Redis).unwrap();
    assert_eq!(first, shared(Service::Redis).unwrap());
}
