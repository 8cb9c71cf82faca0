use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::*;

/// Samples of a generator, which is told number, time and user.
fn samples(count: u64, mut make: impl FnMut(u64, u64, u64) -> String) -> Vec<Sample> {
    let mut random = ChaCha12Rng::seed_from_u64(99);
    let mut at_ms = 1_800_000_000_000;
    (0..count)
        .map(|number| {
            at_ms += random.random_range(0..3_u64);
            let user = number % 500;
            Sample {
                text: make(number, at_ms, user),
                at_ms,
                user,
            }
        })
        .collect()
}

fn octets<const N: usize>(random: &mut ChaCha12Rng) -> [u8; N] {
    let mut octets = [0; N];
    random.fill_bytes(&mut octets);
    octets
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn uuid(octets: &[u8; 16]) -> String {
    let text = hex(octets);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}

#[test]
fn sound_generators_are_never_refuted() {
    for seed in 0..12 {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let count = [300, 1000, 3000][usize::try_from(seed % 3).unwrap()];
        let url_safe = samples(count, |_, _, _| {
            URL_SAFE_NO_PAD.encode(octets::<20>(&mut random))
        });
        let estimate = judge(&url_safe).unwrap();
        assert!(estimate.findings.is_empty(), "{seed}: {estimate:?}");
        assert!((estimate.bits - 160.0).abs() < 0.01, "{estimate:?}");
        assert_eq!(estimate.repeats, 0);
        let half = samples(count, |_, _, _| hex(&octets::<16>(&mut random)));
        let estimate = judge(&half).unwrap();
        assert!(estimate.findings.is_empty(), "{seed}: {estimate:?}");
        assert!((estimate.bits - 128.0).abs() < 0.01, "{estimate:?}");
    }
}

#[test]
fn odd_alphabets_are_counted_as_they_are() {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for seed in 0..3 {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let made = samples(2000, |_, _, _| {
            let tail: String = (0..30)
                .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
                .collect();
            format!("sess_{tail}")
        });
        let estimate = judge(&made).unwrap();
        assert!(estimate.findings.is_empty(), "{estimate:?}");
        assert!(
            (estimate.bits - 30.0 * 62_f64.log2()).abs() < 0.01,
            "{estimate:?}"
        );
        assert_eq!(estimate.alphabet, 62);
    }
}

#[test]
fn uuids_hold_122_bits() {
    let mut random = ChaCha12Rng::seed_from_u64(3);
    let made = samples(1000, |_, _, _| {
        let mut octets = octets::<16>(&mut random);
        octets[6] = octets[6] & 0x0f | 0x40;
        octets[8] = octets[8] & 0x3f | 0x80;
        uuid(&octets)
    });
    let estimate = judge(&made).unwrap();
    assert!(
        estimate.are_uuids && estimate.findings.is_empty(),
        "{estimate:?}"
    );
    assert!((estimate.bits - 122.0).abs() < 0.01, "{estimate:?}");
}

#[test]
fn the_time_in_an_identifier_does_not_count() {
    let mut random = ChaCha12Rng::seed_from_u64(4);
    // RFC 9562 5.7: 48 bits of time, 74 random ones.
    let made = samples(2000, |_, at_ms, _| {
        let mut octets = octets::<16>(&mut random);
        octets[..6].copy_from_slice(&at_ms.to_be_bytes()[2..]);
        octets[6] = octets[6] & 0x0f | 0x70;
        octets[8] = octets[8] & 0x3f | 0x80;
        uuid(&octets)
    });
    let estimate = judge(&made).unwrap();
    assert!(!estimate.findings.is_empty());
    assert!((estimate.bits - 74.0).abs() < 0.5, "{estimate:?}");
}

#[test]
fn a_repeated_or_shifted_state_is_found() {
    let mut random = ChaCha12Rng::seed_from_u64(5);
    let repeated = samples(600, |_, _, _| {
        let short = octets::<5>(&mut random);
        let long: Vec<u8> = short.iter().copied().cycle().take(20).collect();
        URL_SAFE_NO_PAD.encode(long)
    });
    let estimate = judge(&repeated).unwrap();
    assert!((estimate.bits - 40.0).abs() < 0.01, "{estimate:?}");
    // xorshift32, started anew by 32 random bits each time.
    let shifted = samples(600, |_, _, _| {
        let mut state: u32 = random.random();
        let words = (0..5).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_be_bytes()
        });
        hex(&words.collect::<Vec<u8>>())
    });
    let estimate = judge(&shifted).unwrap();
    assert!(estimate.bits <= 32.0, "{estimate:?}");
}

#[test]
fn counters_clocks_and_users_are_found() {
    let counter = samples(600, |number, _, _| {
        format!("{:032x}", 0xabc_0000_0000 + number)
    });
    assert!(judge(&counter).unwrap().bits < 1.0);
    let clock = samples(600, |_, at_ms, _| {
        format!("{:032x}", u128::from(at_ms) << 40)
    });
    assert!(judge(&clock).unwrap().bits < 1.0);
    let mut random = ChaCha12Rng::seed_from_u64(6);
    let user = samples(2000, |_, _, user| {
        format!(
            "{:016x}{}",
            user.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            hex(&octets::<4>(&mut random))
        )
    });
    let estimate = judge(&user).unwrap();
    assert!(estimate.bits < 64.0, "{estimate:?}");
    let narrow = samples(600, |_, _, _| format!("{:032x}", random.random::<u32>()));
    assert!((judge(&narrow).unwrap().bits - 32.0).abs() < 0.01);
}

#[test]
fn uneven_characters_count_less() {
    let mut random = ChaCha12Rng::seed_from_u64(7);
    let uneven = samples(2000, |_, _, _| {
        let digit = |random: &mut ChaCha12Rng| match random.random_range(0..4_u8) {
            0 => char::from(b'0' + random.random_range(0..10_u8)),
            _ => '7',
        };
        (0..40).map(|_| digit(&mut random)).collect()
    });
    let estimate = judge(&uneven).unwrap();
    assert!(estimate.bits < 40.0, "{estimate:?}");
    assert!(judge(&uneven[..10]).is_none());
}

#[test]
fn repeats_are_counted() {
    let made = samples(200, |number, _, _| format!("{:08x}", number % 150));
    assert_eq!(judge(&made).unwrap().repeats, 50);
}
