//! Sessions of tower-sessions on axum, as its README and its documentation set
//! them up: the memory store, the defaults of `SessionManagerLayer`, a new
//! identifier at login (`cycle_id`) and an empty session at logout (`flush`).

mod accounts;

use std::net::Ipv4Addr;

use axum::extract::{FromRef, FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use accounts::{Account, Accounts};

/// Where the session holds who it is.
const USER: &str = "user";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session_store = MemoryStore::default();
    let session_layer = SessionManagerLayer::new(session_store);
    let app = Router::new()
        .route("/healthz", get(async || Json(json!({ "ok": true }))))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .route("/me/note", put(write_note).get(read_note))
        .route("/admin/accounts", get(count_accounts))
        .route("/admin/users/{user}/roles", post(set_roles))
        .route("/admin/users/{user}/disable", post(disable))
        .layer(session_layer)
        .with_state(Accounts::new());
    let port: u16 = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listens on 127.0.0.1:{port}");
    Ok(axum::serve(listener, app).await?)
}

/// What goes wrong.
enum Refusal {
    Unauthenticated,
    Forbidden,
    NoSuchAccount,
    Session(tower_sessions::session::Error),
}

impl From<tower_sessions::session::Error> for Refusal {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::Session(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NoSuchAccount => (StatusCode::NOT_FOUND, "no such account"),
            Self::Session(error) => {
                eprintln!("{error}");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal error")
            }
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

/// Somebody who is signed in. The session holds who it is; what they may do is
/// looked up at each request.
struct SignedIn {
    user: String,
    account: Account,
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    Accounts: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let user: Option<String> = session
            .get(USER)
            .await
            .map_err(|error| Refusal::Session(error).into_response())?;
        let user = user.ok_or_else(|| Refusal::Unauthenticated.into_response())?;
        let account = Accounts::from_ref(state).get(&user);
        let account = account.ok_or_else(|| Refusal::Unauthenticated.into_response())?;
        Ok(Self { user, account })
    }
}

/// Somebody who may administer others.
struct Administrator;

impl<S> FromRequestParts<S> for Administrator
where
    S: Send + Sync,
    Accounts: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let caller = SignedIn::from_request_parts(parts, state).await?;
        if caller.account.roles.iter().any(|role| role == "admin") {
            Ok(Self)
        } else {
            Err(Refusal::Forbidden.into_response())
        }
    }
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

async fn login(
    session: Session,
    State(accounts): State<Accounts>,
    Json(credentials): Json<Credentials>,
) -> Result<Json<Value>, Refusal> {
    let account = accounts.authenticate(&credentials.user, &credentials.password);
    let account = account.ok_or(Refusal::Unauthenticated)?;
    session.cycle_id().await?;
    session.insert(USER, credentials.user).await?;
    Ok(Json(json!({ "subject": account.subject })))
}

async fn logout(session: Session) -> Result<Json<Value>, Refusal> {
    session.flush().await?;
    Ok(Json(json!({ "ok": true })))
}

async fn me(SignedIn { account, .. }: SignedIn) -> Json<Value> {
    Json(json!({ "subject": account.subject, "roles": account.roles }))
}

#[derive(Deserialize)]
struct Note {
    note: String,
}

async fn write_note(
    State(accounts): State<Accounts>,
    caller: SignedIn,
    Json(note): Json<Note>,
) -> Result<Json<Value>, Refusal> {
    accounts
        .change(&caller.user, |account| account.note = note.note)
        .ok_or(Refusal::NoSuchAccount)?;
    Ok(Json(json!({ "subject": caller.account.subject })))
}

async fn read_note(SignedIn { account, .. }: SignedIn) -> Json<Value> {
    Json(json!({ "subject": account.subject, "note": account.note }))
}

async fn count_accounts(_: Administrator, State(accounts): State<Accounts>) -> Json<Value> {
    Json(json!({ "accounts": accounts.count() }))
}

#[derive(Deserialize)]
struct Roles {
    roles: Vec<String>,
}

async fn set_roles(
    _: Administrator,
    State(accounts): State<Accounts>,
    Path(user): Path<String>,
    Json(roles): Json<Roles>,
) -> Result<Json<Value>, Refusal> {
    accounts
        .change(&user, |account| account.roles = roles.roles)
        .ok_or(Refusal::NoSuchAccount)?;
    Ok(Json(json!({ "user": user })))
}

async fn disable(
    _: Administrator,
    State(accounts): State<Accounts>,
    Path(user): Path<String>,
) -> Result<Json<Value>, Refusal> {
    accounts
        .change(&user, |account| account.disabled = true)
        .ok_or(Refusal::NoSuchAccount)?;
    Ok(Json(json!({ "user": user })))
}
