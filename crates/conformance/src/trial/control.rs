//! Who the target takes a request for, and the controls around each rejection.

use authbench_wire::Operation;
use rand::RngExt as _;

use super::Trial;
use crate::answer::Answer;
use crate::jose;
use crate::login::Login;
use crate::stop::Stop;

/// Whom the target takes a request for, read from the identity echo and from
/// nothing else.
#[derive(Clone, Debug)]
pub enum Who {
    /// This subject.
    Is(String, Answer),
    /// Nobody: 401, 403, or another 4xx.
    Refused(Answer),
    /// Done, but without an identity.
    Nobody(Answer),
    /// No judgement: 3xx, 5xx, or an answer that cannot be read.
    Unclear(Answer),
}

impl Who {
    /// Whether the request counted as this subject's.
    #[must_use]
    pub fn is(&self, subject: &str) -> bool {
        matches!(self, Self::Is(found, _) if found == subject)
    }

    /// Whether the target let anybody in.
    #[must_use]
    pub const fn is_somebody(&self) -> bool {
        matches!(self, Self::Is(..))
    }

    /// Whether the target let nobody in, without a failure of its own.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// The answer.
    #[must_use]
    pub const fn answer(&self) -> &Answer {
        match self {
            Self::Is(_, answer)
            | Self::Refused(answer)
            | Self::Nobody(answer)
            | Self::Unclear(answer) => answer,
        }
    }

    /// What happened, in a few words.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Is(subject, _) => format!("accepted as `{subject}`"),
            Self::Refused(answer) => format!("refused with {}", answer.status),
            Self::Nobody(answer) => format!("answered {} without an identity", answer.status),
            Self::Unclear(answer) => format!("answered {}", answer.status),
        }
    }
}

impl Trial<'_> {
    /// Whom the target takes `login` for at its own replica.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes.
    pub async fn who(&self, login: &Login) -> Result<Who, Stop> {
        self.who_at(login, login.replica).await
    }

    /// Whom it takes `login` for at a replica.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes.
    pub async fn who_at(&self, login: &Login, replica: usize) -> Result<Who, Stop> {
        self.who_presents(&login.access, replica).await
    }

    /// Whom it takes the bearer of this access credential for, which is the
    /// only one in the request.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes, or HTTP cannot carry the credential.
    pub async fn who_presents(&self, access: &str, replica: usize) -> Result<Who, Stop> {
        let ask = self.ask(Operation::Whoami)?.at(replica).access(access);
        Ok(self.identity(ask.send().await?))
    }

    /// What an answer to `whoami` says.
    #[must_use]
    pub fn identity(&self, answer: Answer) -> Who {
        if answer.refused() {
            return Who::Refused(answer);
        }
        if !self.done(Operation::Whoami, &answer) {
            return Who::Unclear(answer);
        }
        let echo = self.profile().request(Operation::Whoami);
        let pointer = echo.and_then(|request| request.subject.as_ref());
        match pointer.and_then(|pointer| answer.pointed(pointer)) {
            Some(subject) => Who::Is(subject, answer),
            None => Who::Nobody(answer),
        }
    }

    /// Demands that `login` works now: a positive control.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when it does not.
    pub async fn control(&self, login: &Login) -> Result<(), Stop> {
        let who = self.who(login).await?;
        if who.is(&login.subject) {
            return Ok(());
        }
        Err(Stop::unclear(format!(
            "the positive control failed: an untouched credential of `{}` was {}",
            login.subject,
            who.told()
        )))
    }

    /// Demands that a credential of the right shape that was never valid is
    /// refused: a negative control.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when it is not.
    pub async fn negative_control(&self, login: &Login) -> Result<(), Stop> {
        let never = self.never_valid(&login.access);
        let who = self.who_presents(&never, login.replica).await?;
        if who.is_somebody() {
            return Err(Stop::unclear(
                "the negative control failed: a credential that was never valid was accepted",
            ));
        }
        Ok(())
    }

    /// Presents `access`, which must be refused, with an untouched credential
    /// just before and just after: passes, or fails with what happened.
    ///
    /// # Errors
    /// [`Stop`] when a control fails or no answer comes.
    pub async fn must_refuse(
        &self,
        case: &str,
        control: &Login,
        access: &str,
    ) -> Result<bool, Stop> {
        self.must_refuse_at(case, control, access, control.replica)
            .await
    }

    /// The same at a replica.
    ///
    /// # Errors
    /// [`Stop`] when a control fails or no answer comes.
    pub async fn must_refuse_at(
        &self,
        case: &str,
        control: &Login,
        access: &str,
        replica: usize,
    ) -> Result<bool, Stop> {
        self.control(control).await?;
        let who = self.who_presents(access, replica).await?;
        self.control(control).await?;
        let refused = !who.is_somebody();
        match &who {
            Who::Is(..) => self.fail(case, who.told(), &[who.answer()]),
            Who::Refused(_) | Who::Nobody(_) => self.pass(case, who.told()),
            Who::Unclear(answer) if answer.status >= 500 => {
                self.inconclusive(case, who.told(), &[answer]);
            }
            Who::Unclear(_) => self.pass(case, who.told()),
        }
        Ok(refused)
    }

    /// A credential of the same shape that was never valid: a token with
    /// another signature, or else as many other characters of the same kinds.
    #[must_use]
    pub fn never_valid(&self, access: &str) -> String {
        if let Some(token) = jose::Token::parse(access) {
            let mut signature = token.signature();
            self.random(|random| random.fill(signature.as_mut_slice()));
            return token.with_signature(&signature);
        }
        // What stands before the last dot is a version or a purpose.
        let start = access.rfind('.').map_or(0, |dot| dot + 1);
        let (head, tail) = access.split_at(start);
        let is_hex = tail
            .chars()
            .all(|c| matches!(c, '0'..='9' | 'a'..='f' | '-'));
        let scrambled = tail.chars().map(|c| {
            self.random(|random| match c {
                'a'..='f' if is_hex => random.random_range('a'..='f'),
                '0'..='9' => random.random_range('0'..='9'),
                'a'..='z' => random.random_range('a'..='z'),
                'A'..='Z' => random.random_range('A'..='Z'),
                other => other,
            })
        });
        format!("{head}{}", scrambled.collect::<String>())
    }
}
