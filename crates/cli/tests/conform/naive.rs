//! A server as one writes it in an afternoon: the identifier that it hands to
//! strangers goes on to work once they have logged in.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// It, described.
pub(super) const PROFILE: &str = r#"
name = "naive"
families = ["session"]
[carrier.cookie]
name = "sid"
[[users.list]]
user = "alice"
password = "pw-alice"
[[users.list]]
user = "bob"
password = "pw-bob"
[operations.login]
method = "POST"
path = "/login"
body = '{"user":"{user}","password":"{password}"}'
success = [200]
subject = "/user"
[operations.whoami]
method = "GET"
path = "/me"
success = [200]
subject = "/user"
[operations.logout]
method = "POST"
path = "/logout"
success = [200]
[absent]
disable = "none"
end-session = "none"
logout-all = "none"
mutate = "none"
password-change = "none"
refresh = "none"
revoke = "none"
sessions = "none"
set-roles = "none"
[guarantees]
revoke_one = "immediate"
revoke_all = "immediate"
role_change = "immediate"
lifetime_ms = 3600000
expiry_slack_ms = 0
refresh = "none"
listing = "not-kept"
outage = "unaffected"
durability = "none"
"#;

pub(super) struct Naive {
    pub(super) url: String,
}

#[derive(Default)]
struct Sessions {
    made: u128,
    /// Who has logged in with an identifier; nobody yet, if empty.
    users: HashMap<String, String>,
}

struct Request {
    line: String,
    cookie: Option<String>,
    body: serde_json::Value,
}

impl Naive {
    /// Serves until the test's process ends.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut sessions = Sessions::default();
            for stream in listener.incoming() {
                // A client that goes away is no fault of the server.
                let _ = stream.and_then(|stream| sessions.serve(stream));
            }
        });
        Self { url }
    }
}

impl Sessions {
    fn serve(&mut self, mut stream: TcpStream) -> std::io::Result<()> {
        let request = read(&stream)?;
        let known = request
            .cookie
            .clone()
            .filter(|id| self.users.contains_key(id));
        let (status, cookie, body) = match request.line.as_str() {
            "POST /login" => {
                let user = request.body["user"].as_str().unwrap_or("").to_owned();
                if request.body["password"] != format!("pw-{user}") {
                    ("401 Unauthorized", None, "{}".to_owned())
                } else {
                    let id = known.unwrap_or_else(|| self.hand_out());
                    let body = serde_json::json!({ "user": user }).to_string();
                    self.users.insert(id.clone(), user);
                    ("200 OK", Some(id), body)
                }
            }
            "GET /me" => match known.as_ref().and_then(|id| self.users.get(id)) {
                Some(user) if !user.is_empty() => {
                    let body = serde_json::json!({ "user": user }).to_string();
                    ("200 OK", None, body)
                }
                _ => ("401 Unauthorized", Some(self.hand_out()), "{}".to_owned()),
            },
            "POST /logout" => {
                known.map(|id| self.users.remove(&id));
                ("200 OK", None, "{}".to_owned())
            }
            _ => ("404 Not Found", None, "{}".to_owned()),
        };
        let cookie = cookie.map_or_else(String::new, |id| {
            format!("Set-Cookie: sid={id}; Path=/; HttpOnly; SameSite=Lax\r\n")
        });
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
             {cookie}Content-Length: {length}\r\n\r\n{body}"
        )
    }

    fn hand_out(&mut self) -> String {
        self.made += 1;
        let id = self
            .made
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let id = format!("{id:032x}");
        self.users.insert(id.clone(), String::new());
        id
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut cookie, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "cookie" => cookie = value.trim().strip_prefix("sid=").map(str::to_owned),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default();
    Ok(Request {
        line: format!("{method} {}", words.next().unwrap_or_default()),
        cookie,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}
