//! The server's routes: RFC 7662 and RFC 7009, and what they leave out.

use std::error::Error;
use std::sync::Arc;

use authbench_core::{
    Clock, Decision, DynStrategy, Issued, Presented, Scope, StrategyError, Subject, UnixMs,
};
use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tracing::error;

use crate::bodies::{
    EndBody, ErrorBody, Introspected, IssuedBody, LimitBody, LoginsBody, LoginsQuery, ReceiptBody,
    SubjectBody, TokenForm,
};
use crate::caller::CallerSecret;

/// Says at which instant, in milliseconds since 1970, the request takes place;
/// for tests in which time is stepped. Ignored unless the server was started
/// with [`AuthorityOptions::lab_time`].
pub const LAB_TIME_HEADER: HeaderName = HeaderName::from_static("authbench-lab-time-ms");

/// The longest body that is read.
pub const MAX_BODY_OCTETS: usize = 64 * 1024;

/// How an authorization server is run.
#[derive(Clone)]
pub struct AuthorityOptions {
    /// What callers prove themselves by.
    pub secret: CallerSecret,
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
    /// Whether callers may say what time it is. Whoever may do that revives
    /// what has expired: for tests alone.
    pub lab_time: bool,
}

/// Serves `strategy` as an authorization server:
///
/// | route | body | answer |
/// | --- | --- | --- |
/// | `POST /introspect` | form: `token` | RFC 7662 2.2 |
/// | `POST /revoke` | form: `token` | 200, also for an unknown token (RFC 7009 2.2) |
/// | `POST /issue` | JSON: `subject`, `roles` | a token, or 409 over the limit of logins |
/// | `POST /end` | JSON: `subject`, and `login` or `keep` or neither | 200 |
/// | `GET /logins?subject=` | | the subject's logins |
/// | `POST /roles` | JSON: `subject`, `roles` | 200 |
///
/// Each needs the caller's secret, else the answer is 401. A request that
/// cannot be understood is answered 400; 503 means that there is no judgement,
/// and for a revocation that the token must be taken to live on (RFC 7009
/// 2.2.1). No answer may be stored.
pub fn routes(strategy: Arc<dyn DynStrategy>, options: AuthorityOptions) -> Router {
    let app = Arc::new(App { strategy, options });
    Router::new()
        .route("/introspect", post(introspect))
        .route("/revoke", post(revoke))
        .route("/issue", post(issue))
        .route("/end", post(end))
        .route("/logins", get(logins))
        .route("/roles", post(roles))
        .layer(DefaultBodyLimit::max(MAX_BODY_OCTETS))
        .layer(from_fn_with_state(Arc::clone(&app), frame))
        .with_state(app)
}

struct App {
    strategy: Arc<dyn DynStrategy>,
    options: AuthorityOptions,
}

impl App {
    fn at(&self, headers: &HeaderMap) -> Result<UnixMs, Denial> {
        match headers.get(LAB_TIME_HEADER) {
            Some(said) if self.options.lab_time => {
                let ms = said.to_str().ok().and_then(|text| text.parse().ok());
                ms.map(UnixMs).ok_or(Denial::NotUnderstood)
            }
            _ => Ok(self.options.clock.now()),
        }
    }
}

/// Why a request has no answer.
enum Denial {
    NotUnderstood,
    NoJudgement(StrategyError),
}

impl From<StrategyError> for Denial {
    fn from(error: StrategyError) -> Self {
        Self::NoJudgement(error)
    }
}

/// What is wrong with a body is the caller's to find out: it may hold a token.
macro_rules! not_understood {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for Denial {
            fn from(_: $rejection) -> Self {
                Self::NotUnderstood
            }
        }
    )*};
}
not_understood!(FormRejection, JsonRejection, QueryRejection);

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::NotUnderstood => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::NoJudgement(cause) => {
                error!(error = &cause as &dyn Error, "no judgement");
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
        };
        (status, Json(ErrorBody { error })).into_response()
    }
}

/// Around each route: who asks, before anything is read; and that no answer is
/// stored anywhere (RFC 7662 4, RFC 6749 5.1).
async fn frame(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = if app.options.secret.is_proved_by(request.headers()) {
        next.run(request).await
    } else {
        let error = ErrorBody {
            error: "invalid_client",
        };
        let mut response = (StatusCode::UNAUTHORIZED, Json(error)).into_response();
        for challenge in ["Bearer", "Basic realm=\"authorization server\""] {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
        response
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

async fn introspect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    form: Result<Form<TokenForm<String>>, FormRejection>,
) -> Result<Json<Introspected>, Denial> {
    let (at, Form(form)) = (app.at(&headers)?, form?);
    let presented = Presented::access(&form.token);
    Ok(Json(
        match app.strategy.authenticate(&presented, at).await? {
            Decision::Accepted(identity) => Introspected::active(identity),
            Decision::Refused(_) => Introspected::inactive(),
        },
    ))
}

async fn revoke(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    form: Result<Form<TokenForm<String>>, FormRejection>,
) -> Result<Json<ReceiptBody>, Denial> {
    let (at, Form(form)) = (app.at(&headers)?, form?);
    let scope = Scope::Presented(Presented::access(&form.token));
    Ok(Json(app.strategy.revoke(&scope, at).await?.into()))
}

async fn issue(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Json<SubjectBody>, JsonRejection>,
) -> Result<Response, Denial> {
    let (at, Json(body)) = (app.at(&headers)?, body?);
    Ok(match app.strategy.issue(&Subject::from(body), at).await? {
        Issued::Granted(credentials) => Json(IssuedBody {
            access_token: credentials.access.expose().to_owned(),
            login: credentials.login,
            expires_at_ms: credentials.expires_at,
        })
        .into_response(),
        Issued::LimitReached { logins_max } => {
            let body = LimitBody {
                error: "login_limit".to_owned(),
                logins_max,
            };
            (StatusCode::CONFLICT, Json(body)).into_response()
        }
    })
}

async fn end(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Json<EndBody>, JsonRejection>,
) -> Result<Json<ReceiptBody>, Denial> {
    let (at, Json(body)) = (app.at(&headers)?, body?);
    let subject = &body.subject;
    let scope = match (body.login, body.keep) {
        (None, None) => Scope::Subject(subject),
        (Some(login), None) => Scope::Login { subject, login },
        (None, Some(keep)) => Scope::Others { subject, keep },
        (Some(_), Some(_)) => return Err(Denial::NotUnderstood),
    };
    Ok(Json(app.strategy.revoke(&scope, at).await?.into()))
}

async fn logins(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<LoginsQuery>, QueryRejection>,
) -> Result<Json<LoginsBody>, Denial> {
    let (at, Query(query)) = (app.at(&headers)?, query?);
    Ok(Json(app.strategy.logins(&query.subject, at).await?.into()))
}

async fn roles(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Json<SubjectBody>, JsonRejection>,
) -> Result<Json<ReceiptBody>, Denial> {
    let (at, Json(body)) = (app.at(&headers)?, body?);
    let subject = Subject::from(body);
    Ok(Json(app.strategy.change_roles(&subject, at).await?.into()))
}
