//! The JSON bodies of the reference server. Unknown members of a request are
//! refused; a client ignores unknown members of an answer. Bodies that hold a
//! password or a credential have no debug form, so that no log shows one.

use authbench_core::{Digest, LoginId, Record, Roles, SubjectId, UnixMs};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Asks for a login.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The name that the account's owner types.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A login that was granted.
#[derive(Clone, Deserialize, Serialize)]
pub struct LoginResponse {
    /// Whose login it is.
    pub subject: SubjectId,
    /// The login's public handle.
    pub login: LoginId,
    /// When the access credential ends, UTC milliseconds.
    pub expires_at_ms: UnixMs,
    /// The access credential, for the bearer transport only: what travels in a
    /// cookie never stands in a body (ASVS 5.0 3.3.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// `Bearer` beside an access token (RFC 6750).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// A refresh token, for the bearer transport only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// Credentials in place of those that were presented, for the same login.
#[derive(Clone, Deserialize, Serialize)]
pub struct RenewedResponse {
    /// The login's public handle, as before.
    pub login: LoginId,
    /// When the access credential ends, UTC milliseconds.
    pub expires_at_ms: UnixMs,
    /// The access credential, for the bearer transport only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// `Bearer` beside an access token (RFC 6750).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// A refresh token, for the bearer transport only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// Who the caller is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MeResponse {
    /// Whose login it is.
    pub subject: SubjectId,
    /// The roles that this request has.
    pub roles: Roles,
    /// Which login.
    pub login: LoginId,
}

/// Who the caller is, and how many services said so.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChainResponse {
    /// What `GET /me` answers, as members beside the count.
    #[serde(flatten)]
    pub me: MeResponse,
    /// The services that judged the credential, from the last one of the chain
    /// to the one that answers: 1 to 8.
    pub hops: u8,
}

/// Replaces the caller's note.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// At most 256 octets.
    pub note: String,
}

/// The caller's note as it now stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NoteResponse {
    /// Whose note it is.
    pub subject: SubjectId,
    /// The note.
    pub note: String,
}

/// Presents a refresh token (bearer transport), to renew the login or to end
/// it. Without a token no body is needed.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token; none where the access credential itself is swapped.
    #[serde(default)]
    pub refresh_token: Option<String>,
}

/// Changes the caller's password; the present one must be shown
/// (ASVS 5.0 6.2.3).
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The present password.
    pub current: String,
    /// The new one, 8 to 128 characters (ASVS 5.0 6.2.1, 6.2.9).
    pub new: String,
}

/// The caller's logins.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionsResponse {
    /// Each login that works.
    pub sessions: Vec<SessionEntry>,
}

/// One login of the list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionEntry {
    /// Its handle; ends it at `DELETE /sessions/{id}`.
    pub id: LoginId,
    /// When it began, UTC milliseconds.
    pub issued_at_ms: UnixMs,
    /// When it ends by itself, UTC milliseconds.
    pub expires_at_ms: UnixMs,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Gives an account new roles in place of the old ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RolesRequest {
    /// The new roles.
    pub roles: Roles,
}

/// Acknowledges a change of the caller's own rights or password. Where the
/// strategy swaps access credentials, the caller gets a new one with it
/// (ASVS 5.0 7.2.4).
#[derive(Clone, Deserialize, Serialize)]
pub struct ChangeResponse {
    /// From this instant on every replica acts on it, UTC milliseconds.
    pub effective_from_ms: UnixMs,
    /// The new credentials, as members beside the instant.
    #[serde(flatten)]
    pub renewed: Option<RenewedResponse>,
}

/// Acknowledges a revocation or a change of roles.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReceiptResponse {
    /// From this instant on every replica acts on it, UTC milliseconds.
    pub effective_from_ms: UnixMs,
}

/// Steps the server's clock forwards.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRequest {
    /// How far, in milliseconds; 0 only asks.
    pub step_ms: u64,
}

/// The server's clock.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ClockResponse {
    /// What it shows now, UTC milliseconds.
    pub now_ms: UnixMs,
    /// How far it has been stepped in all, milliseconds.
    pub ahead_ms: u64,
}

