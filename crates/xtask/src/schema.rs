//! The JSON Schema of result files, kept in the repository for those who read results elsewhere.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use authbench_results::schema::{FILE_NAME, json};

/// Writes the schema, or with `check` compares it with the file.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let path = root.join("results/schema").join(FILE_NAME);
    let shown = path.strip_prefix(root).unwrap_or(&path).display();
    if check {
        let found = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        ensure!(
            found == json(),
            "{shown} is stale: run `cargo xtask schema` and commit the file"
        );
        println!("schema: {shown} is up to date");
    } else {
        fs::write(&path, json()).with_context(|| format!("cannot write {shown}"))?;
        println!("schema: wrote {shown}");
    }
    Ok(())
}
