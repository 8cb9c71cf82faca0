//! How credentials are renewed.

use authbench_core::{
    Credentials, LoginId, Presented, Refreshed, Refusal, Scope, Secret, StrategyError, UnixMs,
};
use tokio::task::yield_now;

use super::node::Node;
use super::sketch::{Family, Session, State};
use super::{CHAIN_MS, GRACE_MS, LIFETIME_MS, Variant};

impl Node {
    /// Another name for the same session.
    pub(super) async fn swap(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        let Some(old) = presented.access else {
            return Ok(Refreshed::Refused(Refusal::Missing));
        };
        let found = self.on_state(|state| state.sessions.get(old).cloned())?;
        if self.variant == Variant::SwapsForTwo {
            // Somebody else may find it meanwhile.
            yield_now().await;
        }
        let variant = self.variant;
        let renewed = self.on_state(|state| {
            let session = found.filter(|session| self.runs(session, at))?;
            // Under whatever name.
            let moved = state
                .sessions
                .values()
                .any(|held| held.login == session.login);
            let here = state.sessions.contains_key(old);
            if !(here || moved && variant == Variant::SwapsForTwo) {
                return None;
            }
            let text = self.text(self.next(state), "text");
            if variant != Variant::SwapKeepsTheOld {
                state.sessions.remove(old);
            }
            state.sessions.insert(text.clone(), session.clone());
            state.ever.insert(text.clone(), session.clone());
            Some((text, session))
        })?;
        Ok(match renewed {
            None => Refreshed::Refused(Refusal::Unknown),
            Some((text, session)) => Refreshed::Renewed(Credentials {
                access: Secret::new(text),
                refresh: None,
                login: session.login,
                expires_at: session.expires_at,
            }),
        })
    }

    /// The next token of a family, and a new access credential.
    pub(super) async fn rotate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        let Some(token) = presented.refresh else {
            return Ok(Refreshed::Refused(Refusal::Missing));
        };
        let read = self.on_state(|state| self.family_of(state, token).cloned())?;
        let in_steps = matches!(
            self.variant,
            Variant::TwoSuccessors | Variant::RenewsAfterLogout
        );
        if in_steps {
            yield_now().await;
        }
        let renewed = self.on_state(|state| {
            let mut family = match self.family_of(state, token) {
                Some(family) if self.variant != Variant::TwoSuccessors => family.clone(),
                _ if in_steps => read?,
                _ => return None,
            };
            let next = self.step(state, &mut family, token, at);
            let place = state
                .families
                .iter()
                .position(|held| held.login == family.login);
            match (place, &next) {
                (Some(place), _) if family.tokens.is_empty() => drop(state.families.remove(place)),
                (Some(place), _) => state.families[place] = family.clone(),
                // Nobody looks whether the family is still there.
                (None, Some(_)) if self.variant == Variant::RenewsAfterLogout => {
                    state.families.push(family.clone());
                }
                (None, _) => return None,
            }
            next.map(|next| self.access(state, &family, next, at))
        })?;
        Ok(renewed.map_or(Refreshed::Refused(Refusal::Unknown), Refreshed::Renewed))
    }

    fn family_of<'a>(&self, state: &'a State, token: &str) -> Option<&'a Family> {
        let found = state
            .families
            .iter()
            .find(|family| family.tokens.iter().any(|held| held == token));
        if found.is_none() && self.variant == Variant::AccessRenews {
            let login = state.ever.get(token)?.login;
            return state.families.iter().find(|family| family.login == login);
        }
        found
    }

    /// The token that answers `token`. A family that has ended has none left.
    fn step(
        &self,
        state: &mut State,
        family: &mut Family,
        token: &str,
        at: UnixMs,
    ) -> Option<String> {
        if at >= family.ends_at {
            return None;
        }
        let account = state.accounts.get(&family.subject)?;
        let older = family.began_at < account.proof_changed_at;
        let barred = !account.active || older && account.kept != Some(family.login);
        if barred && self.variant != Variant::IgnoresTheAccount {
            return None;
        }
        let newest = family.tokens.len() - 1;
        let place = family.tokens.iter().position(|held| held == token);
        let back = newest - place.unwrap_or(newest);
        let spends = self.variant == Variant::AcceptsSpentTokens && back > 0;
        if (back == 0 && !family.lingers) || spends {
            if self.variant == Variant::RefusesTheNewest && newest == 2 {
                family.tokens.clear();
                return None;
            }
            let next = self.text(self.next(state), "token");
            family.tokens.push(next.clone());
            family.spent_at = at;
            if self.variant == Variant::RestartsTheChain {
                family.ends_at = at.plus_ms(CHAIN_MS);
            }
            return Some(next);
        }
        let grace_ms = match (self.variant.base(), self.variant) {
            (_, Variant::GraceIsTooLong) => GRACE_MS + 1,
            (Variant::Family, _) if self.variant != Variant::KillsTheLoser => GRACE_MS,
            _ => 0,
        };
        let chains = back == 1 || self.variant == Variant::ChainsItsGrace;
        if chains && at.since(family.spent_at) < grace_ms {
            return family.tokens.last().cloned();
        }
        if self.variant != Variant::KeepsTheFamily && !family.lingers {
            family.tokens.clear();
        }
        None
    }

    /// An access credential for the login of a family.
    fn access(&self, state: &mut State, family: &Family, token: String, at: UnixMs) -> Credentials {
        let text = self.text(self.next(state), "text");
        let told = state.accounts.get(&family.subject);
        let roles = match told {
            Some(account) if self.variant != Variant::RefreshKeepsRoles => account.roles.clone(),
            _ => family.roles.clone(),
        };
        let session = Session {
            subject: family.subject.clone(),
            roles,
            login: family.login,
            issued_at: family.began_at,
            expires_at: at.plus_ms(LIFETIME_MS),
            used_at: at,
            node: self.number,
            key: state.key,
        };
        state.ever.insert(text.clone(), session.clone());
        state.sessions.insert(text.clone(), session.clone());
        Credentials {
            access: Secret::new(text),
            refresh: Some(Secret::new(token)),
            login: family.login,
            expires_at: session.expires_at,
        }
    }

    /// Ends the families that a revocation names, by their access credentials
    /// or by a refresh token.
    pub(super) fn end_families(
        &self,
        state: &mut State,
        scope: &Scope<'_>,
        dead: &[(String, LoginId)],
    ) {
        let presented = match scope {
            Scope::Presented(presented) => presented.refresh,
            _ => None,
        };
        let lingers = self.variant == Variant::GraceOutlivesLogout;
        state.families.retain_mut(|family| {
            let named = dead.iter().any(|(_, login)| *login == family.login)
                || presented.is_some_and(|token| family.tokens.iter().any(|held| held == token));
            family.lingers |= named && lingers;
            !named || lingers
        });
    }
}
