//! Keeps credentials out of reports (ASVS 5.0 16.2.5).

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Octets of a secret that may show.
const SHOWN: usize = 6;
/// Octets of one part of an exchange that are kept as evidence.
const KEPT_OCTETS_MAX: usize = 1_500;
/// A text this short is no secret worth masking, and would mask half a page.
const SECRET_OCTETS_MIN: usize = 6;

/// Secrets that are remembered at once: more than any check shows evidence of.
const SECRETS_MAX: usize = 2_048;

/// The secrets that were seen last.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    secrets: Mutex<VecDeque<String>>,
}

impl Mask {
    /// Keeps `secret` out of all evidence from now on.
    pub(crate) fn hide(&self, secret: &str) {
        if secret.len() < SECRET_OCTETS_MIN {
            return;
        }
        let mut secrets = self.secrets.lock();
        if secrets.iter().any(|known| known == secret) {
            return;
        }
        // What came long ago is in no answer any more.
        if secrets.len() == SECRETS_MAX {
            secrets.pop_front();
        }
        secrets.push_back(secret.to_owned());
    }

    /// `text` with every known secret masked, cut to what evidence may hold.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut cut = text.len().min(KEPT_OCTETS_MAX * 4);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let mut masked = text[..cut].to_owned();
        let mut secrets: Vec<_> = self.secrets.lock().iter().cloned().collect();
        // The longest first, so that no part of one is masked in another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in &secrets {
            if masked.contains(secret.as_str()) {
                masked = masked.replace(secret.as_str(), &shown(secret));
            }
        }
        if masked.len() > KEPT_OCTETS_MAX {
            let mut end = KEPT_OCTETS_MAX;
            while !masked.is_char_boundary(end) {
                end -= 1;
            }
            masked.truncate(end);
        }
        if masked.len() < text.len() && cut < text.len() || text.len() > KEPT_OCTETS_MAX {
            masked.push_str(&format!(" ... ({} octets in all)", text.len()));
        }
        masked
    }
}

/// A secret as it may show: its beginning and its length.
pub(crate) fn shown(secret: &str) -> String {
    let mut end = SHOWN.min(secret.len() / 2);
    while !secret.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}***({} octets)", &secret[..end], secret.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_many_secrets_of_one_length_is_hidden() {
        let mask = Mask::default();
        for n in 0..3 * SECRETS_MAX {
            let secret = format!("token-{n:06}");
            mask.hide(&secret);
            assert!(!mask.apply(&secret).contains(&secret));
        }
    }

    #[test]
    fn secrets_do_not_show_and_cuts_are_told() {
        let mask = Mask::default();
        mask.hide("sesame-open-0123456789");
        mask.hide("sesame-open-0123456789-longer");
        let text = mask.apply("a=sesame-open-0123456789-longer; b=sesame-open-0123456789");
        assert_eq!(text, "a=sesame***(29 octets); b=sesame***(22 octets)");
        let long = mask.apply(&"x".repeat(10_000));
        assert!(long.ends_with("(10000 octets in all)"), "{long}");
        assert!(long.len() < KEPT_OCTETS_MAX + 40);
    }
}
