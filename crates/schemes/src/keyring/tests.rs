//! The lives of keys, on keys that are mere numbers.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{EntropyError, SeededEntropy};
use proptest::prelude::*;

use super::*;

const DAY_MS: u64 = 86_400_000;
const AT: UnixMs = UnixMs(1_800_000_000_000);
const ROTATION: Rotation = Rotation {
    every_ms: Some(10_000),
    announce_ms: 3_000,
    overlap_ms: 7_000,
};

/// A key that knows no more than which one it is.
struct Numbered(String, Arc<AtomicU64>);

impl RingKey for Numbered {
    type Error = Infallible;

    fn kid(&self) -> &str {
        &self.0
    }

    fn successor(&self, _: &dyn Entropy) -> Result<Self, Infallible> {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        Ok(Self(number.to_string(), Arc::clone(&self.1)))
    }
}

fn first() -> Numbered {
    Numbered("0".to_owned(), Arc::new(AtomicU64::new(1)))
}

fn ring(rotation: Rotation) -> KeyRing<Numbered> {
    KeyRing::rotating(first(), rotation, SeededEntropy::new(1))
}

fn by_hand() -> KeyRing<Numbered> {
    let every_ms = None;
    ring(Rotation {
        every_ms,
        ..ROTATION
    })
}

fn signer(ring: &KeyRing<Numbered>, at: UnixMs) -> String {
    let Ok(key) = ring.signer(at);
    key.kid().to_owned()
}

fn verifying(ring: &KeyRing<Numbered>, at: UnixMs) -> Vec<String> {
    let keys = ring.keys();
    keys.verifying(at).map(|key| key.kid().to_owned()).collect()
}

fn ms(offset: u64) -> UnixMs {
    AT.plus_ms(offset)
}

#[test]
fn a_key_is_shown_then_signs_then_verifies_then_is_gone() {
    let ring = by_hand();
    assert_eq!(signer(&ring, AT), "0");
    ring.rotate(AT).unwrap();
    for (offset, signs, verify) in [
        (0, "0", &["1", "0"][..]),
        (2_999, "0", &["1", "0"]),
        (3_000, "1", &["1", "0"]),
        (9_999, "1", &["1", "0"]),
        (10_000, "1", &["1"]),
    ] {
        assert_eq!(signer(&ring, ms(offset)), signs, "{offset}");
        assert_eq!(verifying(&ring, ms(offset)), verify, "{offset}");
        let found = |kid: &str| {
            ring.keys()
                .find(ms(offset), |key| key.kid() == kid)
                .is_some()
        };
        assert!(found("1") && !found("2"));
        assert_eq!(found("0"), verify.contains(&"0"), "{offset}");
    }
    // By the instant alone: a node that is behind still sees the old order.
    assert_eq!(signer(&ring, ms(2_999)), "0");
    ring.rotate(ms(10_000)).unwrap();
    assert_eq!(
        verifying(&ring, ms(0)),
        ["2", "1"],
        "what is gone is let go"
    );
}

#[test]
fn a_period_is_counted_from_the_first_use() {
    let ring = ring(ROTATION);
    assert_eq!(signer(&ring, AT), "0");
    assert_eq!(signer(&ring, ms(6_999)), "0");
    assert_eq!(verifying(&ring, ms(6_999)), ["0"]);
    assert_eq!(signer(&ring, ms(7_000)), "0");
    assert_eq!(verifying(&ring, ms(7_000)), ["1", "0"], "announced");
    assert_eq!(signer(&ring, ms(9_999)), "0");
    assert_eq!(signer(&ring, ms(10_000)), "1");
    assert_eq!(signer(&ring, ms(16_999)), "1");
    assert_eq!(verifying(&ring, ms(16_999)), ["1", "0"]);
    assert_eq!(verifying(&ring, ms(17_000)), ["1"]);
    // A ring that nobody asked for long turns once, not once a period.
    assert_eq!(signer(&ring, ms(DAY_MS)), "1");
    assert_eq!(signer(&ring, ms(DAY_MS + 3_000)), "2");
}

#[test]
fn a_withdrawn_key_is_gone_at_once_and_another_signs() {
    let ring = by_hand();
    assert!(ring.withdraw("0", AT).unwrap());
    assert_eq!(verifying(&ring, AT), ["1"]);
    assert_eq!(signer(&ring, AT), "1");
    assert!(!ring.withdraw("0", AT).unwrap());

    // The one that signs, with an heir announced: the heir signs early.
    ring.rotate(AT).unwrap();
    assert_eq!(signer(&ring, AT), "1");
    assert!(ring.withdraw("1", AT).unwrap());
    assert_eq!(verifying(&ring, AT), ["2"]);
    assert_eq!(signer(&ring, AT), "2");

    // The heir: the one that signs goes on.
    ring.rotate(ms(4_000)).unwrap();
    assert!(ring.withdraw("3", ms(4_001)).unwrap());
    assert_eq!(signer(&ring, ms(4_001)), "2");
    assert_eq!(verifying(&ring, ms(4_001)), ["4", "2"]);
    assert_eq!(signer(&ring, ms(7_000)), "4");

    // One that has retired.
    assert!(ring.withdraw("2", ms(8_000)).unwrap());
    assert_eq!(verifying(&ring, ms(8_000)), ["4"]);
}

