//! What benches leave in cargo's target folder: criterion's estimates, and the
//! figures that are not criterion's.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use authbench_results::BenchFigure;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::workspace::Workspace;

/// `benchmark.json` of criterion.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

/// `estimates.json` of criterion; times are in nanoseconds.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

/// The present instant as the file system has it, which need not be the
/// clock's.
///
/// # Errors
/// When nothing can be written in the target folder.
pub(crate) fn now(workspace: &Workspace) -> Result<SystemTime> {
    let folder = workspace.own();
    let file = fs::create_dir_all(&folder)
        .and_then(|()| tempfile::NamedTempFile::new_in(&folder))
        .and_then(|file| file.as_file().metadata()?.modified());
    file.with_context(|| format!("{} cannot be written", folder.display()))
}

/// All figures that were written at `since` or later, by bench and case.
///
/// # Errors
/// When a file of them cannot be read.
pub(crate) fn written_since(workspace: &Workspace, since: SystemTime) -> Result<Vec<BenchFigure>> {
    let mut figures = Vec::new();
    for file in files(&workspace.criterion())? {
        let is_new = file.ends_with("new/estimates.json");
        if is_new && is_since(&file, since)? {
            figures.push(estimated(&file)?);
        }
    }
    for file in files(&workspace.own())? {
        let is_ours = file.extension().is_some_and(|ending| ending == "json");
        if is_ours && is_since(&file, since)? {
            figures.extend(json::<Vec<BenchFigure>>(&file)?);
        }
    }
    let place = |figure: &BenchFigure| (figure.bench.clone(), natural(&figure.case));
    figures.sort_by_cached_key(place);
    Ok(figures)
}

fn estimated(estimates: &Path) -> Result<BenchFigure> {
    let benchmark: Benchmark = json(&estimates.with_file_name("benchmark.json"))?;
    let Estimates { median } = json(estimates)?;
    let (bench, case) = benchmark
        .full_id
        .split_once('/')
        .unwrap_or((&benchmark.full_id, ""));
    let (value, interval) = (median.point_estimate, median.confidence_interval);
    Ok(BenchFigure {
        bench: bench.to_owned(),
        case: case.to_owned(),
        unit: "ns".to_owned(),
        value,
        // With few samples the resampled ends can miss the median by a hair.
        low: Some(interval.lower_bound.min(value)),
        high: Some(interval.upper_bound.max(value)),
    })
}

/// Every file below `folder`; none if it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&folder)(error)),
        };
        for entry in entries {
            let path = entry.map_err(unreadable(&folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn is_since(file: &Path, since: SystemTime) -> Result<bool> {
    let modified = fs::metadata(file).and_then(|data| data.modified());
    Ok(modified.map_err(unreadable(file))? >= since)
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).map_err(unreadable(file))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what a bench writes", file.display()))
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> anyhow::Error {
    move |error| anyhow::Error::new(error).context(format!("{} cannot be read", path.display()))
}

/// `case` so that numbers in it are in order of their size.
fn natural(case: &str) -> Vec<(String, Option<u64>)> {
    let parts = case.split('/');
    parts
        .map(|part| {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = part.split_at(digits);
            match number.parse() {
                Ok(number) => (rest.to_owned(), Some(number)),
                Err(_) => (part.to_owned(), None),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn workspace(folder: &Path) -> Workspace {
        Workspace {
            root: folder.to_owned(),
            target: folder.to_owned(),
            benches: Vec::new(),
        }
    }

    #[test]
    fn what_benches_write_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let estimates = |ns: u32| {
            format!(
                r#"{{"median":{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":1.0,"upper_bound":9.5}},"point_estimate":{ns},"standard_error":0.1}}}}"#
            )
        };
        let workspace = workspace(folder.path());
        let begun = now(&workspace).unwrap();
        for (place, population, ns) in [("a", 10_000, 5), ("b", 1_000, 7)] {
            let id = format!(r#"{{"full_id":"authenticate/x/hit/{population}"}}"#);
            write(&format!("criterion/{place}/new/benchmark.json"), &id);
            write(
                &format!("criterion/{place}/new/estimates.json"),
                &estimates(ns),
            );
            write(&format!("criterion/{place}/base/estimates.json"), "old");
        }
        let own = r#"[{"bench":"token_size","case":"x/0-roles","unit":"octets","value":43.0,"low":null,"high":null}]"#;
        write("authbench/token_size.json", own);
        let figures = written_since(&workspace, begun).unwrap();
        let cases: Vec<(&str, f64)> = figures
            .iter()
            .map(|it| (it.case.as_str(), it.value))
            .collect();
        assert_eq!(
            cases,
            [
                ("x/hit/1000", 7.0),
                ("x/hit/10000", 5.0),
                ("x/0-roles", 43.0)
            ]
        );
        assert_eq!((figures[0].low, figures[0].high), (Some(1.0), Some(9.5)));

        let later = begun + Duration::from_secs(3_600);
        assert_eq!(written_since(&workspace, later).unwrap(), []);
        write("criterion/a/new/estimates.json", "{}");
        let error = written_since(&workspace, begun).unwrap_err().to_string();
        assert!(error.contains("a/new/estimates.json"), "{error}");
    }
}