/// Acknowledges a new signing key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RotateKeysResponse {
    /// When the key was added, UTC milliseconds; when it begins to sign is up
    /// to the key ring.
    pub at_ms: UnixMs,
}

/// How the server's store shall work from now on. The whole is set: a member
/// that is left out mends what it stands for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreRequest {
    /// How its operations fail; null for not at all.
    pub fault: Option<StoreFault>,
    /// Microseconds that each operation begins later, at most 10,000,000.
    pub delay_us: u64,
}

/// How every operation of a store fails.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreFault {
    /// At once, and nothing takes place: the store is out of reach.
    Fail,
    /// It waits until the fault is lifted and then goes on; for whoever gives
    /// up before that, nothing has taken place. After an hour it fails.
    Hang,
    /// It takes place, but its answer arrives cut off, and is no record.
    Truncate,
}

/// Everything that a store holds.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct StorePeekResponse {
    /// Each record, expired ones included.
    pub records: Vec<PeekedRecord>,
}

/// A record with its key, in every spelling in which a credential would show:
/// octets as hexadecimal numbers, as base64url and, where they may be text, as
/// text.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeekedRecord {
    /// What it is found by.
    pub key_hex: String,
    /// The same.
    pub key_base64url: String,
    /// Whose it is.
    pub subject: SubjectId,
    /// Which login.
    pub login: LoginId,
    /// The roles as last written.
    pub roles: Roles,
    /// When the login began, UTC milliseconds.
    pub issued_at_ms: UnixMs,
    /// When it ends, UTC milliseconds.
    pub expires_at_ms: UnixMs,
    /// When it was last used, as far as that is written down, UTC milliseconds.
    pub used_at_ms: UnixMs,
    /// How often it was rotated.
    pub generation: u32,
    /// How often it was written.
    pub revision: u32,
    /// What the scheme keeps beside.
    pub payload_hex: String,
    /// The same.
    pub payload_base64url: String,
    /// The same, with a sign of replacement for what is no UTF-8.
    pub payload_text: String,
}

impl From<(Digest, Record)> for PeekedRecord {
    fn from((key, record): (Digest, Record)) -> Self {
        Self {
            key_hex: hex(&key.0),
            key_base64url: URL_SAFE_NO_PAD.encode(key.0),
            subject: record.subject,
            login: record.login,
            roles: record.roles,
            issued_at_ms: record.issued_at,
            expires_at_ms: record.expires_at,
            used_at_ms: record.used_at,
            generation: record.generation,
            revision: record.revision,
            payload_hex: hex(&record.payload),
            payload_base64url: URL_SAFE_NO_PAD.encode(&record.payload),
            payload_text: String::from_utf8_lossy(&record.payload).into_owned(),
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What the server counted since it started.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatsResponse {
    /// Store operations by kind (`get`, `insert`, ...); absent kinds did not
    /// occur. Empty for a strategy without a store.
    pub store_operations: std::collections::BTreeMap<String, u64>,
    /// Octets that the store occupies outside this process's memory (database
    /// files, logs), where there are such.
    pub store_bytes: u64,
    /// Times that the store's client waited for an answer, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_round_trips: Option<u64>,
    /// Octets sent to the store, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_sent_bytes: Option<u64>,
    /// Octets received from the store, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_received_bytes: Option<u64>,
}

/// A problem as RFC 9457 describes it; every refusal of a kind looks alike.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Problem {
    /// The HTTP status again.
    pub status: u16,
    /// What is wrong, without detail that would help a guesser.
    pub title: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_members_are_there_or_not() {
        let receipt = r#"{"effective_from_ms":7}"#;
        let renewed = r#"{"effective_from_ms":7,"login":"AAAAAAAAAAAAAAAAAAAAAA","expires_at_ms":9,"access_token":"t"}"#;
        for (text, there) in [(receipt, false), (renewed, true)] {
            let read: ChangeResponse = serde_json::from_str(text).unwrap();
            assert_eq!(read.renewed.is_some(), there);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }
}
