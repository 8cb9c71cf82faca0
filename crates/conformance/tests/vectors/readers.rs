//! The readers on the files that are shipped, with verifiers that know
//! nothing: what always accepts and what always refuses must both fail.

use std::path::Path;

use authbench_conformance::vectors::{
    Expected, Question, VectorError, VectorFile, Verdict, Waivers, run,
};
use authbench_conformance::verifier::{Answer, Encrypted, Jws, Jwt, Paseto, Signed, Verifier};

struct Always(bool);

impl Always {
    fn say<T>(&self, text: T) -> Answer<T> {
        if self.0 {
            Answer::Accepted(text)
        } else {
            Answer::Refused
        }
    }
}

impl Verifier for Always {
    fn name(&self) -> &str {
        "always the same"
    }
    fn verify_jws(&self, _: &Jws<'_>) -> Answer<Vec<u8>> {
        self.say(b"whatever".to_vec())
    }
    fn verify_jwt(&self, _: &Jwt<'_>) -> Answer<()> {
        self.say(())
    }
    fn verify_signature(&self, _: &Signed<'_>) -> Answer<()> {
        self.say(())
    }
    fn decrypt(&self, _: &Encrypted<'_>) -> Answer<Vec<u8>> {
        self.say(b"whatever".to_vec())
    }
    fn open_paseto(&self, _: &Paseto<'_>) -> Answer<Vec<u8>> {
        self.say(b"whatever".to_vec())
    }
}

fn read(name: &str) -> VectorFile {
    let path = crate::folder().join(name);
    VectorFile::parse(&path, &std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// Each file with how many of its vectors are valid and invalid.
const FILES: [(&str, usize, usize); 9] = [
    ("rfc7515.json", 5, 5),
    ("rfc7520-4.1-rsa-v15.json", 3, 0),
    ("rfc7520-4.4-hmac-sha2.json", 3, 0),
    ("paseto/v4.json", 13, 5),
    ("wycheproof/aes_gcm_test.json", 229, 87),
    ("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", 173, 89),
    ("wycheproof/ed25519_test.json", 88, 63),
    ("wycheproof/hmac_sha256_test.json", 66, 108),
    ("wycheproof/rsa_signature_2048_sha256_test.json", 9, 249),
];

#[test]
fn every_vector_of_every_form_is_read() {
    for (name, valid, invalid) in FILES {
        let file = read(name);
        let count = |wanted| {
            file.cases
                .iter()
                .filter(|case| case.expected == wanted)
                .count()
        };
        assert_eq!(
            (count(Expected::Valid), count(Expected::Invalid)),
            (valid, invalid),
            "{name}"
        );
    }
    let Question::Signature { algorithm, key, .. } = &read(FILES[8].0).cases[0].question else {
        panic!("no signature")
    };
    assert_eq!((algorithm.as_str(), &key["e"]), ("RS256", &"AQAB".into()));
}

#[test]
fn who_always_says_the_same_is_wrong_as_often_as_the_file_says() {
    for (name, valid, invalid) in FILES {
        let file = read(name);
        let refusing = run(&file, &Always(false), &Waivers::default()).counts();
        let accepting = run(&file, &Always(true), &Waivers::default()).counts();
        // Vectors in JSON serialization are put to nobody here.
        assert_eq!(refusing.fail + refusing.not_applicable(), valid, "{name}");
        assert!(accepting.fail >= invalid, "{name}: {accepting:?}");
    }
}

#[test]
fn what_is_accepted_must_also_be_read_rightly() {
    let run = run(&read("rfc7515.json"), &Always(true), &Waivers::default());
    let (_, why) = run.failures().next().unwrap();
    assert!(why.contains("read as \"whatever\" instead of"), "{why}");
}

#[test]
fn a_waiver_excuses_one_vector_and_is_missed_where_nothing_needs_it() {
    let waivers = |case: &str, verifier: &str| {
        let text = format!(
            "[[waiver]]\nfile = \"malformed-jwt.json\"\ncase = \"{case}\"\nverifier = \"{verifier}\"\nreason = \"r\"\n"
        );
        Waivers::parse(Path::new("w.toml"), &text).unwrap()
    };
    let file = read("malformed-jwt.json");
    let needed = waivers("1", "refuses");
    let runs = [run(&file, &Always(false), &needed)];
    assert_eq!(runs[0].cases[0].verdict, Verdict::Waived("r".to_owned()));
    assert!(needed.unused(&runs).is_empty());
    let needless = waivers("2", "accepts");
    let runs = [run(&file, &Always(true), &needless)];
    assert_eq!(runs[0].cases[1].verdict, Verdict::Pass);
    assert_eq!(needless.unused(&runs).len(), 1);
    let contrary = waivers("1", "accepts");
    let runs = [run(&file, &Always(false), &contrary)];
    assert!(matches!(runs[0].cases[0].verdict, Verdict::Fail(_)));
}

#[test]
fn the_shipped_waivers_are_read() {
    let path = crate::folder().join("waivers.toml");
    let waivers = Waivers::parse(&path, &std::fs::read_to_string(&path).unwrap()).unwrap();
    let cases: Vec<_> = waivers
        .waiver
        .iter()
        .map(|waiver| waiver.case.as_str())
        .collect();
    assert_eq!(cases, ["367", "370", "372", "373"]);
}

#[test]
fn what_is_no_vector_file_says_so_with_its_place() {
    let parse = |text: &str| VectorFile::parse(Path::new("f.json"), text).unwrap_err();
    assert!(matches!(parse("{"), VectorError::Json { .. }));
    assert!(matches!(parse("{}"), VectorError::Form { .. }));
    assert!(matches!(
        parse(r#"{"testGroups":[]}"#),
        VectorError::Empty { .. }
    ));
    assert!(matches!(
        parse(r#"{"testGroups":[{"type":"X"}]}"#),
        VectorError::Kind { .. }
    ));
    let odd = r#"{"algorithm":"HMACSHA256","testGroups":[{"type":"MacTest","tagSize":256,
        "tests":[{"tcId":1,"key":"0","msg":"","tag":"","result":"valid"}]}]}"#;
    let error = parse(odd);
    assert!(error.to_string().starts_with("f.json: line"), "{error}");
}
