//! The JSON Schemas of the files that are written.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::baseline::Baseline;
use crate::conformance::ConformanceReport;
use crate::gate::GateReport;
use crate::history::HistoryLine;
use crate::qualification::Qualification;
use crate::run::RunResult;

/// The file name under which the schema of results is kept.
pub const FILE_NAME: &str = "authbench.result-1.schema.json";

/// The file name under which the schema of conformance reports is kept.
pub const CONFORMANCE_FILE_NAME: &str = "authbench.conformance-1.schema.json";

/// The JSON Schema (2020-12) of [`RunResult`], ending in a line feed.
#[must_use]
pub fn json() -> String {
    of::<RunResult>()
}

/// The JSON Schema (2020-12) of [`ConformanceReport`], ending in a line feed.
#[must_use]
pub fn conformance_json() -> String {
    of::<ConformanceReport>()
}

/// Every schema with its file name.
#[must_use]
pub fn all() -> [(&'static str, String); 6] {
    [
        (FILE_NAME, json()),
        (CONFORMANCE_FILE_NAME, conformance_json()),
        ("authbench.gate-1.schema.json", of::<GateReport>()),
        (
            "authbench.qualification-1.schema.json",
            of::<Qualification>(),
        ),
        ("authbench.baseline-1.schema.json", of::<Baseline>()),
        ("authbench.history-1.schema.json", of::<HistoryLine>()),
    ]
}

/// The JSON Schema that a file must follow to be read, by the name that the
/// file gives: like the one that is written, but members that were added after
/// the first files may be absent. None if there is no such schema.
#[must_use]
pub fn for_reading(schema: &str) -> Option<serde_json::Value> {
    let body = match schema {
        "authbench.result/1" => reading::<RunResult>(),
        "authbench.conformance/1" => reading::<ConformanceReport>(),
        "authbench.gate/1" => reading::<GateReport>(),
        "authbench.qualification/1" => reading::<Qualification>(),
        "authbench.baseline/1" => reading::<Baseline>(),
        "authbench.history/1" => reading::<HistoryLine>(),
        _ => return None,
    };
    Some(body)
}

fn reading<T: JsonSchema>() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn of<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut body = generator.into_root_schema_for::<T>().to_value();
    let mut schema = serde_json::Map::new();
    // What a reader looks for first stands first.
    for key in ["$schema", "title", "description"] {
        if let Some(value) = body.as_object_mut().and_then(|body| body.shift_remove(key)) {
            schema.insert(key.to_owned(), value);
        }
    }
    schema.extend(body.as_object().cloned().unwrap_or_default());
    format!("{:#}\n", serde_json::Value::Object(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_schemas_are_the_generated_ones() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results/schema/");
        for (file, generated) in all() {
            let on_disk = std::fs::read_to_string(format!("{path}{file}")).unwrap();
            assert_eq!(
                on_disk, generated,
                "run `cargo xtask schema` and commit `{file}`"
            );
        }
    }
}
