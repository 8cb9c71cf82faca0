use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Scenario {
    title: String,
    seed: Option<u64>,
    #[serde(default)]
    workers: u8,
    arrival: Arrival,
    #[serde(default)]
    mix: BTreeMap<Operation, f64>,
    #[serde(default)]
    strategies: Vec<Located<String>>,
    #[serde(default)]
    phases: Vec<Phase>,
    #[serde(default)]
    window: Option<(u32, u32)>,
    #[serde(default)]
    fault: Option<Tagged>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Arrival {
    Closed,
    Fixed(u32),
    Poisson {
        rate_per_s: f64,
        burst: Option<Located<u16>>,
    },
    Pair(u8, u8),
}

#[derive(Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Me,
    Login,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Phase {
    for_ms: u32,
    note: Note,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Note(String);

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Tagged {
    Outage { from_ms: u32, name: Located<String> },
}

const VALID: &str = r#"title = "first light"
seed = 0x2a
workers = 3
window = [1, 2]

# one of three ways to write an enum
[arrival]
kind = "poisson"
rate_per_s = 250
burst = 9

[mix]
me = 0.9
login = 1e-1

[fault]
type = "outage"
from_ms = 5
name = "store"

[[phases]]
for_ms = 1_000
note = "warm-up"

[[phases]]
for_ms = 2000
note = 'ünder "load"'
"#;

fn load(text: &str) -> Result<Scenario, ConfError> {
    parse(Path::new("x.toml"), text)
}

#[test]
fn reads_every_shape() {
    let scenario = load(VALID).unwrap();
    assert_eq!(scenario.seed, Some(42));
    assert_eq!(scenario.window, Some((1, 2)));
    assert_eq!(scenario.mix[&Operation::Login], 0.1);
    assert_eq!(scenario.phases[1].note, Note("ünder \"load\"".into()));
    let Arrival::Poisson {
        rate_per_s,
        burst: Some(burst),
    } = scenario.arrival
    else {
        panic!("{:?}", scenario.arrival);
    };
    assert_eq!(
        (rate_per_s, burst.value, burst.line, burst.column),
        (250.0, 9, 10, 9)
    );
    let Some(Tagged::Outage { name, .. }) = scenario.fault else {
        panic!("no fault")
    };
    assert_eq!(
        (name.value.as_str(), name.line),
        ("store", 0),
        "serde buffers, the place is lost"
    );
}

#[test]
fn reads_an_enum_in_three_forms() {
    let arrival = |text: &str| load(&format!("title = ''\narrival = {text}")).map(|s| s.arrival);
    assert_eq!(arrival("'closed'").unwrap(), Arrival::Closed);
    assert_eq!(arrival("{ kind = 'closed' }").unwrap(), Arrival::Closed);
    assert_eq!(arrival("{ closed = {} }").unwrap(), Arrival::Closed);
    assert_eq!(arrival("{ fixed = 7 }").unwrap(), Arrival::Fixed(7));
    assert_eq!(arrival("{ pair = [1, 2] }").unwrap(), Arrival::Pair(1, 2));
    let poisson = Arrival::Poisson {
        rate_per_s: 0.5,
        burst: None,
    };
    assert_eq!(
        arrival("{ poisson = { rate_per_s = 0.5 } }").unwrap(),
        poisson
    );
    assert_eq!(
        arrival("{ rate_per_s = 0.5, kind = 'poisson' }").unwrap(),
        poisson
    );
}

/// A text, and the place and message of its fault.
const FAULTS: &[(&str, &str)] = &[
    (
        "titel = ''",
        "1:1: unknown key `titel`; did you mean `title`? (valid keys: title, seed, \
          workers, arrival, mix, strategies, phases, window, fault)",
    ),
    (
        "title = ''\narrival = 'poison'",
        "2:11: unknown name `poison`; did you mean `poisson`? \
          (valid names: closed, fixed, poisson, pair)",
    ),
    (
        "title = ''\narrival = { poison = {} }",
        "2:13: unknown name `poison`; did you mean \
          `poisson`? (valid names: closed, fixed, poisson, pair)",
    ),
    ("title = ''", "1:1: missing key `arrival`"),
    (
        "title = ''\n\n[arrival]\nkind = 'poisson'\n[mix]\n",
        "3:1: missing key `rate_per_s`",
    ),
    (
        "title = ''\narrival = 'poisson'",
        "2:11: missing key `rate_per_s`",
    ),
    (
        "title = ''\narrival = 'fixed'",
        "2:11: `fixed` needs a value, an integer from 0 to \
          4294967295: write { fixed = .. }",
    ),
    (
        "title = ''\narrival = { rate_per_s = 1, x = 1 }",
        "2:11: missing key `kind`",
    ),
    (
        "title = ''\narrival = { kind = 'poisson', rate_per_s = 1, bursts = 2 }",
        "2:47: unknown \
          key `bursts`; did you mean `burst`? (valid keys: rate_per_s, burst)",
    ),
    (
        "title = ''\narrival = { kind = 'closed', x = 2 }",
        "2:30: unknown key `x` (valid keys: \
          none)",
    ),
    (
        "title = ''\narrival = 5",
        "2:11: expected a string or a table, found the integer `5`",
    ),
    ("title = 5", "1:9: expected a string, found the integer `5`"),
    (
        "title = ''\nworkers = 256",
        "2:11: expected an integer from 0 to 255, found the integer \
          `256`",
    ),
    (
        "title = ''\nworkers = -1",
        "2:11: expected an integer from 0 to 255, found the integer \
          `-1`",
    ),
    (
        "title = ''\nworkers = 1.5",
        "2:11: expected an integer from 0 to 255, found the number \
          `1.5`",
    ),
    (
        "title = ''\nseed = 99999999999999999999",
        "2:8: the integer `99999999999999999999` is \
          beyond 64 bits",
    ),
    (
        "title = ''\nwindow = [1, 2, 3]",
        "2:10: expected an array of 2, found 3 elements",
    ),
    (
        "title = ''\nwindow = [1, 'x']",
        "2:14: expected an integer from 0 to 4294967295, found \
          the string \"x\"",
    ),
    (
        "title = ''\nphases = 3",
        "2:10: expected an array, found the integer `3`",
    ),
    (
        "title = ''\n[mix]\nmee = 1",
        "3:1: unknown name `mee`; did you mean `me`? (valid names: \
          me, login)",
    ),
    (
        "title = ''\n[mix]\nme = 1e999",
        "3:6: the number `1e999` is beyond double precision",
    ),
    (
        "title = ''\n[[phases]]\nfor_ms = 1\nnote = 'a'\n[[phases]]\nnote = 'b'",
        "5:1: missing \
          key `for_ms`",
    ),
    (
        "title = ''\n[fault]\ntype = 'outage'\nfrom_ms = 1\nnam = ''",
        "5:1: unknown key `nam`; \
          did you mean `name`? (valid keys: from_ms, name)",
    ),
    ("title = ''\ntitle = ''", "2:1: duplicate key `title`"),
];

#[test]
fn names_the_place_and_the_way_out() {
    for (text, expected) in FAULTS {
        let error = load(text).unwrap_err();
        assert_eq!(error.to_string(), format!("x.toml:{expected}"), "{text}");
    }
}

#[test]
fn faults_are_values() {
    let error = load("title = 'ü' 5").unwrap_err();
    assert!(
        matches!(error.kind, ConfErrorKind::Syntax { .. }),
        "{:?}",
        error.kind
    );
    assert_eq!((error.line, error.column), (1, 13));
    let error = load("titel = ''").unwrap_err();
    let ConfErrorKind::UnknownKey {
        found,
        nearest,
        valid,
    } = error.kind
    else {
        panic!("{:?}", error.kind)
    };
    assert_eq!(
        (found.as_str(), nearest.as_deref()),
        ("titel", Some("title"))
    );
    assert_eq!(valid[0], "title");
    let error = load("title = ''\nworkers = ''").unwrap_err();
    assert!(matches!(error.kind, ConfErrorKind::WrongType { .. }));
    assert_eq!((error.line, error.column), (2, 11));
}

#[test]
fn a_later_fault_points_at_its_value() {
    let text = "title = ''\narrival = 'closed'\nstrategies = ['jwt', 'sesion.memory']";
    let scenario = load(text).unwrap();
    let file = Path::new("x.toml");
    let at = &scenario.strategies[1];
    let error = ConfError::unknown_name(file, at, &["jwt", "session.memory"]);
    assert_eq!(
        error.to_string(),
        "x.toml:3:22: unknown name `sesion.memory`; did you mean `session.memory`? \
         (valid names: jwt, session.memory)"
    );
    let error = ConfError::semantic(file, at, "needs a store");
    assert_eq!(error.to_string(), "x.toml:3:22: needs a store");
    let error = ConfError::semantic(file, &Located::from(1), "needs a store");
    assert_eq!(error.to_string(), "x.toml: needs a store");
}

#[test]
fn keys_may_be_numbers_newtypes_or_located() {
    #[derive(Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
    struct Id(String);
    #[derive(Debug, Deserialize)]
    struct Keys {
        by_number: BTreeMap<u16, bool>,
        by_id: BTreeMap<Id, bool>,
        by_place: BTreeMap<Located<String>, bool>,
    }
    let text = "by_number = { 7 = true }\nby_id = { a = true }\nby_place = { b = true }";
    let keys: Keys = parse(Path::new("k.toml"), text).unwrap();
    assert!(keys.by_number[&7] && keys.by_id[&Id("a".into())]);
    let place = keys.by_place.keys().next().unwrap();
    assert_eq!(
        (place.value.as_str(), place.line, place.column),
        ("b", 3, 14)
    );

    let error = parse::<Keys>(Path::new("k.toml"), "by_number = { x = true }").unwrap_err();
    assert_eq!(
        error.to_string(),
        "k.toml:1:15: expected an integer from 0 to 65535, found the string \"x\""
    );
}

#[test]
fn an_unreadable_file_is_named() {
    let error = read::<Scenario>(Path::new("no/such.toml")).unwrap_err();
    assert_eq!(error.to_string(), "no/such.toml: cannot be read");
    let ConfErrorKind::Unreadable { source } = &error.kind else {
        panic!("{:?}", error.kind)
    };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn depth_overflows_nothing() {
    let deep = 200_000;
    for text in [
        format!("{}a = 1", "a.".repeat(deep)),
        format!("[{}a]\nb = 1", "a.".repeat(deep)),
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}", "{a=".repeat(deep)),
    ] {
        assert!(load(&text).is_err());
    }
}

/// A fault must stand inside the text (or just behind its last character).
fn assert_place(text: &str, error: &ConfError) {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = lines[usize::try_from(error.line).unwrap() - 1];
    assert!((1..=line.chars().count() + 1).contains(&usize::try_from(error.column).unwrap()));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(error) = load(&text) {
            assert_place(&text, &error);
        }
    }

    #[test]
    fn a_mutilated_text_is_read_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<Option<char>>()), 1..6)
    ) {
        let mut text: Vec<char> = VALID.chars().collect();
        for (at, put) in edits {
            let at = at.index(text.len());
            match put {
                Some(c) => text[at] = c,
                None => { text.remove(at); }
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(error) = load(&text) {
            assert_place(&text, &error);
        }
    }

    #[test]
    fn shuffled_tokens_are_read_or_refused(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "title", "arrival", "kind", "poisson", "fixed", "fault", "type", "phases", "=",
                "[", "]", "[[", "]]", "{", "}", ",", ".", "\n", "'outage'", "'poisson'", "1", "1.5",
                "true", "1979-05-27", "'''", "#", "\r\n", "\u{feff}", "mix", "me", "window",
            ]),
            0..40,
        )
    ) {
        let text = tokens.join(" ");
        if let Err(error) = load(&text) {
            assert_place(&text, &error);
        }
    }

    #[test]
    fn numbers_outside_a_range_are_refused(number in any::<i64>()) {
        let read = load(&format!("title = ''\narrival = 'closed'\nworkers = {number}"));
        prop_assert_eq!(read.is_ok(), u8::try_from(number).is_ok());
    }
}
