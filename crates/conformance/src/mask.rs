//! Keeps credentials out of reports (ASVS 5.0 16.2.5).

use parking_lot::Mutex;

/// Octets of a secret that may show.
const SHOWN: usize = 6;
/// Octets of one part of an exchange that are kept as evidence.
const KEPT_OCTETS_MAX: usize = 1_500;
/// A text this short is no secret worth masking, and would mask half a page.
const SECRET_OCTETS_MIN: usize = 6;

/// The secrets that were seen so far.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    secrets: Mutex<Vec<String>>,
}

impl Mask {
    /// Keeps `secret` out of all evidence from now on.
    pub(crate) fn hide(&self, secret: &str) {
        if secret.len() < SECRET_OCTETS_MIN {
            return;
        }
        let mut secrets = self.secrets.lock();
        if !secrets.iter().any(|known| known == secret) {
            // The longest first, so that no part of one is masked in another.
            let place = secrets.partition_point(|known| known.len() >= secret.len());
            secrets.insert(place, secret.to_owned());
            // Old ones are no longer in any answer; a scan of thousands would
            // cost more than the requests.
            if secrets.len() > 512 {
                secrets.pop();
            }
        }
    }

    /// `text` with every known secret masked, cut to what evidence may hold.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut cut = text.len().min(KEPT_OCTETS_MAX * 4);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let mut masked = text[..cut].to_owned();
        for secret in self.secrets.lock().iter() {
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
