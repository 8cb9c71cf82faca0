//! Vectors put to a verifier.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::{Case, Expected, Question};
use super::file::VectorFile;
use super::waivers::{Said, Waivers};
use crate::verifier::{Answer, Encrypted, Jws, Jwt, Paseto, Signed, Verifier};

/// What became of one vector.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "why")]
pub enum Verdict {
    /// The answer is the right one.
    Pass,
    /// It is not; this is what was wrong.
    Fail(String),
    /// It is not what the file wants, but what a waiver does, for this reason.
    Waived(String),
    /// The verifier is not made for such input, for this reason.
    NotApplicable(String),
}

impl Verdict {
    pub(super) const fn is_waived(&self) -> bool {
        matches!(self, Self::Waived(_))
    }
}

/// One vector that was run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CaseRun {
    /// Its name in the file.
    pub id: String,
    /// What it is about.
    pub comment: String,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// A file that was put to a verifier.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FileRun {
    /// The file's name.
    pub file: String,
    /// The verifier's.
    pub verifier: String,
    /// Each vector.
    pub cases: Vec<CaseRun>,
}

/// How many vectors had which verdict.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// Right answers.
    pub pass: usize,
    /// Wrong ones.
    pub fail: usize,
    /// Wrong ones by the file, right ones by a waiver.
    pub waived: usize,
    /// Vectors that the verifier is not made for, by reason.
    pub not_applicable: BTreeMap<String, usize>,
}

impl Counts {
    /// How many vectors the verifier is not made for.
    #[must_use]
    pub fn not_applicable(&self) -> usize {
        self.not_applicable.values().sum()
    }
}

impl FileRun {
    /// The verdicts, counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in &self.cases {
            match &case.verdict {
                Verdict::Pass => counts.pass += 1,
                Verdict::Fail(_) => counts.fail += 1,
                Verdict::Waived(_) => counts.waived += 1,
                Verdict::NotApplicable(reason) => {
                    *counts.not_applicable.entry(reason.clone()).or_default() += 1;
                }
            }
        }
        counts
    }

    /// The vectors that were answered wrongly.
    pub fn failures(&self) -> impl Iterator<Item = (&CaseRun, &str)> {
        self.cases.iter().filter_map(|case| match &case.verdict {
            Verdict::Fail(why) => Some((case, why.as_str())),
            _ => None,
        })
    }
}

/// Puts every vector of `file` to `verifier`.
#[must_use]
pub fn run(file: &VectorFile, verifier: &dyn Verifier, waivers: &Waivers) -> FileRun {
    let cases = file.cases.iter().map(|case| CaseRun {
        id: case.id.clone(),
        comment: case.comment.clone(),
        verdict: judge(&file.name, case, ask(&case.question, verifier), waivers),
    });
    FileRun {
        file: file.name.clone(),
        verifier: verifier.name().to_owned(),
        cases: cases.collect(),
    }
}

/// What the verifier read: whether it is what the file says.
type Read = Result<(), String>;

fn judge(file: &str, case: &Case, answer: Answer<Read>, waivers: &Waivers) -> Verdict {
    let (said, fault) = match answer {
        Answer::NotSupported(reason) => return Verdict::NotApplicable(reason),
        Answer::Refused => (Said::Refuses, None),
        Answer::Accepted(read) => (Said::Accepts, read.err()),
    };
    // Another text than the right one is never excused.
    if let Some(fault) = fault {
        return Verdict::Fail(fault);
    }
    let right = match case.expected {
        Expected::Valid => said == Said::Accepts,
        Expected::Invalid => said == Said::Refuses,
        Expected::Either => true,
    };
    let wrong = match said {
        Said::Accepts => "accepted, though it is invalid",
        Said::Refuses => "refused, though it is valid",
    };
    match waivers.find(file, &case.id) {
        None if right => Verdict::Pass,
        None => Verdict::Fail(wrong.to_owned()),
        Some(waiver) if waiver.verifier != said => {
            Verdict::Fail(format!("not what its waiver wants: {}", waiver.reason))
        }
        Some(_) if right => Verdict::Pass,
        Some(waiver) => Verdict::Waived(waiver.reason.clone()),
    }
}

fn ask(question: &Question, verifier: &dyn Verifier) -> Answer<Read> {
    match question {
        Question::Jws {
            key,
            headers,
            token,
            payload,
            json,
        } => {
            let jws = Jws {
                key,
                headers,
                token,
            };
            let answer = if *json {
                verifier.verify_jws_json(&jws)
            } else {
                verifier.verify_jws(&jws)
            };
            read(answer, payload.as_deref())
        }
        Question::Jwt {
            key,
            headers,
            token,
            issuer,
            audience,
            now_s,
        } => judged(verifier.verify_jwt(&Jwt {
            jws: Jws {
                key,
                headers,
                token,
            },
            issuer,
            audience,
            now_s: *now_s,
        })),
        Question::Jwe { key, token, text } => {
            read(verifier.decrypt_jwe(key, token), text.as_deref())
        }
        other => ask_primitive(other, verifier),
    }
}

fn ask_primitive(question: &Question, verifier: &dyn Verifier) -> Answer<Read> {
    match question {
        Question::Signature {
            algorithm,
            key,
            message,
            signature,
        } => judged(verifier.verify_signature(&Signed {
            algorithm,
            key,
            message,
            signature,
        })),
        Question::Encrypted {
            algorithm,
            key,
            nonce,
            aad,
            text,
            tag,
            plain,
        } => {
            let encrypted = Encrypted {
                algorithm,
                key,
                nonce,
                aad,
                text,
                tag,
            };
            read(verifier.decrypt(&encrypted), Some(plain))
        }
        Question::Paseto {
            key,
            token,
            footer,
            assertion,
            payload,
        } => {
            let paseto = Paseto {
                key,
                token,
                footer,
                assertion,
            };
            read(verifier.open_paseto(&paseto), payload.as_deref())
        }
        Question::Jws { .. } | Question::Jwt { .. } | Question::Jwe { .. } => {
            Answer::unsupported("no primitive")
        }
    }
}

fn judged(answer: Answer<()>) -> Answer<Read> {
    read(
        match answer {
            Answer::Accepted(()) => Answer::Accepted(Vec::new()),
            Answer::Refused => Answer::Refused,
            Answer::NotSupported(reason) => Answer::NotSupported(reason),
        },
        None,
    )
}

fn read(answer: Answer<Vec<u8>>, wanted: Option<&[u8]>) -> Answer<Read> {
    match answer {
        Answer::Accepted(text) => Answer::Accepted(match wanted {
            Some(wanted) if wanted != text => Err(format!(
                "accepted, but read as {:?} instead of {:?}",
                String::from_utf8_lossy(&text),
                String::from_utf8_lossy(wanted)
            )),
            _ => Ok(()),
        }),
        Answer::Refused => Answer::Refused,
        Answer::NotSupported(reason) => Answer::NotSupported(reason),
    }
}
