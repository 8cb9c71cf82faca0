use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use authbench_core::system::monotonic_ns;

use super::*;

/// A server that answers each line with it, until the process ends. Its second gift says what
/// lines it has got.
fn echo_server() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (got, lines) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, got) = (stream.unwrap(), got.clone());
            thread::spawn(move || {
                let mut line = Vec::new();
                let mut octet = [0];
                while stream.read(&mut octet).is_ok_and(|length| length == 1) {
                    line.push(octet[0]);
                    if octet[0] == b'\n' {
                        drop(got.send(String::from_utf8(line.clone()).unwrap()));
                        if stream.write_all(&line).is_err() {
                            return;
                        }
                        line.clear();
                    }
                }
            });
        }
    });
    (address, lines)
}

fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).unwrap()
}

/// The answer to `line`: whatever came before the connection ended, if it did.
fn ask(mut client: &TcpStream, line: &str) -> io::Result<String> {
    client.write_all(line.as_bytes())?;
    let mut answer = vec![0; line.len()];
    let mut length = 0;
    while length < answer.len() {
        match client.read(&mut answer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    answer.truncate(length);
    Ok(String::from_utf8(answer).unwrap())
}

#[test]
fn octets_pass_and_are_counted() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let client = connect(&proxy);
    assert_eq!(ask(&client, "one\n").unwrap(), "one\n");
    let first = proxy.traffic();
    assert_eq!(
        first,
        Traffic {
            connections: 1,
            to_server_bytes: 4,
            to_client_bytes: 4,
            round_trips: 1
        }
    );
    assert_eq!(ask(&client, "two!\n").unwrap(), "two!\n");
    assert_eq!(ask(&connect(&proxy), "3\n").unwrap(), "3\n");
    let more = proxy.traffic().since(first);
    assert_eq!((more.connections, more.round_trips), (1, 2));
    assert_eq!((more.to_server_bytes, more.to_client_bytes), (7, 7));
}

#[test]
fn much_passes_whole() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let client = connect(&proxy);
    let text = format!("{}\n", "x".repeat(3 << 20));
    let writer = client.try_clone().unwrap();
    let sent = text.clone();
    let writing = thread::spawn(move || (&writer).write_all(sent.as_bytes()));
    let mut answer = vec![0; text.len()];
    (&client).read_exact(&mut answer).unwrap();
    writing.join().unwrap().unwrap();
    assert!(answer == text.as_bytes());
}

#[test]
fn the_end_of_one_side_reaches_the_other() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let client = connect(&proxy);
    (&client).write_all(b"last\n").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    (&client).read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "last\n");
}

/// A lower bound is no race: nothing may come before its time.
#[test]
fn a_round_trip_is_never_shorter_than_asked() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let client = connect(&proxy);
    ask(&client, "first\n").unwrap();
    proxy.set_round_trip_us(20_000).unwrap();
    let begin_ns = monotonic_ns();
    ask(&client, "late\n").unwrap();
    assert!(monotonic_ns() - begin_ns >= 20_000_000);
    // A new connection costs a round trip more.
    let begin_ns = monotonic_ns();
    ask(&connect(&proxy), "later\n").unwrap();
    assert!(monotonic_ns() - begin_ns >= 40_000_000);
}

#[test]
fn refused_connections_fail_and_heal() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let standing = connect(&proxy);
    ask(&standing, "well\n").unwrap();
    proxy.set_fault(Some(Fault::Refuse)).unwrap();
    assert!(ask(&standing, "gone\n").is_err());
    let new = TcpStream::connect(proxy.address());
    assert!(new.and_then(|new| ask(&new, "gone\n")).is_err());
    proxy.set_fault(None).unwrap();
    assert_eq!(ask(&connect(&proxy), "back\n").unwrap(), "back\n");
}

#[test]
fn a_hanging_way_passes_nothing_until_it_is_mended() {
    let (server, lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let standing = connect(&proxy);
    ask(&standing, "well\n").unwrap();
    proxy.set_fault(Some(Fault::Hang)).unwrap();
    let new = connect(&proxy);
    for client in [&standing, &new] {
        client
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let error = ask(client, "later\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        client.set_read_timeout(None).unwrap();
    }
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["well\n"]);
    proxy.set_fault(None).unwrap();
    for mut client in [&standing, &new] {
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"later\n");
    }
}

#[test]
fn a_dropped_answer_belongs_to_a_request_that_passed() {
    let (server, lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let client = connect(&proxy);
    ask(&client, "well\n").unwrap();
    proxy.set_fault(Some(Fault::DropAnswer)).unwrap();
    assert!(ask(&client, "done\n").is_err());
    assert_eq!(lines.iter().take(2).last().unwrap(), "done\n");
    proxy.set_fault(None).unwrap();
    assert_eq!(ask(&connect(&proxy), "back\n").unwrap(), "back\n");
}

#[test]
fn a_truncated_answer_ends_in_its_middle() {
    let (server, lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let client = connect(&proxy);
    ask(&client, "well\n").unwrap();
    proxy.set_fault(Some(Fault::TruncateAnswer)).unwrap();
    assert_eq!(ask(&client, "halves.\n").unwrap(), "halv");
    assert_eq!(lines.iter().take(2).last().unwrap(), "halves.\n");
    proxy.set_fault(None).unwrap();
    assert_eq!(ask(&connect(&proxy), "back\n").unwrap(), "back\n");
}

#[test]
fn a_server_that_is_down_is_a_reset() {
    let vacant = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = vacant.local_addr().unwrap();
    drop(vacant);
    let proxy = Proxy::start(address).unwrap();
    let client = TcpStream::connect(proxy.address());
    assert!(client.and_then(|client| ask(&client, "x\n")).is_err());
}

#[test]
fn dropped_it_leaves_no_connection() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let (client, address) = (connect(&proxy), proxy.address());
    ask(&client, "well\n").unwrap();
    drop(proxy);
    assert!(ask(&client, "gone\n").is_err());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn urls_lead_through_it() {
    let (server, _lines) = echo_server();
    let proxy = Proxy::start(server).unwrap();
    let here = proxy.address();
    for (url, expected) in [
        ("redis://:p@1.2.3.4:5/0", format!("redis://:p@{here}/0")),
        (
            "mysql://u:p@[::1]:5/d?x=@/",
            format!("mysql://u:p@{here}/d?x=@/"),
        ),
        ("redis://localhost", format!("redis://{here}")),
    ] {
        assert_eq!(proxy.url(url).unwrap(), expected);
    }
    assert_eq!(proxy.url("localhost:5"), None);
}
