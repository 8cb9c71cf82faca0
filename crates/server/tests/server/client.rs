//! A client that hides nothing: what it sends and gets are octets.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A request in the making. Like a browser on the site's own pages it proves
/// its origin, unless told not to.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

pub(crate) fn ask(method: &'static str, path: &str) -> Ask {
    let proof = ("sec-fetch-site".to_owned(), "same-origin".to_owned());
    Ask {
        method,
        path: path.to_owned(),
        headers: vec![proof],
        body: None,
    }
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .text(&body.to_string())
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    pub(crate) fn without_proof(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "sec-fetch-site");
        self
    }

    pub(crate) fn octets(&self, host: &str) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("connection: close\r\n\r\n");
        text.push_str(self.body.as_deref().unwrap_or_default());
        text.into_bytes()
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// All octets, without the line that tells the date.
    pub(crate) raw: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        first
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.raw))
    }

    /// All cookies that are set or taken away: name, value and attributes.
    pub(crate) fn cookies(&self) -> Vec<(&str, &str, &str)> {
        self.headers
            .iter()
            .filter(|(key, _)| key == "set-cookie")
            .map(|(_, header)| {
                let (pair, attributes) = header.split_once("; ").unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                (name, value, attributes)
            })
            .collect()
    }

    /// The value of the one cookie that is set.
    pub(crate) fn cookie(&self) -> Option<&str> {
        let (pair, _) = self.header("set-cookie")?.split_once(';')?;
        pair.split_once('=').map(|(_, value)| value)
    }
}

/// Sends `octets` and reads until the other side closes.
pub(crate) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    octets: &[u8],
) -> Answer {
    // A server that has heard enough answers and closes while we still write.
    let _ = stream.write_all(octets).await;
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    let got = String::from_utf8(got).unwrap();
    let (head, body) = got
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {got:?}"));
    let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    let headers = rest.lines().filter_map(|line| line.split_once(": "));
    Answer {
        status: first.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
        raw: got
            .lines()
            .filter(|line| !line.starts_with("date: "))
            .collect(),
    }
}
