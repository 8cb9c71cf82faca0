//! Public keys as JWKs (RFC 7517). They are built from public octets alone, so
//! no private member can slip in (RFC 7517 9.2).

use aws_lc_rs::signature::{RsaPublicKeyComponents, RsaSubjectPublicKey};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
    EllipticCurveKeyType, Jwk, OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse,
    RSAKeyParameters, RSAKeyType, ThumbprintHash,
};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::compact::encode;
use super::keys::KeyError;

/// An Ed25519 key of its 32 octets (RFC 8037 2).
pub(crate) fn ed25519(octets: &[u8]) -> Jwk {
    unnamed(AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
        key_type: OctetKeyPairType::OctetKeyPair,
        curve: EllipticCurve::Ed25519,
        x: encode(octets),
    }))
}

/// A P-256 key of its uncompressed point, `04 x y` (RFC 7518 6.2.1).
pub(super) fn p256(point: &[u8]) -> Result<Jwk, KeyError> {
    let coordinates = point.strip_prefix(&[4]).filter(|both| both.len() == 64);
    let wrong = || KeyError::Form(ErrorKind::InvalidEcdsaKey.into());
    let (x, y) = coordinates.ok_or_else(wrong)?.split_at(32);
    Ok(unnamed(AlgorithmParameters::EllipticCurve(
        EllipticCurveKeyParameters {
            key_type: EllipticCurveKeyType::EC,
            curve: EllipticCurve::P256,
            x: encode(x),
            y: encode(y),
        },
    )))
}

/// An RSA key and the length of its modulus in bits (RFC 7518 6.3.1).
pub(super) fn rsa(key: &RsaSubjectPublicKey) -> (Jwk, usize) {
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key);
    let unused_bits = n.first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = n.len() * 8 - unused_bits;
    let parameters = RSAKeyParameters {
        key_type: RSAKeyType::RSA,
        n: encode(&n),
        e: encode(&e),
    };
    (unnamed(AlgorithmParameters::RSA(parameters)), bits)
}

/// The key under its thumbprint (RFC 7638), for signatures of `algorithm`
/// only (RFC 8725 3.1); without one, of a kind that JOSE has no name for.
pub(crate) fn named(
    mut jwk: Jwk,
    algorithm: Option<Algorithm>,
) -> Result<(String, Value), jsonwebtoken::errors::Error> {
    let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let algorithm = algorithm.map(jsonwebtoken::Algorithm::from);
    jwk.common.key_algorithm = algorithm.map(Into::into);
    Ok((kid, serde_json::to_value(jwk)?))
}

fn unnamed(algorithm: AlgorithmParameters) -> Jwk {
    Jwk {
        common: CommonParameters::default(),
        algorithm,
    }
}
