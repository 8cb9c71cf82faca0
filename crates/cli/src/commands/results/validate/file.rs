//! One file, by its kind.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_results::document::{self, history};
use authbench_results::{
    Baseline, BaselineVersion, ConformanceReport, ConformanceVersion, Document, Environment,
    GateReport, GateVersion, HistoryVersion, Qualification, QualificationVersion, RunResult,
    SchemaVersion, Source, schema,
};
use jsonschema::Validator;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema of what `benches/peers` writes.
const PEERS: &str = "authbench.peers/1";

/// Folders below `results` that hold one kind of file, and its schema.
const FOLDERS: [(&str, &str); 6] = [
    ("baselines", BaselineVersion::V1.name()),
    ("conformance", ConformanceVersion::V1.name()),
    ("gates", GateVersion::V1.name()),
    ("peers", PEERS),
    ("qualifications", QualificationVersion::V1.name()),
    ("runs", SchemaVersion::V1.name()),
];

/// What is wrong with a file.
#[derive(Serialize)]
pub(super) struct Problem {
    /// Which.
    pub(super) file: PathBuf,
    /// What, and where in it.
    pub(super) problem: String,
}

/// Checks files; makes each schema once.
#[derive(Default)]
pub(super) struct Checker {
    validators: HashMap<String, Validator>,
}

impl Checker {
    /// What is wrong with the file at `path`, below the folder of this name;
    /// None if it is nothing to check (prose, a place holder, the page of a
    /// result).
    ///
    /// # Errors
    /// When a schema of our own cannot be used.
    pub(super) fn check(
        &mut self,
        path: &Path,
        folder: Option<&str>,
    ) -> Result<Option<Vec<Problem>>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A page stands beside the result that it shows.
        let is_page = name.ends_with(".html") && path.with_extension("json").is_file();
        let problems = if name == ".gitkeep" || name.ends_with(".md") || is_page {
            return Ok(None);
        } else if name.ends_with(".schema.json") {
            schema_file(path, &name)
        } else if name.ends_with(".jsonl") {
            self.history(path)?
        } else if name.ends_with(".json") {
            self.document(path, folder)?.into_iter().collect()
        } else {
            vec!["no kind of result is named like that: remove it, or keep it elsewhere".to_owned()]
        };
        let problem = |problem| Problem {
            file: path.to_owned(),
            problem,
        };
        Ok(Some(problems.into_iter().map(problem).collect()))
    }

    fn document(&mut self, path: &Path, folder: Option<&str>) -> Result<Option<String>> {
        let value: Value = match fs::read(path).map(|text| serde_json::from_slice(&text)) {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => return Ok(Some(format!("it is no JSON: {error}"))),
            Err(error) => return Ok(Some(format!("it cannot be read: {error}"))),
        };
        let Some(schema) = value.get("schema").and_then(Value::as_str) else {
            return Ok(Some("it has no `schema`".to_owned()));
        };
        let wanted = FOLDERS.iter().find(|(name, _)| Some(*name) == folder);
        if let Some((name, wanted)) = wanted.filter(|(_, wanted)| *wanted != schema) {
            return Ok(Some(format!(
                "schema: it is \"{schema}\", and `{name}` holds \"{wanted}\""
            )));
        }
        let own = if schema == SchemaVersion::V1.name() {
            sound::<RunResult>(path)
        } else if schema == ConformanceVersion::V1.name() {
            sound::<ConformanceReport>(path)
        } else if schema == GateVersion::V1.name() {
            sound::<GateReport>(path)
        } else if schema == QualificationVersion::V1.name() {
            sound::<Qualification>(path)
        } else if schema == BaselineVersion::V1.name() {
            sound::<Baseline>(path)
        } else if schema == PEERS {
            return Ok(peers(value));
        } else {
            return Ok(Some(format!("schema: \"{schema}\" is unknown")));
        };
        // The schema's errors say where in the document, the reader's in which
        // line: what is said first is enough.
        Ok(match own {
            Some(problem) => Some(problem),
            None => self.against_schema(schema, &value)?,
        })
    }

    fn history(&mut self, path: &Path) -> Result<Vec<String>> {
        let history = match history::read(path) {
            Ok(history) => history,
            Err(error) => return Ok(vec![chain(&error)]),
        };
        let mut problems: Vec<String> = history.broken.iter().map(|line| chain(line)).collect();
        // What the reader took is held against the schema as it stands there.
        let text = fs::read_to_string(path).unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            let Ok(value) = serde_json::from_str(line) else {
                continue;
            };
            if history.broken.iter().any(|broken| broken.line == index + 1) {
                continue;
            }
            let found = self.against_schema(HistoryVersion::V1.name(), &value)?;
            problems.extend(found.map(|problem| format!("line {}: {problem}", index + 1)));
        }
        let machine = path.file_stem().unwrap_or_default().to_string_lossy();
        let stranger = history.lines.iter().find(|line| line.machine != machine);
        problems.extend(stranger.map(|line| {
            let other = &line.machine;
            format!("a line is of the machine `{other}`, and the file is named after another")
        }));
        Ok(problems)
    }

    /// Where `value` first departs from the JSON Schema of that name.
    fn against_schema(&mut self, name: &str, value: &Value) -> Result<Option<String>> {
        if !self.validators.contains_key(name) {
            let schema = schema::for_reading(name)
                .with_context(|| format!("there is no JSON Schema of \"{name}\""))?;
            let validator = jsonschema::draft202012::new(&schema)
                .with_context(|| format!("the JSON Schema of \"{name}\" cannot be used"))?;
            self.validators.insert(name.to_owned(), validator);
        }
        let mut errors = self.validators[name].iter_errors(value);
        Ok(errors
            .next()
            .map(|error| format!("{}: {error}", error.instance_path())))
    }
}

/// What the reader says of the file, if it does not accept it.
fn sound<D: Document>(path: &Path) -> Option<String> {
    document::read::<D>(path).err().map(|error| chain(&error))
}

/// A JSON Schema must be what the types of this program give.
fn schema_file(path: &Path, name: &str) -> Vec<String> {
    let all = schema::all();
    let Some((_, generated)) = all.iter().find(|(known, _)| *known == name) else {
        return vec!["this program writes no files of that schema".to_owned()];
    };
    match fs::read_to_string(path) {
        Ok(text) if text == *generated => Vec::new(),
        Ok(text) => {
            let same = text.lines().zip(generated.lines());
            let line = same.take_while(|(one, other)| one == other).count() + 1;
            vec![format!(
                "line {line}: it is not what `authbench schema` gives: it was edited, or the \
                 formats have changed since"
            )]
        }
        Err(error) => vec![format!("it cannot be read: {error}")],
    }
}

/// What drivers beside each other took has no JSON Schema: its frame is checked.
fn peers(value: Value) -> Option<String> {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "that the members can be read is what is asked")]
    struct Peers {
        began_at: String,
        source: Source,
        environment: Environment,
        settings: serde_json::Map<String, Value>,
        skipped: Vec<Value>,
        cost: Vec<Value>,
    }
    match serde_json::from_value::<Peers>(value) {
        Ok(read) => {
            let began: Result<jiff::Timestamp, _> = read.began_at.parse();
            began.err().map(|error| format!("began_at: {error}"))
        }
        Err(error) => Some(format!("{PEERS}: {error}")),
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
