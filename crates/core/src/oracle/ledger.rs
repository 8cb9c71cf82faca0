//! The history of a whole strategy: what was done, and when.

use super::family::{self, Family, RefreshAnswer, RefreshBreach, RefreshUse};
use super::uses::Uses;
use super::{Change, Expectation, LoginHistory, Ns, Span};
use crate::guarantee::{Durability, Guarantees, RefreshOffer, Staleness};
use crate::ids::Digest;
use crate::subject::{Roles, SubjectId};
use crate::time::UnixMs;

/// Names a credential in a [`Ledger`]: the position of its issue or renewal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialNo(pub usize);

/// What ended a credential before its time.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ending {
    /// Its login was ended.
    One,
    /// All logins of the subject were, or all others.
    All,
    /// It was swapped for another one.
    Swapped,
    /// One login too many began.
    Evicted,
    /// Its refresh token was used again.
    Reused,
}

/// One call with a refresh token.
#[derive(Clone, Copy, Debug)]
pub struct RefreshCall {
    /// The digest of the token that was presented.
    pub token: Digest,
    /// When.
    pub span: Span,
    /// What came of it.
    pub answer: RefreshAnswer,
    /// Whether the account may not log in, or has another password since the
    /// login began: then nothing is renewed.
    pub barred: bool,
}

/// Records what was done and judges what is seen.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) promises: Guarantees,
    pub(super) logins: Vec<Login>,
    pub(super) entries: Vec<Entry>,
    pub(super) role_changes: Vec<(SubjectId, Roles, Change)>,
    /// Every call that was to end all logins of a subject.
    sweeps: Vec<(SubjectId, Change)>,
}

/// One login, which may have several credentials.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) subject: SubjectId,
    /// The life of the login itself: where tokens renew it, up to the end of
    /// all renewal.
    pub(super) history: LoginHistory,
    /// Milliseconds by which its own end may be later than in `history`,
    /// because nobody outside knows at which instant of the call it began.
    pub(super) vague_ms: u64,
    /// Whether the issue was answered; if not, there may be no such login.
    pub(super) acknowledged: bool,
    /// What was to end it.
    pub(super) endings: Vec<(Ending, Change, Staleness)>,
    pub(super) uses: Uses,
    /// Its refresh tokens, where it has such and no crash may have changed
    /// them.
    pub(super) family: Option<Family>,
    /// The same up to a crash that may have taken them.
    lost_family: Option<Family>,
    /// Whether a crash may have taken it, with all that had happened to it.
    pub(super) lost: bool,
}

impl Login {
    /// Whatever a crash left, it renews nothing past its end; and who is
    /// refused that would have been renewed shows that it was lost.
    fn refreshed_after_crash(
        &self,
        calls: &[family::Call],
    ) -> Result<Vec<RefreshUse>, RefreshBreach> {
        let renewed = calls
            .iter()
            .filter(|call| matches!(call.answer, RefreshAnswer::Renewed(_)));
        for call in renewed {
            if call.life == Expectation::MustRefuse {
                return Err(RefreshBreach::RenewedExpired);
            }
            if self.is_not_ended(call.span) == Some(false) {
                return Err(RefreshBreach::RenewedRevoked);
            }
        }
        let mut family = self.lost_family.clone();
        let without = family.as_mut().map(|family| family.observe(calls));
        Ok(match without {
            Some(Err(RefreshBreach::RefusedNewest)) => vec![RefreshUse::Lost; calls.len()],
            _ => vec![RefreshUse::Unanswered; calls.len()],
        })
    }
}

/// One credential.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) login: usize,
    /// What whoever issued it was told of the subject, and in which call.
    pub(super) roles: (Roles, Span),
    pub(super) history: LoginHistory,
    /// The same up to a crash that may have taken all of that.
    pub(super) before_crash: Option<LoginHistory>,
    /// The swap that ended it alone.
    swapped: Option<Change>,
}

impl Ledger {
    /// An empty history under these promises.
    #[must_use]
    pub const fn new(promises: Guarantees) -> Self {
        Self {
            promises,
            logins: Vec::new(),
            entries: Vec::new(),
            role_changes: Vec::new(),
            sweeps: Vec::new(),
        }
    }

    /// Records an issue that was answered with a credential; `roles` are what
    /// the issuer was told. Over a limit it ends the oldest logins.
    pub fn issued(
        &mut self,
        subject: &SubjectId,
        roles: &Roles,
        span: Span,
        expires_at: UnixMs,
    ) -> CredentialNo {
        self.begin(subject, span, Some(expires_at));
        let login = self.logins.len() - 1;
        self.hand_out(login, (roles.clone(), span), span, expires_at)
    }

    /// Records an issue without an answer: a login that nobody holds may
    /// count for a limit, and may have ended others.
    pub fn maybe_issued(&mut self, subject: &SubjectId, span: Span) {
        self.begin(subject, span, None);
    }

