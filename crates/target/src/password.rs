//! Passwords: which one is valid, and changing it there and back.

use authbench_core::{Credentials, LoginId, Presented, Receipt, Secret, SubjectId, UnixMs};
use authbench_wire::Operation;
use authbench_wire::profile::User;

use crate::answer::Answer;
use crate::book::Known;
use crate::error::{Failure, Fault};
use crate::target::Target;

/// The passwords of a user that may be valid: two after a change that was not
/// confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    likeliest: Secret,
    other: Option<Secret>,
}

impl Passwords {
    fn sure(password: Secret) -> Self {
        Self {
            likeliest: password,
            other: None,
        }
    }

    fn each(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.likeliest).chain(&self.other)
    }
}

impl Target {
    /// Asks for a login, with the other password if the likeliest is refused.
    pub(crate) async fn try_passwords(&self, user: &User) -> Result<Answer, Failure> {
        let Passwords { likeliest, other } = self.passwords(user);
        let answer = self.try_password(user, &likeliest).await?;
        match other {
            Some(other) if answer.refused() => self.try_password(user, &other).await,
            _ => Ok(answer),
        }
    }

    async fn try_password(&self, user: &User, password: &Secret) -> Result<Answer, Failure> {
        let values = [("user", &*user.user), ("password", password.expose())];
        let nothing = Presented::default();
        let answer = self.client.ask(Operation::Login, &values, &nothing).await?;
        if answer.done {
            self.leave(user, Passwords::sure(password.clone()));
        }
        Ok(answer)
    }

    /// Changing the password ends all other logins; it is changed back at
    /// once. Whoever would stay but is refused has ended before, and so it is
    /// everything that is to be ended; unless it can be renewed.
    pub(crate) async fn end_others_by_password(
        &self,
        subject: &SubjectId,
        keep: LoginId,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        let operation = Operation::PasswordChange;
        self.client.request(operation)?;
        let user = self.user(subject)?;
        let Some(known) = self.held(subject, keep) else {
            let fault = Fault::NotHeld;
            return Err(Failure { operation, fault });
        };
        let mut access = known.access.clone();
        let passwords = self.passwords(&user);
        for current in passwords.each() {
            let interim = interim(&user, current);
            let there = self
                .change(&known, &mut access, [current, &interim], at)
                .await;
            if there.as_ref().is_ok_and(Option::is_none) {
                let wrong_password = passwords.other.is_some() && self.is_accepted(&access).await?;
                if wrong_password {
                    continue;
                }
                break;
            }
            // Confirmed or not, it may have been changed.
            let (likeliest, other) = (interim.clone(), Some(current.clone()));
            self.leave(&user, Passwords { likeliest, other });
            let back = self
                .change(&known, &mut access, [&interim, current], at)
                .await;
            if matches!(back, Ok(Some(_))) {
                self.leave(&user, Passwords::sure(current.clone()));
            }
            let Some(receipt) = there? else { break };
            return match back {
                Ok(Some(_)) => Ok(receipt),
                Ok(None) => Err(left(&user, Fault::Denied { status: 401 })),
                Err(Failure { fault, .. }) => Err(left(&user, fault)),
            };
        }
        self.book.lock().doubt(access.expose());
        if known.refresh.is_some() {
            // Only its access credential is over, and renewing it would spend
            // a token that somebody else holds.
            let fault = Fault::NotHeld;
            return Err(Failure { operation, fault });
        }
        self.end_all(subject, at).await
    }

    /// Changes the password of the login `known` from the first to the second;
    /// none if the target knows neither login nor password.
    async fn change(
        &self,
        known: &Known,
        access: &mut Secret,
        [from, to]: [&Secret; 2],
        at: UnixMs,
    ) -> Result<Option<Receipt>, Failure> {
        let operation = Operation::PasswordChange;
        let values = [("password", from.expose()), ("new_password", to.expose())];
        let presented = Presented::access(access.expose());
        let answer = self.client.ask(operation, &values, &presented).await?;
        if answer.status == 401 {
            return Ok(None);
        }
        self.follow(known, access, &answer);
        self.receipt(operation, answer, at).map(Some)
    }

    /// Takes over the credential that a change gave to the login `known` in the
    /// place of `access`.
    fn follow(&self, known: &Known, access: &mut Secret, answer: &Answer) {
        let Some(new) = self.swapped(answer) else {
            return;
        };
        let credentials = Credentials {
            access: new.clone(),
            refresh: known.refresh.clone(),
            login: known.login,
            expires_at: known.expires_at,
        };
        self.renewed(&credentials, Some(access.expose()));
        *access = new;
    }

    fn passwords(&self, user: &User) -> Passwords {
        match self.passwords_left.lock().get(&user.user) {
            Some(left) => left.clone(),
            None => Passwords::sure(Secret::new(user.password.clone())),
        }
    }

    /// Notes which passwords may be valid from now on.
    fn leave(&self, user: &User, passwords: Passwords) {
        let as_in_profile =
            passwords.other.is_none() && passwords.likeliest.expose() == user.password;
        let mut left = self.passwords_left.lock();
        if as_in_profile {
            left.remove(&user.user);
        } else {
            left.insert(user.user.clone(), passwords);
        }
    }
}

/// The password that stands in for `current` for a moment.
fn interim(user: &User, current: &Secret) -> Secret {
    if current.expose() == user.password {
        Secret::new(format!("{}-interim", user.password))
    } else {
        Secret::new(user.password.clone())
    }
}

fn left(user: &User, fault: Fault) -> Failure {
    Failure {
        operation: Operation::PasswordChange,
        fault: Fault::PasswordLeft {
            user: user.user.clone(),
            source: Box::new(fault),
        },
    }
}
