//! The caller's logins: the list is what works (ASVS 5.0 7.5.2; mutants of
//! REVOKE-007 and CONCURRENCY-003 sit here).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{self, Refusal};
use crate::app::App;
use crate::caller;

/// `GET /sessions`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    if !app.kind.keeps_logins() {
        return Err(Refusal::Absent);
    }
    let now_ms = app.now_ms();
    let sessions: Vec<Value> = app
        .store(|data| {
            let ids = data.by_subject.get(&caller.subject).cloned();
            ids.unwrap_or_default()
                .iter()
                .filter(|id| !data.hidden.contains(*id))
                .cloned()
                .collect::<Vec<_>>()
                .iter()
                .filter_map(|id| data.alive(id, now_ms).cloned())
                .map(|login| {
                    json!({
                        "id": login.id,
                        "issued_at_ms": login.issued_ms,
                        "expires_at_ms": login.ends_ms,
                        "current": login.id == caller.login,
                    })
                })
                .collect()
        })
        .await?;
    Ok(answer::ok(&json!({ "sessions": sessions })))
}

/// `DELETE /sessions/{id}`: one's own only.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = caller::authenticate(&app, &headers).await?;
    app.store(|data| {
        let login = data.logins.get(&id);
        if login.is_none_or(|login| login.subject != caller.subject) {
            return Err(Refusal::Absent);
        }
        match app.flaw("M123") {
            true => drop(data.hidden.insert(id.clone())),
            false => {
                data.end(&id);
            }
        }
        Ok(())
    })
    .await??;
    Ok(answer::receipt(app.now_ms()))
}
