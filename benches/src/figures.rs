//! Figures that are not criterion's, for `authbench bench` and for the gate.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_results::{BenchFigure, Counts};
use serde::Serialize;

/// Writes `figures` to `authbench/<bench>.json` in cargo's target folder.
/// `target_tmp` is `env!("CARGO_TARGET_TMPDIR")` of a bench, a folder in it.
///
/// # Errors
/// When the file cannot be written.
pub fn write(target_tmp: &str, bench: &str, figures: &[BenchFigure]) -> Result<()> {
    let file = write_json(target_tmp, "authbench", bench, figures)?;
    println!("{} figures in {}", figures.len(), file.display());
    Ok(())
}

/// Writes what was counted to `authbench-counted/<bench>.json` in cargo's
/// target folder, where nobody looks for figures of another kind, and says
/// once more what was left out.
///
/// # Errors
/// As [`write`].
pub fn write_counted(target_tmp: &str, bench: &str, counts: &Counts) -> Result<()> {
    let file = write_json(target_tmp, "authbench-counted", bench, counts)?;
    println!("{} figures in {}", counts.figures.len(), file.display());
    for left_out in &counts.skipped {
        eprintln!("*** NOTE: LEFT OUT: {left_out} ***");
    }
    Ok(())
}

fn write_json(
    target_tmp: &str,
    folder: &str,
    bench: &str,
    figures: &(impl Serialize + ?Sized),
) -> Result<PathBuf> {
    let folder = Path::new(target_tmp).with_file_name(folder);
    let file = folder.join(format!("{bench}.json"));
    let json = serde_json::to_vec_pretty(figures)?;
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, json))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}