    /// Records that the login of `credential` can be renewed by this token.
    pub fn granted(&mut self, credential: CredentialNo, token: Digest) {
        let RefreshOffer::RotatingKillsFamily { grace_ms, .. } = self.promises.refresh else {
            return;
        };
        if let Some(login) = self.login_mut(credential) {
            let mut family = Family::new(token, grace_ms);
            for (_, change, _) in &login.endings {
                family.end(*change);
            }
            login.family = Some(family);
        }
    }

    /// Records a new access credential of the login that `from` belongs to.
    /// With `roles`, that is what whoever renews was told of the subject;
    /// otherwise the credential shows what that of the login would.
    pub fn renewed(
        &mut self,
        from: CredentialNo,
        roles: Option<&Roles>,
        span: Span,
        expires_at: UnixMs,
    ) -> Option<CredentialNo> {
        let earlier = self.entries.get(from.0)?;
        let login = earlier.login;
        let roles = match roles {
            Some(roles) => (roles.clone(), span),
            None => earlier.roles.clone(),
        };
        self.logins[login].uses.add(span, true);
        Some(self.hand_out(login, roles, span, expires_at))
    }

    /// Records that `credential` was swapped for another of its login (which
    /// [`Ledger::renewed`] records): as a revocation of this one alone.
    pub fn swapped(&mut self, credential: CredentialNo, change: Change) {
        let promise = self.promises.revoke_one;
        if let Some(entry) = self.entries.get_mut(credential.0) {
            entry.history.revoke(change, promise);
            if change.acknowledged {
                entry.swapped.get_or_insert(change);
            }
            self.logins[entry.login].uses.add(change.span, false);
        }
    }

    /// Judges calls with refresh tokens of the login of `credential`, all of
    /// them overlapping or a single one, and learns from their answers. Says
    /// what each made use of. New credentials are recorded by
    /// [`Ledger::renewed`].
    ///
    /// # Errors
    /// [`RefreshBreach`] when no order of the calls allows all answers.
    pub fn refreshed(
        &mut self,
        credential: CredentialNo,
        calls: &[RefreshCall],
    ) -> Result<Vec<RefreshUse>, RefreshBreach> {
        let idle = self.promises.idle;
        let Some(login) = self.login_mut(credential) else {
            return Ok(Vec::new());
        };
        let calls: Vec<family::Call> = calls
            .iter()
            .map(|call| family::Call {
                token: call.token,
                span: call.span,
                answer: call.answer,
                barred: call.barred,
                life: login
                    .age(call.span)
                    .and(login.uses.expectation(idle, call.span)),
            })
            .collect();
        for call in &calls {
            login
                .uses
                .add(call.span, matches!(call.answer, RefreshAnswer::Renewed(_)));
        }
        let Some(family) = &mut login.family else {
            return login.refreshed_after_crash(&calls);
        };
        let uses = family.observe(&calls)?;
        if family.may_be_reused() {
            // Access credentials live on, unless the strategy knows a way.
            let change = Change {
                span: calls[0].span,
                acknowledged: false,
            };
            self.end_credentials(credential, Ending::Reused, change);
        }
        Ok(uses)
    }

    /// Records the end of one credential's login.
    pub fn revoked_one(&mut self, credential: CredentialNo, change: Change) {
        if let Some(entry) = self.entries.get(credential.0) {
            let (login, promise) = (entry.login, self.promises.revoke_one);
            self.end(login, Ending::One, change, promise);
        }
    }

    /// Records the end of everything of `subject`, except the login of `keep`.
    /// Logins whose issue overlaps may or may not be hit; of those that are,
    /// every credential is, also one whose renewal overlaps.
    pub fn revoked_all(&mut self, subject: &SubjectId, keep: Option<CredentialNo>, change: Change) {
        let kept = keep.and_then(|keep| self.entries.get(keep.0));
        let kept = kept.map(|entry| entry.login);
        for no in 0..self.logins.len() {
            let login = &self.logins[no];
            if login.subject != *subject || kept == Some(no) {
                continue;
            }
            let before = login.history.issued.before(&change.span);
            if before || login.history.issued.start < change.span.end {
                let change = Change {
                    acknowledged: change.acknowledged && before,
                    ..change
                };
                self.end(no, Ending::All, change, self.promises.revoke_all);
            }
        }
        self.sweeps.push((subject.clone(), change));
    }

    /// Records that `subject` was given `roles`.
    pub fn roles_changed(&mut self, subject: &SubjectId, roles: &Roles, change: Change) {
        self.role_changes
            .push((subject.clone(), roles.clone(), change));
    }

    /// Records a crash that takes what the promised durability allows: with
    /// [`Durability::None`] all that went before may be gone, logins,
    /// revocations, roles and refresh tokens alike, each by itself; otherwise
    /// nothing that was acknowledged. What comes after binds as ever.
    pub fn crashed(&mut self) {
        if self.promises.durability == Durability::None {
            for login in &mut self.logins {
                login.lost = true;
                login.lost_family = login.family.take();
                login.endings.clear();
                login.history = login.history.unrevoked();
            }
            for entry in &mut self.entries {
                entry.before_crash.get_or_insert(entry.history);
                entry.swapped = None;
                entry.history = entry.history.unrevoked();
            }
        }
    }

