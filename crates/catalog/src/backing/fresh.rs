//! Fresh keys in the form in which key files hold them.

use authbench_core::{Entropy, EntropyError};
use authbench_schemes::jwt::{Algorithm, KeyError, SigningKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use zeroize::Zeroizing;

/// Octets of a symmetric key, or of the seed of an Ed25519 key (RFC 8032 5.1.5).
const KEY_OCTETS: usize = 32;

/// Random octets for a symmetric key or a seed.
pub(super) fn octets(entropy: &dyn Entropy) -> Result<Zeroizing<Vec<u8>>, EntropyError> {
    let mut octets = Zeroizing::new(vec![0; KEY_OCTETS]);
    entropy.fill(&mut octets)?;
    Ok(octets)
}

/// A key for `algorithm`: a secret, or a private key as PEM text (PKCS#8,
/// RFC 5208 5; RFC 7468 10). Private keys come from the library's own
/// randomness, as in [`SigningKey::generate`].
pub(super) fn jwt(
    algorithm: Algorithm,
    entropy: &dyn Entropy,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |source| KeyError::Generation { algorithm, source };
    let pkcs8 = match algorithm {
        Algorithm::Hs256 => return secret(entropy),
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map(|document| document.as_ref().to_vec())
        }
        Algorithm::Rs256 => rsa(),
    };
    let text = pem::encode(&pem::Pem::new("PRIVATE KEY", pkcs8.map_err(failed)?));
    Ok(Zeroizing::new(text.into_bytes()))
}

fn rsa() -> Result<Vec<u8>, Unspecified> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = pair.as_der()?;
    Ok(der.as_ref().to_vec())
}

/// Octets that pass for nothing else: one draw in some 60,000 looks like the
/// frame of a key in DER.
fn secret(entropy: &dyn Entropy) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    loop {
        let drawn = octets(entropy)?;
        match SigningKey::from_secret(&drawn) {
            Err(KeyError::NotASecret { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(drawn),
        }
    }
}
