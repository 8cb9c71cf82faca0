//! What logins, revocations and changes of roles leave to be judged.

use authbench_core::oracle::{Expectation, Ns, Span, Standing};
use authbench_core::{
    Credentials, Digest, Issued, LimitPolicy, LoginLimit, Receipt, RefreshOffer, Roles, Staleness,
};

use super::backing::Backing;
use super::call::{Acted, Answer, Call};
use super::law::Law;
use super::world::{Held, Login, Stop, World, change};

impl<B: Backing> World<'_, B> {
    /// Records and judges calls that were made at the same time, or a single
    /// one.
    pub(super) fn settle(&mut self, mut acted: Vec<Acted>) -> Result<(), Stop> {
        acted.sort_by_key(|acted| acted.call.phase());
        let issues = acted
            .iter()
            .filter(|acted| matches!(acted.call, Call::Issue { .. }));
        let rivals = issues.count().saturating_sub(1);
        let mut renewals = Vec::new();
        let mut granted_to = None;
        for acted in acted {
            let Acted {
                call,
                node,
                span,
                answer,
            } = acted;
            match (call, answer) {
                (Call::Issue { account }, Answer::Issued(answer)) => {
                    self.issued(account, node, span, rivals, answer)?;
                    granted_to = Some((account, span.end));
                }
                (Call::RevokeOne { held, by }, Answer::Received(answer)) => {
                    self.revoked_one((held, by), node, span, answer)?;
                }
                (Call::RevokeAll { account, keep }, Answer::Received(answer)) => {
                    self.revoked_all((account, keep), node, span, answer)?;
                }
                (Call::ChangeRoles { account, roles }, Answer::Received(answer)) => {
                    self.changed_roles((account, roles), node, span, answer)?;
                }
                (Call::Present { held }, Answer::Decided(answer)) => {
                    self.presented(held, node, span, answer)?;
                }
                (Call::PresentStranger { action, .. }, Answer::Decided(answer)) => {
                    self.stranger_presented(&action, node, answer)?;
                }
                (Call::List { account }, Answer::Listed(answer)) => {
                    self.listed(account, node, span, answer)?;
                }
                (call, Answer::Refreshed(answer)) => renewals.push((call, node, span, answer)),
                // A call has one kind of answer.
                _ => {}
            }
        }
        self.renewed(renewals)?;
        match granted_to {
            Some((account, end)) => self.within_limit(account, end),
            None => Ok(()),
        }
    }

    fn issued(
        &mut self,
        account: usize,
        node: usize,
        span: Span,
        rivals: usize,
        answer: Result<Issued, authbench_core::StrategyError>,
    ) -> Result<(), Stop> {
        let subject = self.accounts[account].subject.clone();
        let expected = self.ledger.issue_expectation(&subject.id, rivals, span);
        let action = format!("issue for {}", subject.id);
        let Some(issued) = self.answered(node, &action, answer)? else {
            self.accounts[account].phantoms.push(self.now);
            self.ledger.maybe_issued(&subject.id, span);
            return Ok(());
        };
        let credentials = match issued {
            Issued::Granted(credentials) => credentials,
            Issued::LimitReached { logins_max } => {
                self.note_at(node, format_args!("{action}: refused, {logins_max} logins"));
                return self.limit_reached(logins_max, expected);
            }
        };
        let (number, expires_at) = (self.held.len(), credentials.expires_at);
        self.note_at(
            node,
            format_args!(
                "{action}: credential {number}, {} octets, login {}, ends at {}",
                credentials.access.expose().len(),
                credentials.login,
                expires_at.0,
            ),
        );
        if expected == Expectation::MustRefuse {
            let detail = "granted although as many logins live as may";
            return self.broken(Law::LoginLimit, detail.to_owned());
        }
        self.fresh(&credentials.login.to_string())?;
        self.fresh(credentials.access.expose())?;
        self.lives_as_promised(&credentials)?;
        let no = self
            .ledger
            .issued(&subject.id, &subject.roles, span, expires_at);
        let login = self.logins.len();
        self.logins.push(Login {
            no,
            account,
            handle: credentials.login,
            issued_at: self.now,
            tokens: Vec::new(),
            receipts: Vec::new(),
        });
        self.first_token(login, &credentials)?;
        self.held.push(Held {
            no,
            login,
            credentials,
            made: span,
        });
        Ok(())
    }

    fn limit_reached(&mut self, logins_max: u32, expected: Expectation) -> Result<(), Stop> {
        let promised = self.promises.login_limit;
        let fits = LoginLimit {
            logins_max,
            policy: LimitPolicy::Reject,
        };
        if promised != Some(fits) {
            let detail = format!("the promise is {promised:?}");
            return self.broken(Law::LoginLimit, detail);
        }
        match expected {
            Expectation::MustAccept => {
                let detail = "refused although fewer logins live than may";
                self.broken(Law::LoginLimit, detail.to_owned())
            }
            Expectation::MustRefuse => {
                self.tested(Law::LoginLimit);
                Ok(())
            }
            Expectation::Either(_) => Ok(()),
        }
    }

    /// A login comes with a refresh token exactly where tokens renew it.
    fn first_token(&mut self, login: usize, credentials: &Credentials) -> Result<(), Stop> {
        let rotates = matches!(
            self.promises.refresh,
            RefreshOffer::RotatingKillsFamily { .. }
        );
        match &credentials.refresh {
            Some(token) if rotates => {
                self.fresh(token.expose())?;
                let digest = Digest::of(token.expose());
                self.ledger.granted(self.logins[login].no, digest);
                self.logins[login].tokens.push(token.expose().to_owned());
                Ok(())
            }
            None if !rotates => Ok(()),
            token => {
                let detail = format!("a refresh token that fits no promise: {token:?}");
                self.broken(Law::Refresh, detail)
            }
        }
    }

    /// Nothing is given out twice.
    pub(super) fn fresh(&mut self, text: &str) -> Result<(), Stop> {
        if !self.given_out.insert(text.to_owned()) {
            return self.broken(Law::Freshness, "this was given out before".to_owned());
        }
        self.tested(Law::Freshness);
        Ok(())
    }

    pub(super) fn lives_as_promised(&mut self, credentials: &Credentials) -> Result<(), Stop> {
        let (expires_at, most) = (credentials.expires_at, self.promises.lifetime_ms);
        let lives_ms = expires_at.since(self.now);
        if lives_ms == 0 || lives_ms > most {
            let detail = format!("lives for {lives_ms} ms, promised are 1 to {most}");
            return self.broken(Law::Lifetime, detail);
        }
        self.tested(Law::Lifetime);
        Ok(())
    }

    /// With the latest login, no more live than may.
    fn within_limit(&mut self, account: usize, end: Ns) -> Result<(), Stop> {
        let after = Span { start: end, end };
        let subject = &self.accounts[account].subject.id;
        if self.ledger.is_over_limit(subject, after) {
            let detail = "more logins live than may at once";
            return self.broken(Law::LoginLimit, detail.to_owned());
        }
        Ok(())
    }

    /// One login was ended: by itself, or from the list of an account.
    fn revoked_one(
        &mut self,
        (held, by): (usize, Option<usize>),
        node: usize,
        span: Span,
        answer: Result<Receipt, authbench_core::StrategyError>,
    ) -> Result<(), Stop> {
        let own = self.account_of(held);
        let action = match by {
            None => format!("log out credential {held}"),
            Some(by) => {
                let subject = &self.accounts[by].subject.id;
                format!("end the login of credential {held} for {subject}")
            }
        };
        let receipt = self.answered(node, &action, answer)?;
        if let Some(receipt) = receipt {
            self.received(node, &action, receipt, self.promises.revoke_one)?;
        }
        let proven = match by {
            None => self.proves(held, span),
            Some(by) if by == own => Standing::Lives,
            Some(_) => Standing::Ended,
        };
        if proven == Standing::Ended {
            return Ok(());
        }
        let receipt = receipt.filter(|_| proven == Standing::Lives);
        self.ledger
            .revoked_one(self.held[held].no, change(span, receipt.is_some()));
        self.receipt_for(self.held[held].login, span, receipt);
        Ok(())
    }

    /// Whether presenting a credential proves its login, so that it can end it
    /// (a login whose access credential has expired by its refresh token).
    fn proves(&self, held: usize, span: Span) -> Standing {
        let Held {
            no,
            login,
            credentials,
            ..
        } = &self.held[held];
        let by_access = Standing::from(self.ledger.expectation(*no, span));
        let token = credentials.refresh.as_ref().map(|token| token.expose());
        let newest = self.logins[*login].tokens.last().map(String::as_str);
        match (by_access, token) {
            (Standing::Lives, _) | (_, None) => by_access,
            (_, Some(_)) if token == newest => self.ledger.standing(*no, span),
            (_, Some(_)) => Standing::Either,
        }
    }

    /// Everything of an account was ended, except the login of `keep`.
    fn revoked_all(
        &mut self,
        (account, keep): (usize, Option<usize>),
        node: usize,
        span: Span,
        answer: Result<Receipt, authbench_core::StrategyError>,
    ) -> Result<(), Stop> {
        let subject = self.accounts[account].subject.id.clone();
        let action = match keep {
            None => format!("end all logins of {subject}"),
            Some(keep) => format!("end all logins of {subject} but that of credential {keep}"),
        };
        let receipt = self.answered(node, &action, answer)?;
        if let Some(receipt) = receipt {
            self.received(node, &action, receipt, self.promises.revoke_all)?;
            let account = &mut self.accounts[account];
            account.swept.append(&mut account.phantoms);
        }
        let kept = keep.map(|keep| &self.held[keep]);
        let (kept_no, kept) = (kept.map(|kept| kept.no), kept.map(|kept| kept.login));
        self.ledger
            .revoked_all(&subject, kept_no, change(span, receipt.is_some()));
        for login in 0..self.logins.len() {
            if self.logins[login].account == account && Some(login) != kept {
                self.receipt_for(login, span, receipt);
            }
        }
        Ok(())
    }

    fn changed_roles(
        &mut self,
        (account, roles): (usize, Roles),
        node: usize,
        span: Span,
        answer: Result<Receipt, authbench_core::StrategyError>,
    ) -> Result<(), Stop> {
        let subject = self.accounts[account].subject.id.clone();
        let names: Vec<_> = roles.iter().collect();
        let action = format!("give {subject} the roles {names:?}");
        let receipt = self.answered(node, &action, answer)?;
        if let Some(receipt) = receipt {
            self.received(node, &action, receipt, self.promises.role_change)?;
            let now = self.now;
            let account = &mut self.accounts[account];
            account.subject.roles = roles.clone();
            account.state.roles = roles.clone();
            account.roles_since = now;
        }
        if receipt.is_some() && self.directory {
            self.tell_directory(account);
        }
        self.ledger
            .roles_changed(&subject, &roles, change(span, receipt.is_some()));
        let from = receipt.map(|receipt| receipt.effective_from);
        self.accounts[account].role_changes.push((roles, from));
        Ok(())
    }

    fn receipt_for(&mut self, login: usize, span: Span, receipt: Option<Receipt>) {
        if let Some(Receipt { effective_from }) = receipt {
            self.logins[login].receipts.push((span, effective_from));
        }
    }

    /// A change was acknowledged: its receipt must keep the promise.
    fn received(
        &mut self,
        node: usize,
        action: &str,
        receipt: Receipt,
        promise: Staleness,
    ) -> Result<(), Stop> {
        let effective_from = receipt.effective_from;
        self.note_at(
            node,
            format_args!("{action}: effective from {}", effective_from.0),
        );
        self.latest_change = Some((self.now, promise));
        let latest = self.now.plus_ms(match promise {
            Staleness::Immediate => 0,
            Staleness::WithinMs(ms) => ms,
            Staleness::UntilExpiry => self
                .promises
                .lifetime_ms
                .saturating_add(self.promises.expiry_slack_ms),
        });
        if effective_from > latest {
            let detail = format!("promised is {promise}, so {} at the latest", latest.0);
            return self.broken(Law::Receipt, detail);
        }
        self.tested(Law::Receipt);
        Ok(())
    }
}
