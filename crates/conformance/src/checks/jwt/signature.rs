//! JWT-001 and JWT-002: a token without a signature, or with another one, says
//! nothing.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use rand::RngExt as _;
use serde_json::{Map, Value, json};

use super::ground::{Forgery, Ground, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::{encode, text_of, without};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-001.
pub(super) const JWT_001: Check = Check {
    id: "JWT-001",
    statement: "the algorithm `none` is refused in every spelling, with an empty, an absent or a \
                leftover signature",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 9.1.2",
        "RFC 8725 2.1",
        "RFC 8725 3.2",
        "RFC 8725bis 2.11",
        "RFC 9068 4",
        "WSTG-SESS-10",
    ],
    cwe: &[347],
    mend: "Give the verifier a list of the algorithms that you sign with, and nothing else; never \
           take the algorithm from the token.",
    cost: Cost::Quick,
    run: |trial| Box::pin(none(trial)),
};

/// JWT-002.
pub(super) const JWT_002: Check = Check {
    id: "JWT-002",
    statement: "a changed, cut, emptied or missing signature is refused, and so is one flipped bit \
                in header, claims or signature",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 9.1.1", "WSTG-SESS-10"],
    cwe: &[347],
    mend: "Verify the signature over the token's first two segments before you read anything of \
           them; do not `decode` where you have to `verify`.",
    cost: Cost::Quick,
    run: |trial| Box::pin(changed(trial)),
};

/// Ways to write "none" that some comparison takes for it.
const NONE: [&str; 11] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    " none",
    "none\0",
    "none\n",
    "\u{ff4e}\u{ff4f}\u{ff4e}\u{ff45}",
    "n\u{3bf}ne",
    "",
];
/// Bits that are flipped, one in each of so many tokens.
const FLIPS: usize = 24;

async fn none(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let values = NONE.iter().map(|text| Value::from(*text));
    let values: Vec<_> = values
        .chain([Value::Null, json!(0), json!([]), json!(["none"])])
        .collect();
    let claims = &ground.token.segments[1];
    let leftover = &ground.token.segments[2];
    let headers = values.iter().flat_map(|alg| {
        let mut bare = Map::new();
        bare.insert("alg".to_owned(), alg.clone());
        [
            (
                format!("`alg` {alg}"),
                ground.header_text("alg", alg.clone()),
            ),
            (format!("nothing but `alg` {alg}"), text_of(&bare)),
        ]
    });
    let no_alg = text_of(&without(&ground.token.header, "alg"));
    let headers: Vec<_> = headers.chain([("no `alg`".to_owned(), no_alg)]).collect();
    type Finish<'f> = Box<dyn Fn(&str) -> String + Send + 'f>;
    let cases: [(&str, Finish<'_>); 3] = [
        (
            "empty signature",
            Box::new(|head| format!("{}.{claims}.", encode(head))),
        ),
        (
            "no third segment",
            Box::new(|head| format!("{}.{claims}", encode(head))),
        ),
        (
            "leftover signature",
            Box::new(|head| format!("{}.{claims}.{leftover}", encode(head))),
        ),
    ];
    for (case, finish) in cases {
        let forged = headers
            .iter()
            .map(|(what, head)| Forgery::new(what, finish(head)));
        ground.refuse_each(case, forged.collect()).await?;
    }
    Ok(())
}

async fn changed(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let token = &ground.token;
    let (signed, signature) = (token.signed_part(), token.signature());
    let whole = |segment: &str| Forgery::new("", format!("{signed}.{segment}"));
    let missing = vec![
        Forgery {
            what: "an empty signature".to_owned(),
            ..whole("")
        },
        Forgery::new("no third segment", signed.clone()),
        Forgery {
            what: "`null`".to_owned(),
            ..whole("null")
        },
        Forgery {
            what: "`undefined`".to_owned(),
            ..whole("undefined")
        },
        Forgery::new("a zero octet", token.with_signature(&[0])),
        Forgery::new("zeros", token.with_signature(&vec![0; signature.len()])),
        Forgery::new("ones", token.with_signature(&vec![0xff; signature.len()])),
    ];
    ground.refuse_each("missing or void", missing).await?;

    let lengths = [
        1,
        2,
        8,
        16,
        signature.len() / 2,
        signature.len().saturating_sub(1),
    ];
    let mut cut: Vec<_> = lengths
        .into_iter()
        .filter(|length| (1..signature.len()).contains(length))
        .map(|length| {
            let text = token.with_signature(&signature[..length]);
            Forgery::new(format!("the first {length} octets"), text)
        })
        .collect();
    let longer = [signature.as_slice(), &[0]].concat();
    cut.push(Forgery::new(
        "one octet more",
        token.with_signature(&longer),
    ));
    let twice = [signature.as_slice(), &signature].concat();
    cut.push(Forgery::new("twice over", token.with_signature(&twice)));
    ground.refuse_each("cut or lengthened", cut).await?;

    let other = trial.login().await?;
    if let Some(other) = crate::jose::Token::parse(&other.access) {
        let foreign = vec![Forgery::new(
            "the signature of another token",
            token.with_signature(&other.signature()),
        )];
        ground
            .refuse_each("another token's signature", foreign)
            .await?;
    }
    for (index, part) in ["header", "claims", "signature"].into_iter().enumerate() {
        let flipped = flips(trial, &token.segments, index);
        let case = format!("one bit flipped in the {part}");
        ground.refuse_each(&case, flipped).await?;
    }
    Ok(())
}

/// The first and the last bit of the segment, and some between.
fn flips(trial: &Trial<'_>, segments: &[String; 3], index: usize) -> Vec<Forgery> {
    let octets = crate::jose::decode(&segments[index]).unwrap_or_default();
    if octets.is_empty() {
        return Vec::new();
    }
    let bits = octets.len() * 8;
    let drawn = (2..FLIPS).map(|_| trial.random(|random| random.random_range(0..bits)));
    let places = [0, bits - 1].into_iter().chain(drawn);
    places
        .map(|bit| {
            let mut changed = octets.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            let mut segments = segments.clone();
            segments[index] = encode(changed);
            Forgery::new(format!("bit {bit}"), segments.join("."))
        })
        .collect()
}
