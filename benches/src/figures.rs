//! Figures that are not criterion's, for `authbench bench`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use authbench_results::BenchFigure;

/// Writes `figures` to `authbench/<bench>.json` in cargo's target folder.
/// `target_tmp` is `env!("CARGO_TARGET_TMPDIR")` of a bench, a folder in it.
///
/// # Errors
/// When the file cannot be written.
pub fn write(target_tmp: &str, bench: &str, figures: &[BenchFigure]) -> Result<()> {
    let folder = Path::new(target_tmp).with_file_name("authbench");
    let file = folder.join(format!("{bench}.json"));
    let json = serde_json::to_vec_pretty(figures)?;
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, json))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    println!("{} figures in {}", figures.len(), file.display());
    Ok(())
}
