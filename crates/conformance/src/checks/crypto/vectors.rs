//! CRYPTO-001 to CRYPTO-004: test vectors.

use authbench_results::{Level, Severity};
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;
use crate::vectors::{self, FileRun};

/// The most wrong answers that one file's case shows.
const SHOWN_MAX: usize = 5;

const TOKENS: &[Family] = &[
    Family::Jwt,
    Family::Denylist,
    Family::Refresh,
    Family::Hybrid,
];

/// What the four have in common.
const BASE: Check = Check {
    id: "",
    statement: "",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Vectors],
    operations: &[],
    doors: &[],
    clauses: &[],
    cwe: &[],
    mend: "",
    cost: Cost::Quick,
    run: |_| Box::pin(async { Ok(()) }),
};

/// CRYPTO-001.
pub(super) const CRYPTO_001: Check = Check {
    id: "CRYPTO-001",
    statement: "every invalid JWS vector is refused, and every valid one of a supported algorithm \
                is accepted",
    severity: Severity::Critical,
    families: TOKENS,
    clauses: &["RFC 7515 5.2", "ASVS 5.0 11.2.1"],
    cwe: &[347],
    mend: "Leave signatures to a maintained library in its strictest mode, and refuse all that is \
           not in canonical compact form.",
    run: |trial| {
        Box::pin(run(
            trial,
            &["rfc7515.json", "malformed-jws.json", "malformed-jwt.json"],
        ))
    },
    ..BASE
};

/// CRYPTO-002.
pub(super) const CRYPTO_002: Check = Check {
    id: "CRYPTO-002",
    statement: "keys for another use, of another curve, too short, mixed or of one name are refused \
                when they are loaded",
    families: TOKENS,
    clauses: &["RFC 8725 3.1", "RFC 8725 3.4"],
    cwe: &[347],
    mend: "Check `use`, `alg`, `kty`, `crv` and size of each JWK when it is loaded, and refuse the \
           whole set if one is doubtful.",
    run: |trial| Box::pin(run(trial, &["malformed-jwk.json"])),
    ..BASE
};

/// CRYPTO-003.
pub(super) const CRYPTO_003: Check = Check {
    id: "CRYPTO-003",
    statement: "where JWE is used, every invalid JWE vector is refused and every valid one is read",
    families: &[Family::Sealed, Family::Hybrid],
    clauses: &["RFC 8725 3.3", "RFC 8725 3.4"],
    cwe: &[347],
    mend: "Demand the whole tag, the nonce's exact length, and the one `alg` and `enc` that the key \
           is for.",
    run: |trial| Box::pin(run(trial, &["malformed-jwe.json"])),
    ..BASE
};

/// CRYPTO-004.
pub(super) const CRYPTO_004: Check = Check {
    id: "CRYPTO-004",
    statement: "the vectors of the primitives in use are answered rightly, and the good examples of \
                RFC 7520 and PASETO are accepted",
    clauses: &["ASVS 5.0 11.2.1"],
    cwe: &[327],
    mend: "Take signatures, MACs and encryption from a maintained library, and none from your own \
           pen.",
    run: |trial| Box::pin(run(trial, PRIMITIVES)),
    ..BASE
};

const PRIMITIVES: &[&str] = &[
    "v4.json",
    "rfc7520-4.1-rsa-v15.json",
    "rfc7520-4.4-hmac-sha2.json",
    "aes_gcm_test.json",
    "ecdsa_secp256r1_sha256_p1363_test.json",
    "ed25519_test.json",
    "hmac_sha256_test.json",
    "rsa_signature_2048_sha256_test.json",
];

async fn run(trial: &Trial<'_>, names: &[&str]) -> Result<(), Stop> {
    let verifier = trial.verifier()?;
    let damaged = |error: &dyn std::error::Error| Stop::unclear(crate::trial::cause_chain(error));
    let files = vectors::shipped().map_err(|error| damaged(&error))?;
    let waivers = vectors::shipped_waivers().map_err(|error| damaged(&error))?;
    for file in files
        .into_iter()
        .filter(|file| names.contains(&file.name.as_str()))
    {
        let (verifier, waivers) = (verifier.clone(), waivers.clone());
        let asked = tokio::task::spawn_blocking(move || vectors::run(&file, &*verifier, &waivers));
        let run = asked
            .await
            .map_err(|error| Stop::unclear(error.to_string()))?;
        tell(trial, &run);
    }
    Ok(())
}

fn tell(trial: &Trial<'_>, run: &FileRun) {
    let counts = run.counts();
    let not_for_it: Vec<_> = counts.not_applicable.iter().collect();
    let reasons = not_for_it
        .iter()
        .map(|(why, number)| format!("{number} not put: {why}"));
    let mut detail = format!("`{}` answered {} rightly", run.verifier, counts.pass);
    for reason in reasons {
        detail.push_str("; ");
        detail.push_str(&reason);
    }
    if counts.fail == 0 {
        match counts.pass + counts.waived {
            0 => trial.not_applicable(&run.file, detail),
            _ => trial.pass(&run.file, detail),
        }
        return;
    }
    let shown = run.failures().take(SHOWN_MAX);
    let wrong: Vec<_> = shown
        .map(|(case, why)| format!("{} ({}): {why}", case.id, case.comment))
        .collect();
    trial.fail(
        &run.file,
        format!("{detail}; {} wrongly: {}", counts.fail, wrong.join("; ")),
        &[],
    );
}
