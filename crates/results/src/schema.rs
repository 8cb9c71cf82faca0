//! The JSON Schema of result files.

use schemars::generate::SchemaSettings;

use crate::run::RunResult;

/// The file name under which the schema is kept.
pub const FILE_NAME: &str = "authbench.result-1.schema.json";

/// The JSON Schema (2020-12) of [`RunResult`], ending in a line feed.
#[must_use]
pub fn json() -> String {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut body = generator.into_root_schema_for::<RunResult>().to_value();
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
    fn the_checked_in_schema_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results/schema/");
        let on_disk = std::fs::read_to_string(format!("{path}{FILE_NAME}")).unwrap();
        assert_eq!(
            on_disk,
            json(),
            "run `cargo xtask schema` and commit the file"
        );
    }
}
