//! The bound of payloads, the same in every store.

use authbench_core::PAYLOAD_OCTETS_MAX;

/// A record's payload is longer than [`PAYLOAD_OCTETS_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("a payload of {octets} octets is longer than {PAYLOAD_OCTETS_MAX}")]
pub(crate) struct PayloadTooLong {
    octets: usize,
}

impl PayloadTooLong {
    pub(crate) const fn check(payload: &[u8]) -> Result<(), Self> {
        if payload.len() <= PAYLOAD_OCTETS_MAX {
            Ok(())
        } else {
            Err(Self {
                octets: payload.len(),
            })
        }
    }
}
