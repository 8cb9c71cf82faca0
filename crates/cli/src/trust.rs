//! Whose certificates are believed, from the command line.

use std::path::Path;

use anyhow::Result;
use authbench_load::Trust;

use crate::exit::UsageError;

/// Those that lead to the certificates of the PEM file `ca`; anybody's with
/// `insecure`; without either nobody's.
///
/// # Errors
/// [`UsageError`] when the file cannot be read or holds no certificate.
pub(crate) fn of(ca: Option<&Path>, insecure: bool) -> Result<Trust> {
    if insecure {
        return Ok(Trust::Nobody);
    }
    let Some(file) = ca else {
        return Ok(Trust::Roots(Vec::new()));
    };
    Ok(Trust::Roots(certificates(file)?))
}

/// The first certificate of the PEM file `ca` (DER).
///
/// # Errors
/// [`UsageError`] when the file cannot be read or holds no certificate.
pub(crate) fn certificate(ca: &Path) -> Result<Vec<u8>> {
    Ok(certificates(ca)?.swap_remove(0))
}

/// The certificates of a PEM file, at least one.
fn certificates(file: &Path) -> Result<Vec<Vec<u8>>> {
    let text = std::fs::read(file)
        .map_err(|error| UsageError(format!("`{}` cannot be read: {error}", file.display())))?;
    let blocks = pem::parse_many(&text)
        .map_err(|error| UsageError(format!("`{}` is no PEM: {error}", file.display())))?;
    let certificates: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::into_contents)
        .collect();
    if certificates.is_empty() {
        let message = format!("`{}` holds no certificate", file.display());
        return Err(UsageError(message).into());
    }
    Ok(certificates)
}
