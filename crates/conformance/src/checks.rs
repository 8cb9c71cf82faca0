//! The catalogue: one folder a group, one file a check or a small group of them.

mod concurrency;
mod cookie;
mod crypto;
mod csrf;
mod fault;
mod jwt;
mod limits;
mod privilege;
mod refresh;
mod revoke;
mod session;
mod transport;

use crate::check::Check;

/// Every check, in the catalogue's order.
pub fn catalogue() -> impl Iterator<Item = &'static Check> {
    let groups: [&'static [Check]; 12] = [
        cookie::CHECKS,
        session::CHECKS,
        jwt::CHECKS,
        refresh::CHECKS,
        revoke::CHECKS,
        csrf::CHECKS,
        transport::CHECKS,
        concurrency::CHECKS,
        fault::CHECKS,
        privilege::CHECKS,
        limits::CHECKS,
        crypto::CHECKS,
    ];
    groups.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_well_formed_unique_and_in_order() {
        let ids: Vec<_> = catalogue().map(|check| check.id).collect();
        for pair in ids.windows(2) {
            let [before, after] = pair else { continue };
            let group = |id: &str| id.split('-').next().map(str::to_owned);
            assert!(
                group(before) != group(after) || before < after,
                "{before} {after}"
            );
        }
        for check in catalogue() {
            let number = check.id.rsplit('-').next().unwrap_or_default();
            assert!(
                number.len() == 3 && number.parse::<u16>().is_ok(),
                "{}",
                check.id
            );
            assert!(
                !check.clauses.is_empty() || !check.cwe.is_empty(),
                "{}: no source",
                check.id
            );
            assert!(
                !check.mend.is_empty() && !check.seen_by.is_empty(),
                "{}",
                check.id
            );
            assert!(!check.statement.starts_with("MUST"), "{}", check.id);
        }
    }
}
