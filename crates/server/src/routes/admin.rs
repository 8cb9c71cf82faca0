//! What the role `admin` may do to other accounts.

use std::sync::Arc;

use authbench_core::{Receipt, Scope, Subject};
use authbench_wire::bodies::RolesRequest;
use axum::RequestExt as _;
use axum::extract::{Path, Request};
use axum::response::Response;

use super::login::acknowledged;
use super::renew::own_change;
use crate::app::App;
use crate::denial::Denial;
use crate::{answer, body};

/// Rounds of telling the strategy an account's roles before a change of roles
/// fails. Only other changes of the same account's roles can spoil a round.
const SETTLE_TRIES: usize = 16;

/// Who the caller is, for administrators only.
pub(super) async fn admin(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    answer::me(app.admin(request.headers()).await?)
}

/// Bars an account and ends its logins (ASVS 5.0 7.4.2).
pub(super) async fn disable(app: Arc<App>, mut request: Request) -> Result<Response, Denial> {
    app.admin(request.headers()).await?;
    let name = user(&mut request).await?;
    let subject = app.accounts.bar(&name).ok_or(Denial::NotFound)?;
    let scope = Scope::Subject(&subject);
    acknowledged(app.strategy.revoke(&scope, app.now()).await?)
}

/// Gives an account other roles, at once for its running logins as far as the
/// strategy can (ASVS 5.0 8.3.2). Who changes the own ones goes on under another
/// identifier, if the strategy can do that (7.2.4).
pub(super) async fn set_roles(app: Arc<App>, mut request: Request) -> Result<Response, Denial> {
    let identity = app.admin(request.headers()).await?;
    let name = user(&mut request).await?;
    let (parts, body) = request.into_parts();
    let asked: RolesRequest = body::json(&parts.headers, body, &app.limits).await?;
    let changed = app.accounts.change_roles(&name, asked.roles);
    let subject = changed.ok_or(Denial::NotFound)?;
    let is_own = subject.id == identity.subject;
    let receipt = settle_roles(&app, &name, subject).await?;
    if is_own {
        own_change(&app, receipt, &parts.headers).await
    } else {
        acknowledged(receipt)
    }
}

/// Gives the running logins the roles that the account has, as `told` has
/// them. Whoever changes the roles meanwhile may reach the logins first, and
/// would then be overwritten with what is no longer so: hence the second look.
async fn settle_roles(app: &App, name: &str, mut told: Subject) -> Result<Receipt, Denial> {
    for _ in 0..SETTLE_TRIES {
        let receipt = app.strategy.change_roles(&told, app.now()).await?;
        let now = app.accounts.find(name).ok_or(Denial::NotFound)?.subject();
        if now == told {
            return Ok(receipt);
        }
        told = now;
    }
    Err(Denial::Contended)
}

async fn user(request: &mut Request) -> Result<String, Denial> {
    let path = request.extract_parts::<Path<String>>().await;
    path.map(|Path(name)| name).map_err(|_| Denial::NotFound)
}
