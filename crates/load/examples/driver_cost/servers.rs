//! The servers to be driven: the reference server, and one that answers by
//! rote.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use authbench_catalog::{Backing, BackingOptions};
use authbench_core::system::OsEntropy;
use authbench_load::{Driver, DriverOptions, LoginPlan};
use authbench_server::{Accounts, Server, ServerConfig};
use authbench_wire::Profile;
use authbench_wire::template::Template;
use rustix::event::epoll;

/// Accounts, and users in the driver.
const USERS: u32 = 10_000;
/// The strategy that the reference server hosts.
const STRATEGY: &str = "session.memory.bearer";
/// The token of the server that answers by rote, as long as a session's.
const TOKEN: &str = "rote-rote-rote-rote-rote-rote-rote-rote-rot";

/// A server in a process of its own, on core 1.
pub(crate) struct Running {
    process: Child,
    pub(crate) address: String,
    /// What `GET /me` takes.
    pub(crate) token: String,
    profile: Profile,
}

impl Running {
    /// Starts this program anew, as the server that `mode` names.
    pub(crate) fn start(mode: &str) -> Self {
        let mut process = Command::new("taskset")
            .args(["-c", "1"])
            .arg(std::env::current_exe().unwrap())
            .arg(mode)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        let (address, token) = (line(), line());
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../scenarios/targets/authbench-bearer/profile.toml");
        let mut profile = Profile::read(&file).unwrap();
        profile.base_url = Some(format!("http://{address}"));
        let pattern = profile.users.pattern.as_mut().unwrap();
        pattern.count = USERS;
        if mode == "null" {
            // It knows one name only.
            pattern.subject = Some(Template::parse("acct-rote"));
        }
        Self {
            process,
            address,
            token,
            profile,
        }
    }

    /// A driver with all users logged in.
    pub(crate) fn driver(&self, options: DriverOptions) -> Driver {
        let mut driver = Driver::new(&self.profile, options).unwrap();
        let plan = LoginPlan {
            users: &self.profile.users,
            numbers: 0..USERS,
            devices: 1,
            connections: 32,
            keep: true,
            timeout_ms: 10_000,
        };
        driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
        driver
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Serves [`STRATEGY`].
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn reference() {
    let recipe = authbench_catalog::find(STRATEGY).unwrap();
    let home = tempfile::tempdir().unwrap();
    let options = BackingOptions::new(home.path());
    let backing = Backing::open(&recipe, options).await.unwrap();
    let node = backing.node().await.unwrap();
    let accounts = Arc::new(Accounts::lab(USERS, 1, &OsEntropy).unwrap());
    let config = ServerConfig {
        lab: true,
        ..ServerConfig::new(Arc::clone(&node.strategy), node.transport.clone(), accounts)
    };
    let server = Server::bind(([127, 0, 0, 1], 0).into(), config)
        .await
        .unwrap();
    let address = server.local_addr();
    std::thread::spawn(move || {
        let body = r#"{"user":"user-000000","password":"lab-password-000000"}"#;
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let token = answer.split(r#""access_token":""#).nth(1).unwrap();
        println!("{address}\n{}", token.split('"').next().unwrap());
    });
    server.serve(std::future::pending()).await;
}

/// Answers every `POST` with one login and all else with one name, without
/// looking at anything but where requests end.
pub(crate) fn null() {
    let answer = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let login = answer(&format!(
        r#"{{"subject":"acct-rote","login":"rote","expires_at_ms":99999999999999,"access_token":"{TOKEN}"}}"#
    ));
    let me = answer(r#"{"subject":"acct-rote","roles":["user"],"login":"rote"}"#);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("{}\n{TOKEN}", listener.local_addr().unwrap());
    let waiting = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let watch = |fd: std::os::fd::BorrowedFd<'_>, data| {
        let data = epoll::EventData::new_u64(data);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&waiting, fd, data, flags).unwrap();
    };
    watch(listener.as_fd(), u64::MAX);
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Vec::with_capacity(256);
    let mut buffer = [0; 16 * 1024];
    loop {
        events.clear();
        epoll::wait(&waiting, rustix::buffer::spare_capacity(&mut events), None).unwrap();
        for event in &events {
            let place = event.data.u64();
            if place == u64::MAX {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).unwrap();
                    stream.set_nodelay(true).unwrap();
                    watch(stream.as_fd(), streams.len() as u64);
                    streams.push(Some(stream));
                }
            } else if let Some(stream) = &mut streams[place as usize] {
                let count = stream.read(&mut buffer).unwrap_or(0);
                let request = &buffer[..count];
                let sent = match request {
                    [] => Ok(0),
                    [b'P', ..] => stream.write(login.as_bytes()),
                    _ => stream.write(me.as_bytes()),
                };
                if !sent.is_ok_and(|sent| sent > 0) {
                    streams[place as usize] = None;
                }
            }
        }
    }
}
