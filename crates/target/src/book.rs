//! What a target remembers of the logins that it issued.

use std::collections::VecDeque;

use authbench_core::{LoginId, Presented, Secret, SubjectId, UnixMs};

/// How many logins are remembered; of more the oldest are forgotten.
const LOGINS_MAX: usize = 4096;

/// A login that was issued here, with one of its credentials.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) subject: SubjectId,
    pub(crate) login: LoginId,
    pub(crate) access: Secret,
    pub(crate) refresh: Option<Secret>,
    pub(crate) issued_at: UnixMs,
    pub(crate) expires_at: UnixMs,
    /// Whether nothing has shown yet that it is over.
    pub(crate) believed: bool,
}

impl Known {
    /// What its holder presents.
    pub(crate) fn present(&self) -> Presented<'_> {
        Presented {
            access: Some(self.access.expose()),
            refresh: self.refresh.as_ref().map(Secret::expose),
        }
    }
}

/// The logins, oldest first; one that was renewed stands here once for each of
/// its credentials.
#[derive(Debug, Default)]
pub(crate) struct Book(VecDeque<Known>);

impl Book {
    pub(crate) fn remember(&mut self, known: Known) {
        if self.0.len() == LOGINS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(known);
    }

    pub(crate) fn by_access(&self, access: &str) -> Option<&Known> {
        self.0
            .iter()
            .rev()
            .find(|known| known.access.expose() == access)
    }

    /// The login of this handle with its newest credentials.
    pub(crate) fn by_login(&self, login: LoginId) -> Option<&Known> {
        self.0.iter().rev().find(|known| known.login == login)
    }

    /// The youngest login of `subject` that is still believed in.
    pub(crate) fn latest(&self, subject: &SubjectId) -> Option<&Known> {
        self.0
            .iter()
            .rev()
            .find(|known| known.believed && known.subject == *subject)
    }

    /// Something showed that the login is over, or soon will be.
    pub(crate) fn doubt(&mut self, access: &str) {
        for known in &mut self.0 {
            if known.access.expose() == access {
                known.believed = false;
            }
        }
    }

    /// Every login of `subject` but `keep` is over, or soon will be.
    pub(crate) fn doubt_all(&mut self, subject: &SubjectId, keep: Option<LoginId>) {
        for known in &mut self.0 {
            if known.subject == *subject && Some(known.login) != keep {
                known.believed = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_the_oldest_and_doubts_what_it_is_told_to() {
        let mut book = Book::default();
        let subject = SubjectId::new("a");
        for n in 0..=LOGINS_MAX {
            let mut login = [0; 16];
            login[..8].copy_from_slice(&n.to_le_bytes());
            book.remember(Known {
                subject: subject.clone(),
                login: LoginId(login),
                access: Secret::new(n.to_string()),
                refresh: None,
                issued_at: UnixMs(1),
                expires_at: UnixMs(2),
                believed: true,
            });
        }
        assert!(book.by_access("0").is_none() && book.by_access("1").is_some());
        let latest = |book: &Book| book.latest(&subject).map(|known| known.access.clone());
        assert_eq!(latest(&book), Some(Secret::new(LOGINS_MAX.to_string())));
        book.doubt(&LOGINS_MAX.to_string());
        assert_eq!(
            latest(&book),
            Some(Secret::new((LOGINS_MAX - 1).to_string()))
        );
        let keep = book.by_access("7").map(|known| known.login);
        book.doubt_all(&SubjectId::new("b"), None);
        book.doubt_all(&subject, keep);
        assert_eq!(latest(&book), Some(Secret::new("7".to_owned())));
        assert!(book.by_login(keep.unwrap()).is_some());
    }
}
