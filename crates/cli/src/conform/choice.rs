//! Which checks are made, from the command line.

use std::collections::{BTreeMap, BTreeSet};

use authbench_conformance::catalogue;

use crate::exit::UsageError;

/// Every identifier, in the catalogue's order.
pub(crate) fn identifiers() -> Vec<&'static str> {
    catalogue().map(|check| check.id).collect()
}

/// The wanted checks and groups, in capitals.
///
/// # Errors
/// [`UsageError`] names what there is not, and the nearest that there is.
pub(crate) fn only(wanted: &[String]) -> Result<Vec<String>, UsageError> {
    let groups: BTreeSet<&str> = catalogue().map(|check| check.group()).collect();
    let names: Vec<&str> = identifiers().into_iter().chain(groups).collect();
    let checked = wanted
        .iter()
        .map(|name| known("check or group", name, &names));
    checked.collect()
}

/// The checks that are left out, each with its reason, from `ID=REASON`.
///
/// # Errors
/// [`UsageError`] when there is no such check, or no reason.
pub(crate) fn skip(wanted: &[String]) -> Result<BTreeMap<String, String>, UsageError> {
    let names = identifiers();
    let mut skipped = BTreeMap::new();
    for text in wanted {
        let (id, reason) = text.split_once('=').unwrap_or((text, ""));
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(UsageError(format!(
                "--skip {text}: say why, as --skip ID=REASON; the report shows the reason"
            )));
        }
        skipped.insert(known("check", id.trim(), &names)?, reason.to_owned());
    }
    Ok(skipped)
}

fn known(kind: &str, name: &str, names: &[&str]) -> Result<String, UsageError> {
    let wanted = name.to_ascii_uppercase();
    if names.contains(&wanted.as_str()) {
        return Ok(wanted);
    }
    let hint = authbench_conf::nearest(&wanted, names)
        .map(|near| format!(": did you mean `{near}`?"))
        .unwrap_or_default();
    Err(UsageError(format!(
        "there is no {kind} `{name}`{hint}; `authbench list checks` names them all"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_reasons_demanded() {
        let names = ["JWT", "JWT-001", "COOKIE-001"];
        assert_eq!(known("check", "jwt-001", &names).unwrap(), "JWT-001");
        let told = known("check", "JWT-01", &names).unwrap_err().to_string();
        assert!(told.contains("did you mean `JWT-001`"), "{told}");
        for bare in ["JWT-001", "JWT-001=", "JWT-001= "] {
            let told = skip(&[bare.to_owned()]).unwrap_err().to_string();
            assert!(told.contains("say why"), "{told}");
        }
    }
}
