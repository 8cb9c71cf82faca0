//! Lists of logins against what lives.

use authbench_core::oracle::{Expectation, Span, Standing};
use authbench_core::{Listing, LoginInfo, Logins, RefreshOffer, StrategyError};

use super::backing::Backing;
use super::law::Law;
use super::world::{Stop, World};

/// How many logins are presented and then looked for in the list.
const COMPARED: usize = 4;

impl<B: Backing> World<'_, B> {
    /// Compares a list with the account's logins.
    pub(super) fn listed(
        &mut self,
        account: usize,
        node: usize,
        span: Span,
        answer: Result<Logins, StrategyError>,
    ) -> Result<(), Stop> {
        let subject = self.accounts[account].subject.id.clone();
        let action = format!("list the logins of {subject}");
        let Some(logins) = self.answered(node, &action, answer)? else {
            return Ok(());
        };
        let listed = match (logins, self.promises.listing) {
            (Logins::NotKept, Listing::NotKept) => {
                self.note_at(node, format_args!("{action}: not kept"));
                self.tested(Law::Listing);
                return Ok(());
            }
            (Logins::Known(listed), Listing::Exact) => listed,
            (_, promised) => {
                let detail = format!("the answer does not fit the promise, {promised:?}");
                return self.broken(Law::Listing, detail);
            }
        };
        let numbers: Vec<_> = listed.iter().map(|info| self.number_of(info)).collect();
        self.note_at(node, format_args!("{action}: logins {numbers:?}"));
        if let Some((law, detail)) = self.strange_entry(account, &listed, &numbers) {
            return self.broken(law, detail);
        }
        let most = self.promises.login_limit.map(|limit| limit.logins_max);
        let ours = numbers.iter().flatten().count() as u64;
        if most.is_some_and(|most| ours > most.into()) {
            let detail = format!("{ours} logins are listed");
            return self.broken(Law::LoginLimit, detail);
        }
        for login in self.compared(account) {
            self.listed_if_alive(login, numbers.contains(&Some(login)), span)?;
        }
        self.tested(Law::Listing);
        Ok(())
    }

    /// The account's latest logins.
    pub(super) fn compared(&self, account: usize) -> Vec<usize> {
        let logins = (0..self.logins.len()).rev();
        logins
            .filter(|login| self.logins[*login].account == account)
            .take(COMPARED)
            .collect()
    }

    fn number_of(&self, info: &LoginInfo) -> Option<usize> {
        self.logins
            .iter()
            .position(|login| login.handle == info.login)
    }

    /// What is wrong with the entries themselves, if anything.
    fn strange_entry(
        &self,
        account: usize,
        listed: &[LoginInfo],
        numbers: &[Option<usize>],
    ) -> Option<(Law, String)> {
        if !listed.is_sorted_by(|a, b| a.login < b.login) {
            return Some((Law::Listing, "the handles do not ascend".to_owned()));
        }
        let mut phantoms = self.accounts[account].phantoms.clone();
        for (info, number) in listed.iter().zip(numbers) {
            let fits = match number {
                Some(login) => self.fits(*login, account, info),
                None => match phantoms
                    .iter()
                    .position(|issued_at| *issued_at == info.issued_at)
                {
                    Some(place) => {
                        phantoms.swap_remove(place);
                        info.expires_at.plus_ms(self.promises.expiry_slack_ms) > self.now
                    }
                    None => false,
                },
            };
            if !fits {
                let swept = &self.accounts[account].swept;
                let law = match (number, self.crashed) {
                    (None, None) if swept.contains(&info.issued_at) => Law::RevokeAll,
                    (None, Some(_)) if swept.contains(&info.issued_at) => Law::Durability,
                    _ => Law::Listing,
                };
                let detail = format!(
                    "the entry {} from {} to {} fits no login of the subject",
                    info.login, info.issued_at.0, info.expires_at.0,
                );
                return Some((law, detail));
            }
        }
        None
    }

    /// Whether an entry says of a login what is so. Where tokens renew it, it
    /// may end before the chain does, but not before now.
    fn fits(&self, login: usize, account: usize, info: &LoginInfo) -> bool {
        let login = &self.logins[login];
        let ends_at = self.ledger.login_ends_at(login.no);
        let renews = matches!(
            self.promises.refresh,
            RefreshOffer::RotatingKillsFamily { .. }
        );
        let ends = if renews {
            info.expires_at > self.now && ends_at.is_some_and(|end| info.expires_at <= end)
        } else {
            ends_at == Some(info.expires_at)
        };
        login.account == account && info.issued_at == login.issued_at && ends
    }

    fn listed_if_alive(&mut self, login: usize, listed: bool, span: Span) -> Result<(), Stop> {
        // What may work or not, by a node that has not heard, may be in the
        // list or not; so may a login that only an access credential outlives.
        let standing = self.ledger.standing(self.logins[login].no, span);
        let wrong = match standing {
            Standing::Lives => !listed,
            Standing::Ended if listed => (0..self.held.len())
                .filter(|held| self.held[*held].login == login)
                .all(|held| self.expected(held, span) == Expectation::MustRefuse),
            Standing::Ended | Standing::Either => false,
        };
        if wrong {
            let word = if listed {
                "ended and listed"
            } else {
                "alive and not listed"
            };
            let detail = format!("login {login} is {word}");
            return self.broken(Law::Listing, detail);
        }
        Ok(())
    }
}
