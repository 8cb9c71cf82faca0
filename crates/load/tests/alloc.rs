//! What users cost in memory: nothing for a read that is answered as the last
//! time, and little for being there. A binary of its own, since the allocator
//! counts for the whole process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use allocation_counter::AllocationInfo;
use authbench_core::RefreshOffer;
use authbench_load::{
    Driver, DriverOptions, EngineKind, Kind, LoginPlan, SaturationOutcome, SaturationPlan,
};
use authbench_wire::{Operation, Profile};

/// The most octets of a user with a JWT of 500 octets and a refresh token.
const USER_BYTES_MAX: i64 = 1_000;
const USERS: u32 = 100_000;

/// Serves logins that give these tokens, and one answer to all else.
fn serve(access_bytes: usize, refresh_bytes: usize) -> SocketAddr {
    let answer = |body: String| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let login = answer(format!(
        r#"{{"expires_at_ms":9000000000000,"access_token":"{}","refresh_token":"{}"}}"#,
        "a".repeat(access_bytes),
        "r".repeat(refresh_bytes)
    ));
    let whoami = answer(r#"{"subject":"acct-000000","roles":["user"]}"#.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, login, whoami) = (stream.unwrap(), login.clone(), whoami.clone());
            std::thread::spawn(move || talk(stream, &login, &whoami));
        }
    });
    address
}

/// Each request comes in one piece: they are small.
fn talk(mut stream: TcpStream, login: &str, whoami: &str) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer)
        && count > 0
    {
        let is_login = buffer.starts_with(b"POST /login");
        let answer = if is_login { login } else { whoami };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn driver(address: SocketAddr, profile: impl FnOnce(&mut Profile)) -> (Driver, Profile) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    let mut described = Profile::read(&root.join("authbench-bearer")).unwrap();
    described.base_url = Some(format!("http://{address}"));
    let login = described.operations.get_mut(&Operation::Login).unwrap();
    login.subject = None;
    described.users.pattern.as_mut().unwrap().count = USERS;
    profile(&mut described);
    let options = DriverOptions {
        engine: EngineKind::Epoll,
        ..DriverOptions::default()
    };
    (Driver::new(&described, options).unwrap(), described)
}

fn log_in(driver: &mut Driver, profile: &Profile, users: u32) -> AllocationInfo {
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..users,
        devices: 1,
        connections: 16,
        keep: true,
        timeout_ms: 60_000,
    };
    allocation_counter::measure(|| {
        let outcome = driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
        assert_eq!(outcome.logins, u64::from(users));
    })
}

#[test]
fn a_read_that_is_answered_as_the_last_time_allocates_nothing() {
    let (mut driver, profile) = driver(serve(500, 0), |_| {});
    log_in(&mut driver, &profile, 1);
    let mut reads = |measure_ms| {
        let plan = SaturationPlan {
            connections: 1,
            warmup_ms: 50,
            measure_ms,
            timeout_ms: 10_000,
            seed: 1,
        };
        let mut outcome: Option<SaturationOutcome> = None;
        let counted = allocation_counter::measure(|| {
            let stop = AtomicBool::new(false);
            outcome = Some(driver.saturate(&plan, &mut (), &stop).unwrap());
        });
        let outcome = outcome.unwrap();
        assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
        (counted.count_total, outcome.tally.of_kind(Kind::Right))
    };
    // Whatever the first loop makes once and for all is made before.
    reads(10);
    let (few_allocations, few) = reads(10);
    let (many_allocations, many) = reads(1_500);
    assert!(many > few + 2_000, "{few} and {many} reads");
    assert_eq!(few_allocations, many_allocations, "{few} and {many} reads");
}

#[test]
fn a_logged_in_user_is_small() {
    for (access_bytes, refresh_bytes, bytes_max) in
        [(43, 0, USER_BYTES_MAX / 2), (500, 86, USER_BYTES_MAX)]
    {
        let (mut driver, profile) = driver(serve(access_bytes, refresh_bytes), |profile| {
            if refresh_bytes > 0 {
                profile.guarantees.refresh = RefreshOffer::RotatingKillsFamily {
                    grace_ms: 0,
                    chain_ms: 86_400_000,
                };
            }
        });
        let users = if refresh_bytes > 0 { USERS } else { USERS / 10 };
        let counted = log_in(&mut driver, &profile, users);
        let each = counted.bytes_current / i64::from(users);
        let payload = (access_bytes + refresh_bytes) as i64;
        println!("{each} octets for a user with {payload} octets of credentials");
        assert!((payload..=bytes_max).contains(&each), "{each} octets");
    }
}
