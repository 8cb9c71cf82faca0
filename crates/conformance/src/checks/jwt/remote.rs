//! JWT-006: keys that a token links to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::{Value, json};

use super::embedded::{certified, with_key};
use super::ground::{Ground, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::SignKey;
use crate::listener::{Listener, Served};
use crate::stop::Stop;
use crate::trial::{Trial, cause_chain};

/// JWT-006.
pub(super) const JWT_006: Check = Check {
    id: "JWT-006",
    statement: "the addresses of keys in a token (`jku`, `x5u`) cause no request, and no key from \
                there is trusted",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http, Eye::Listener],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 9.1.3",
        "ASVS 5.0 13.2.5",
        "RFC 8725 2.9",
        "RFC 8725 3.10",
        "RFC 7515 4.1.2",
    ],
    cwe: &[918],
    mend: "Refuse or ignore `jku` and `x5u`, or compare them with a list of exact addresses before \
           anything is fetched.",
    cost: Cost::Quick,
    run: |trial| Box::pin(linked(trial)),
};

const SET: &str = "/keys.json";
const CHAIN: &str = "/chain.pem";
/// How long the listener goes on listening after the last answer: a fetch in
/// the background must not go unheard.
const LATE: Duration = Duration::from_millis(250);

async fn linked(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let (key, certificate) = certified()?;
    let kid = ground.token.header.get("kid").cloned().unwrap_or_default();
    let serve = |address| documents(&key, &kid, &certificate, address);
    let listener = Listener::start(serve).await;
    let listener = listener.map_err(|error| Stop::unclear(cause_chain(&error)))?;
    heard(&listener).await?;
    let known = listener.calls().len();
    // A target that follows a link may never answer; what was heard counts.
    let presented = present_all(&ground, &key, listener.address()).await;
    judge(trial, &listener, known).await?;
    presented?;
    heard(&listener).await
}

async fn present_all(ground: &Ground<'_>, key: &SignKey, to: SocketAddr) -> Result<(), Stop> {
    for (member, path) in [("jku", SET), ("x5u", CHAIN)] {
        for (form, address) in addresses(ground.trial, to, path)? {
            let case = format!("`{member}`: {form}");
            let forged = with_key(ground, key, "ES256", member, &address.into());
            ground.refuse_each(&case, forged).await?;
        }
    }
    Ok(())
}

async fn judge(trial: &Trial<'_>, listener: &Listener, known: usize) -> Result<(), Stop> {
    const CASE: &str = "no request";
    let host = Url::parse(trial.origin(0)?);
    if !host.is_ok_and(|url| url.host_str().is_some_and(is_this_machine)) {
        trial.not_applicable(
            CASE,
            "the target is on another machine, where no listener is",
        );
        return Ok(());
    }
    tokio::time::sleep(LATE).await;
    let calls = listener.calls().split_off(known);
    let detail = match calls.is_empty() {
        true => "the target called none of the addresses".to_owned(),
        false => format!("the target called: {}", calls.join("; ")),
    };
    trial.judge(CASE, calls.is_empty(), detail, &[]);
    Ok(())
}

/// What the attacker serves: the keys, and redirects to them.
fn documents(
    key: &SignKey,
    real_kid: &Value,
    certificate: &[u8],
    address: SocketAddr,
) -> HashMap<String, Served> {
    let jwk = key.public_jwk().unwrap_or_default();
    // The key is there under every name that is asked for, and under none.
    let mut keys = vec![jwk.clone()];
    for kid in ["authbench".into(), real_kid.clone()] {
        let mut named = jwk.clone();
        named["kid"] = kid;
        keys.push(named);
    }
    let set = json!({ "keys": keys }).to_string();
    let text = STANDARD.encode(certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let document = |media_type, text| Served::Document { media_type, text };
    HashMap::from([
        (SET.to_owned(), document("application/jwk-set+json", set)),
        (
            CHAIN.to_owned(),
            document("application/pem-certificate-chain", pem),
        ),
        (
            format!("/to{SET}"),
            Served::Redirect(format!("http://{address}{SET}")),
        ),
        (
            format!("/to{CHAIN}"),
            Served::Redirect(format!("http://{address}{CHAIN}")),
        ),
    ])
}

/// The positive control of the listener.
async fn heard(listener: &Listener) -> Result<(), Stop> {
    let before = listener.calls().len();
    let answer = listener.call(SET).await;
    let text = answer.map_err(|error| Stop::unclear(cause_chain(&error)))?;
    if text.contains("\"keys\"") && listener.calls().len() > before {
        return Ok(());
    }
    Err(Stop::unclear("the listener on this machine hears nothing"))
}

/// Addresses that lead to the listener, or that no filter may let through.
fn addresses(
    trial: &Trial<'_>,
    to: SocketAddr,
    path: &str,
) -> Result<Vec<(&'static str, String)>, Stop> {
    let port = to.port();
    let own = trial.origin(0)?;
    let own = own.split("://").nth(1).unwrap_or(own);
    Ok(vec![
        ("loopback address", format!("http://127.0.0.1:{port}{path}")),
        ("loopback name", format!("http://localhost:{port}{path}")),
        (
            "loopback as one number",
            format!("http://2130706433:{port}{path}"),
        ),
        (
            "loopback within IPv6",
            format!("http://[::ffff:127.0.0.1]:{port}{path}"),
        ),
        // RFC 6761 6.3: such names lead to this machine, as one would that is
        // bound anew between check and use.
        (
            "name that is bound anew",
            format!("http://keys.localhost:{port}{path}"),
        ),
        ("redirect", format!("http://127.0.0.1:{port}/to{path}")),
        (
            "own host as user",
            format!("http://{own}@127.0.0.1:{port}{path}"),
        ),
        (
            "own host in the query",
            format!("http://127.0.0.1:{port}{path}?{own}"),
        ),
        (
            "link-local address",
            format!("http://169.254.169.254{path}"),
        ),
        ("file", "file:///dev/null".to_owned()),
    ])
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    bare == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
