//! The JSON Schemas of the files that are written, kept in the repository for those who read them
//! elsewhere.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use authbench_results::schema;

/// Writes the schemas, or with `check` compares them with the files.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    for (name, generated) in schema::all() {
        let path = root.join("results/schema").join(name);
        let shown = path.strip_prefix(root).unwrap_or(&path).display();
        if check {
            let found =
                fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
            ensure!(
                found == generated,
                "{shown} is stale: run `cargo xtask schema` and commit the file"
            );
            println!("schema: {shown} is up to date");
        } else {
            fs::write(&path, generated).with_context(|| format!("cannot write {shown}"))?;
            println!("schema: wrote {shown}");
        }
    }
    Ok(())
}
