//! Octets as vector files spell them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, de};

/// Octets in hexadecimal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl Hex {
    /// The number that they are, without zeros in front (RFC 7518 2,
    /// `Base64urlUInt`).
    pub(super) fn as_number(&self) -> String {
        let zeros = self.0.iter().take_while(|octet| **octet == 0).count();
        URL_SAFE_NO_PAD.encode(&self.0[zeros..])
    }

    /// The number in `octets` octets (RFC 7518 6.2.1.2); whole if it is longer.
    pub(super) fn as_coordinate(&self, octets: usize) -> String {
        let zeros = self.0.iter().take_while(|octet| **octet == 0).count();
        let digits = &self.0[zeros..];
        let mut padded = vec![0; octets.saturating_sub(digits.len())];
        padded.extend_from_slice(digits);
        URL_SAFE_NO_PAD.encode(padded)
    }

    /// In base64url as they are.
    pub(super) fn as_base64(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(Self).ok_or_else(|| {
            de::Error::invalid_value(de::Unexpected::Str(&text), &"pairs of hexadecimal digits")
        })
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}