    /// When `credential` ends by itself.
    #[must_use]
    pub fn expires_at(&self, credential: CredentialNo) -> Option<UnixMs> {
        self.entries
            .get(credential.0)
            .map(|entry| entry.history.expires_at)
    }

    /// The latest instant from which the login of `credential` was used, or
    /// began, for sure.
    #[must_use]
    pub fn used_at(&self, credential: CredentialNo) -> Option<Ns> {
        let entry = self.entries.get(credential.0)?;
        Some(self.logins.get(entry.login)?.uses.certain)
    }

    /// What ended `credential` before its time, and when: the first of what
    /// was acknowledged, else the first of what may have.
    #[must_use]
    pub fn ending(&self, credential: CredentialNo) -> Option<(Ending, Change)> {
        let entry = self.entries.get(credential.0)?;
        let endings = self.logins.get(entry.login)?.endings.iter();
        let whole = endings.map(|(ending, change, _)| (*ending, *change));
        let swapped = entry.swapped.map(|change| (Ending::Swapped, change));
        whole
            .chain(swapped)
            .min_by_key(|(_, change)| (!change.acknowledged, change.span.end))
    }

    fn hand_out(
        &mut self,
        login: usize,
        roles: (Roles, Span),
        span: Span,
        expires_at: UnixMs,
    ) -> CredentialNo {
        let mut history = LoginHistory::new(span, expires_at);
        // What ended the login ends what was renewed meanwhile or, by a node
        // that had not heard, afterwards.
        for (_, change, promise) in &self.logins[login].endings {
            history.revoke(*change, *promise);
        }
        self.entries.push(Entry {
            login,
            roles,
            history,
            before_crash: None,
            swapped: None,
        });
        CredentialNo(self.entries.len() - 1)
    }

    /// A login began, with a credential until `expires_at` or without answer.
    fn begin(&mut self, subject: &SubjectId, span: Span, expires_at: Option<UnixMs>) {
        let acknowledged = expires_at.is_some();
        let change = Change { span, acknowledged };
        let overtaken = self.evict(subject, change);
        let (from, to) = (span.start.whole_ms(), span.end.whole_ms());
        let (ends_at, vague_ms) = match (self.promises.refresh, expires_at) {
            (RefreshOffer::RotatingKillsFamily { chain_ms, .. }, _) => {
                (UnixMs(from).plus_ms(chain_ms), to - from)
            }
            (_, Some(expires_at)) => (expires_at, 0),
            (_, None) => (UnixMs(from).plus_ms(self.promises.lifetime_ms), to - from),
        };
        self.logins.push(Login {
            subject: subject.clone(),
            history: LoginHistory::new(span, ends_at),
            vague_ms,
            acknowledged,
            endings: Vec::new(),
            uses: Uses::of_login(span),
            family: None,
            lost_family: None,
            lost: false,
        });
        let (no, maybe) = (self.logins.len() - 1, false);
        if overtaken {
            let change = Change {
                acknowledged: maybe,
                ..change
            };
            self.end(no, Ending::Evicted, change, self.promises.revoke_one);
        }
        let sweeps = self.sweeps.iter().filter(|(swept, sweep)| {
            swept == subject && span.start < sweep.span.end && !span.before(&sweep.span)
        });
        for (_, sweep) in sweeps.cloned().collect::<Vec<_>>() {
            let sweep = Change {
                acknowledged: maybe,
                ..sweep
            };
            self.end(no, Ending::All, sweep, self.promises.revoke_all);
        }
    }

    /// Records what was to end a login with all its credentials.
    pub(super) fn end(&mut self, no: usize, ending: Ending, change: Change, promise: Staleness) {
        let Some(login) = self.logins.get_mut(no) else {
            return;
        };
        login.history.revoke(change, promise);
        login.endings.push((ending, change, promise));
        if let Some(family) = &mut login.family {
            family.end(change);
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.login == no) {
            entry.history.revoke(change, promise);
        }
    }

    /// Ends the access credentials of a login, at their expiry at the latest.
    fn end_credentials(&mut self, credential: CredentialNo, ending: Ending, change: Change) {
        let Some(no) = self.entries.get(credential.0).map(|entry| entry.login) else {
            return;
        };
        let endings = &mut self.logins[no].endings;
        if endings.iter().any(|(earlier, ..)| *earlier == ending) {
            return;
        }
        let promise = Staleness::UntilExpiry;
        endings.push((ending, change, promise));
        for entry in self.entries.iter_mut().filter(|entry| entry.login == no) {
            entry.history.revoke(change, promise);
        }
    }

    pub(super) fn login_mut(&mut self, credential: CredentialNo) -> Option<&mut Login> {
        let login = self.entries.get(credential.0)?.login;
        self.logins.get_mut(login)
    }
}
