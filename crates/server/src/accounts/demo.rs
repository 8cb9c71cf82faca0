//! A few accounts with random passwords, for trying the server by hand.

use authbench_core::{Entropy, EntropyError, Secret, SubjectId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::password::{SALT_OCTETS, Verifier};
use super::{Account, Accounts, AccountsError};

/// An account and its password, to be shown once.
#[derive(Clone, Debug)]
pub struct DemoUser {
    /// The name to type.
    pub name: &'static str,
    /// 128 random bits as 22 characters.
    pub password: Secret,
}

impl Accounts {
    /// `alice` and `bob` with the role `user` and `admin` with the roles
    /// `admin` and `user`, all with random passwords and subjects.
    ///
    /// # Errors
    /// [`AccountsError`] when there is no randomness or a hash failed.
    pub fn demo(entropy: &dyn Entropy) -> Result<(Self, Vec<DemoUser>), AccountsError> {
        let mut listed = Vec::new();
        let mut shown = Vec::new();
        for (name, roles) in [
            ("admin", &["admin", "user"][..]),
            ("alice", &["user"]),
            ("bob", &["user"]),
        ] {
            let password = random_text(entropy)?;
            let mut salt = [0; SALT_OCTETS];
            entropy.fill(&mut salt)?;
            let verifier = Verifier::argon2id(&password, salt)?;
            let account = Account::new(random_subject(entropy)?, roles.iter().collect(), verifier);
            listed.push((name.to_owned(), account));
            shown.push(DemoUser {
                name,
                password: Secret::new(password),
            });
        }
        let decoy = costliest(&listed)?;
        Ok((Self::new(listed, None, decoy), shown))
    }
}

/// A subject that says nothing about its account.
pub(super) fn random_subject(entropy: &dyn Entropy) -> Result<SubjectId, EntropyError> {
    random_text(entropy).map(|text| SubjectId::new(&text))
}

/// The verifier that takes longest: no name that exists takes longer than one
/// that does not.
pub(super) fn costliest(listed: &[(String, Account)]) -> Result<Verifier, AccountsError> {
    let verifiers = listed.iter().map(|(_, account)| &account.verifier);
    match verifiers.max_by_key(|verifier| verifier.cost()) {
        Some(verifier) => Ok(verifier.clone()),
        None => Ok(Verifier::argon2id("nobody", [0; SALT_OCTETS])?),
    }
}

fn random_text(entropy: &dyn Entropy) -> Result<String, EntropyError> {
    let mut octets = [0; 16];
    entropy.fill(&mut octets)?;
    Ok(URL_SAFE_NO_PAD.encode(octets))
}