#[test]
fn a_full_ring_waits() {
    let ring = ring(ROTATION);
    signer(&ring, AT);
    for _ in 1..MAX_KEYS {
        ring.rotate(AT).unwrap();
    }
    assert!(matches!(ring.rotate(AT), Err(RotateError::Full)));
    assert_eq!(verifying(&ring, AT).len(), MAX_KEYS);
    assert_eq!(signer(&ring, ms(9_999)), "15", "due, but there is no room");
    assert_eq!(verifying(&ring, ms(10_000)).len(), 1);
    assert_eq!(signer(&ring, ms(10_000)), "15");
    assert_eq!(verifying(&ring, ms(10_000)), ["16", "15"]);
}

#[test]
fn a_fixed_ring_stays() {
    let ring = KeyRing::fixed(first());
    assert!(matches!(ring.rotate(AT), Err(RotateError::Fixed)));
    assert!(matches!(ring.withdraw("0", AT), Err(RotateError::Fixed)));
    assert_eq!(signer(&ring, UnixMs(u64::MAX)), "0");
    assert_eq!(verifying(&ring, UnixMs(u64::MAX)), ["0"]);
}

/// A key whose successors cannot be made.
struct Last;

impl RingKey for Last {
    type Error = EntropyError;

    fn kid(&self) -> &'static str {
        "last"
    }

    fn successor(&self, _: &dyn Entropy) -> Result<Self, EntropyError> {
        let source = "dry".into();
        Err(EntropyError { source })
    }
}

#[test]
fn a_key_that_cannot_be_made_is_an_error_and_changes_nothing() {
    let ring = KeyRing::rotating(Last, ROTATION, SeededEntropy::new(1));
    assert!(ring.signer(AT).is_ok());
    assert!(matches!(ring.rotate(AT), Err(RotateError::Key(_))));
    assert!(matches!(
        ring.withdraw("last", AT),
        Err(RotateError::Key(_))
    ));
    assert!(ring.signer(ms(6_999)).is_ok());
    assert!(
        ring.signer(ms(7_000)).is_err(),
        "a due rotation is not left out"
    );
    assert_eq!(ring.keys().verifying(AT).count(), 1);
}

/// Nodes that ask at once, when a rotation is due, make one key.
#[test]
fn a_due_rotation_happens_once() {
    let ring = ring(ROTATION);
    signer(&ring, AT);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| signer(&ring, ms(7_000)));
        }
    });
    assert_eq!(verifying(&ring, ms(7_000)), ["1", "0"]);
}

proptest! {
    /// Whatever happens, exactly one key signs, and it verifies.
    #[test]
    fn whoever_signs_verifies(acts in prop::collection::vec((0..4_u8, 0..5_000_u64), 1..60)) {
        let ring = ring(ROTATION);
        let mut now = AT;
        for (act, arg) in acts {
            match act {
                0 => match ring.rotate(now) {
                    Ok(()) | Err(RotateError::Full) => {}
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                },
                1 => {
                    let kids = verifying(&ring, now);
                    let kid = &kids[arg as usize % kids.len()];
                    prop_assert!(ring.withdraw(kid, now).unwrap());
                    prop_assert!(!verifying(&ring, now).contains(kid));
                }
                _ => now = now.plus_ms(arg),
            }
            let signs = signer(&ring, now);
            let verify = verifying(&ring, now);
            prop_assert!(verify.contains(&signs));
            prop_assert!(verify.len() <= MAX_KEYS);
        }
    }
}

/// Rings that are led come to the same keys whenever they are asked.
#[test]
fn a_led_ring_changes_from_outside_alone() {
    let (one, two) = (ring(ROTATION).led(AT), ring(ROTATION).led(AT));
    let due = AT.plus_ms(7_000);
    assert!(!one.is_due(AT.plus_ms(6_999)) && one.is_due(due));
    assert_eq!(signer(&one, due.plus_ms(DAY_MS)), "0");
    assert!(matches!(one.rotate(due), Err(RotateError::Fixed)));
    assert!(matches!(one.withdraw("0", due), Err(RotateError::Fixed)));
    let second = || Numbered("1".to_owned(), Arc::default());
    one.adopt(second(), due).unwrap();
    assert!(!one.is_due(due));
    for (at, wanted) in [(due.plus_ms(2_999), "0"), (due.plus_ms(3_000), "1")] {
        assert_eq!(signer(&one, at), wanted);
    }
    two.adopt(second(), due).unwrap();
    assert_eq!(signer(&two, due.plus_ms(3_000)), "1");
    assert_eq!(verifying(&two, due), verifying(&one, due));
    for number in 2..MAX_KEYS {
        assert!(!one.is_full(due), "{number}");
        one.adopt(Numbered(number.to_string(), Arc::default()), due)
            .unwrap();
    }
    assert!(one.is_full(due) && !one.is_full(due.plus_ms(DAY_MS)));
    assert!(matches!(one.adopt(second(), due), Err(RotateError::Full)));
}
