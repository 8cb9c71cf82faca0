//! What a profile must hold beyond the right keys and types.

use std::path::Path;

use authbench_conf::{ConfError, Located};
use authbench_core::RefreshOffer;

use super::{Operation, Profile, RefreshCarrier, Request};

/// The profile, if it makes sense as a whole.
pub(super) fn validated(profile: Profile, file: &Path) -> Result<Profile, ConfError> {
    let whole = |message: String| ConfError::semantic(file, &Located::from(()), message);
    completeness(&profile).map_err(whole)?;
    for (operation, request) in &profile.operations {
        gaps(*operation, request, file)?;
        answer(*operation, request).map_err(whole)?;
    }
    refresh(&profile).map_err(whole)?;
    if profile.users.count() == 0 {
        return Err(whole(
            "[users] names nobody: give `list` or `pattern`".to_owned(),
        ));
    }
    Ok(profile)
}

fn completeness(profile: &Profile) -> Result<(), String> {
    for operation in Operation::REQUIRED {
        let (mapped, absent) = (
            profile.operations.contains_key(&operation),
            profile.absent.contains_key(&operation),
        );
        let label = operation.label();
        if !mapped && !absent {
            return Err(format!(
                "operation `{label}` is neither under [operations.{label}] nor, with a reason, under [absent]"
            ));
        }
        if mapped && absent {
            return Err(format!("operation `{label}` is both mapped and absent"));
        }
    }
    for needed in [Operation::Login, Operation::Whoami] {
        if !profile.operations.contains_key(&needed) {
            let label = needed.label();
            return Err(format!("no target can be tried without `{label}`"));
        }
    }
    let echo = profile.operations.get(&Operation::Whoami);
    if echo.is_some_and(|who| who.subject.is_none()) {
        return Err(
            "[operations.whoami] needs `subject`: acceptance is read from the identity echo"
                .to_owned(),
        );
    }
    Ok(())
}

fn gaps(operation: Operation, request: &Request, file: &Path) -> Result<(), ConfError> {
    for template in std::iter::once(&request.path).chain(&request.body) {
        let known = operation.gaps();
        let Some(gap) = template.value.gaps().find(|gap| !known.contains(gap)) else {
            continue;
        };
        let mut message = format!(
            "`{}` has no value for the gap `{{{gap}}}`",
            operation.label()
        );
        if let Some(near) = authbench_conf::nearest(gap, known) {
            message.push_str(&format!("; did you mean `{{{near}}}`?"));
        }
        return Err(ConfError::semantic(file, template, message));
    }
    Ok(())
}

fn answer(operation: Operation, request: &Request) -> Result<(), String> {
    let label = operation.label();
    for (key, pointer) in request.pointers() {
        pointer_text(&format!("[operations.{label}] {key}"), pointer)?;
    }
    if request.issued_at_ms.is_some() && operation != Operation::Sessions {
        return Err(format!(
            "[operations.{label}] has `issued_at_ms`, which is read from the list of `sessions` only"
        ));
    }
    let limits = &request.limit_reached;
    if !limits.is_empty() && operation != Operation::Login {
        return Err(format!(
            "[operations.{label}] has `limit_reached`, which means something for `login` only"
        ));
    }
    match limits
        .iter()
        .find(|status| request.success.contains(status))
    {
        Some(status) => Err(format!(
            "[operations.{label}] takes {status} for `success` and for `limit_reached`"
        )),
        None => Ok(()),
    }
}

fn refresh(profile: &Profile) -> Result<(), String> {
    let mapped = [Operation::Refresh, Operation::Revoke]
        .into_iter()
        .filter_map(|operation| Some((operation, profile.request(operation)?)));
    match &profile.refresh {
        None => {
            let rotates = matches!(
                profile.guarantees.refresh,
                RefreshOffer::RotatingKillsFamily { .. }
            );
            if rotates {
                return Err(
                    "refresh tokens are promised: [refresh.body] or [refresh.cookie] must say where they travel"
                        .to_owned(),
                );
            }
        }
        Some(RefreshCarrier::Body { token }) => {
            pointer_text("[refresh.body] token", token)?;
            for (operation, request) in mapped {
                if !request.has_gap("refresh") {
                    let label = operation.label();
                    return Err(format!(
                        "[operations.{label}] has no gap `{{refresh}}`, so it would never present the refresh token"
                    ));
                }
            }
        }
        Some(RefreshCarrier::Cookie { name }) => {
            for (operation, request) in mapped {
                if request.has_gap("refresh") {
                    let label = operation.label();
                    return Err(format!(
                        "[operations.{label}] has the gap `{{refresh}}`, but the token travels in the cookie `{name}`"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// RFC 6901 3: empty, or each part behind a slash.
fn pointer_text(place: &str, pointer: &str) -> Result<(), String> {
    if pointer.is_empty() || pointer.starts_with('/') {
        Ok(())
    } else {
        Err(format!(
            "{place}: the JSON pointer `{pointer}` must begin with `/`"
        ))
    }
}
