//! How logins begin, and how many.

use authbench_core::{
    Credentials, Digest, Issued, LoginId, Secret, StrategyError, Subject, UnixMs,
};

use super::node::Node;
use super::sketch::{Family, Session, State};
use super::{CHAIN_MS, LIFETIME_MS, LOGINS_MAX, Variant};

impl Node {
    pub(super) fn log_in(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let (credentials, session) = self.credentials(subject, at);
        let granted = self.on_state(|state| {
            if !self.make_room(state, subject, at) {
                return false;
            }
            let text = credentials.access.expose().to_owned();
            if let Some(token) = &credentials.refresh {
                state.families.push(Family {
                    subject: subject.id.clone(),
                    login: session.login,
                    began_at: at,
                    ends_at: at.plus_ms(CHAIN_MS),
                    tokens: vec![token.expose().to_owned()],
                    spent_at: at,
                    lingers: false,
                    roles: subject.roles.clone(),
                });
            }
            state.ever.insert(text.clone(), session.clone());
            state.sessions.insert(text, session);
            true
        })?;
        Ok(if granted {
            Issued::Granted(credentials)
        } else {
            Issued::LimitReached {
                logins_max: LOGINS_MAX,
            }
        })
    }

    /// Makes room for one more login; says whether there is any.
    fn make_room(&self, state: &mut State, subject: &Subject, at: UnixMs) -> bool {
        let live = state
            .sessions
            .iter()
            .filter(|(_, session)| session.subject == subject.id && self.runs(session, at));
        let mut live: Vec<_> = live
            .map(|(text, session)| (session.issued_at, text.clone()))
            .collect();
        live.sort();
        let most = LOGINS_MAX as usize;
        match self.variant.base() {
            Variant::Rejecting => {
                let begun = state.begun.entry(subject.id.clone()).or_default();
                let count = match self.variant {
                    Variant::CountsTheDead => *begun as usize,
                    Variant::GrantsOneMore => live.len().saturating_sub(1),
                    Variant::RejectsOneEarly => live.len() + 1,
                    _ => live.len(),
                };
                *begun += u32::from(count < most);
                count < most
            }
            Variant::Evicting if self.variant != Variant::EvictsNobody => {
                if self.variant == Variant::EvictsTheNewest {
                    live.reverse();
                }
                let surplus = (live.len() + 1).saturating_sub(most);
                for (_, text) in live.iter().take(surplus) {
                    state.sessions.remove(text);
                }
                true
            }
            _ => true,
        }
    }

    fn credentials(&self, subject: &Subject, at: UnixMs) -> (Credentials, Session) {
        let mut state = self.state.lock().unwrap();
        let number = self.next(&mut state);
        let mut login = [0; 16];
        login.copy_from_slice(&self.digest(number, "login").0[..16]);
        let longer = u64::from(self.variant == Variant::LivesLonger);
        let session = Session {
            subject: subject.id.clone(),
            roles: subject.roles.clone(),
            login: LoginId(login),
            issued_at: at,
            expires_at: at.plus_ms(LIFETIME_MS + longer),
            used_at: at,
            node: self.number,
            key: state.key,
        };
        let credentials = Credentials {
            access: Secret::new(self.text(number, "text")),
            refresh: self
                .variant
                .rotates()
                .then(|| Secret::new(self.text(number, "token"))),
            login: session.login,
            expires_at: session.expires_at,
        };
        (credentials, session)
    }

    /// The number of what is issued next.
    pub(super) fn next(&self, state: &mut State) -> u64 {
        state.issued += 1;
        let repeats =
            self.variant == Variant::RepeatsIdentifiers && state.issued.is_multiple_of(10);
        state.issued - u64::from(repeats)
    }

    /// A text that nobody can guess, or could not if the seed were secret.
    pub(super) fn text(&self, number: u64, kind: &str) -> String {
        let text = format!("{:?}", self.digest(number, kind).0);
        let text = text.chars().filter(char::is_ascii_alphanumeric);
        text.take(64).collect()
    }

    fn digest(&self, number: u64, kind: &str) -> Digest {
        Digest::of(&format!("{} {number} {kind}", self.seed))
    }
}
