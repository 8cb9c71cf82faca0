//! The mark of RSA keys that a broken generator made (CVE-2017-15361): their
//! moduli are powers of 65537 modulo many small primes at once, and can be
//! factored.

/// Small primes modulo which 65537 has few powers.
const PRIMES: [u32; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

/// Whether the modulus, big-endian, has the mark. One modulus in 2^27 or so
/// has it by chance.
pub(super) fn has_mark(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| is_power(modulus, prime))
}

fn is_power(modulus: &[u8], prime: u32) -> bool {
    let rest = modulus
        .iter()
        .fold(0, |rest, &octet| (rest * 256 + u32::from(octet)) % prime);
    let step = 65_537 % prime;
    let mut power = 1;
    loop {
        if power == rest {
            return true;
        }
        power = power * step % prime;
        if power == 1 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 65537 to the fourth, modulo nothing: a power modulo every prime.
    #[test]
    fn a_power_has_the_mark_and_its_neighbour_has_not() {
        let power: u128 = 65_537_u128.pow(4);
        assert!(has_mark(&power.to_be_bytes()));
        assert!(!has_mark(&(power + 2).to_be_bytes()));
    }
}
