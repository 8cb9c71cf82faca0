//! How many instructions an operation takes, as Callgrind counts them: every
//! scheme that keeps nothing or keeps it in this process's memory. Keys,
//! randomness, instants, hash seeds and population are fixed, so the counts are
//! the same in every run over the same code with the same tools. They are no
//! speed, and are compared with their own past only.
//!
//! Without Valgrind or without `gungraun-runner` nothing is counted, and the
//! program says so and fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use authbench_benches::cases;
use authbench_benches::exact::operations_of;
use authbench_benches::figures;
use authbench_benches::fixed::{CALLS, varies};
use authbench_benches::options::Options;
use authbench_benches::programs::{self, Program};
use authbench_results::{CountedFigure, Counts, MetricClass};
use serde::Deserialize;

/// What is to be counted, for the processes that do it:
/// `<recipe>:<operation>`, with spaces between.
const TASKS: &str = "AUTHBENCH_INSTRUCTION_TASKS";

/// Every octet of what is random elsewhere.
const SEED: u8 = 7;

fn main() -> Result<()> {
    let is_measured = std::env::args().nth(1).as_deref() == Some("--gungraun-run");
    if is_measured || std::env::var_os(TASKS).is_some() {
        harness::run();
        return Ok(());
    }
    let options = Options::from_args();
    if options.test {
        println!("instructions: nothing to test without counting");
        return Ok(());
    }
    let mut counts = Counts::default();
    let mut tasks = Vec::new();
    for case in cases::distinct() {
        let counted = case.is_in_memory() || case.is_stateless();
        if !counted || !options.wants(&case.name) {
            continue;
        }
        for operation in operations_of(&case)? {
            match varies(&case, operation) {
                None => tasks.push((case.clone(), operation)),
                Some(why) => {
                    let what = format!("{}, {}_instructions", case.name, operation.label());
                    counts.skipped.push(format!("{what}: {why}"));
                }
            }
        }
    }
    let names = tasks
        .iter()
        .map(|(case, operation)| format!("{}:{}", case.recipe.name, operation.label()));
    let names: Vec<String> = names.collect();
    let counted = count(&names.join(" "))?;
    for ((case, operation), instructions) in tasks.iter().zip(found(&counted, tasks.len())?) {
        let metric = format!("{}_instructions", operation.label());
        let value = (instructions / CALLS as f64).round();
        println!("{:<36} {metric:<36} {value:>12}", case.name);
        counts.figures.push(CountedFigure {
            class: MetricClass::Instructions,
            strategy: case.name.clone(),
            metric,
            value,
        });
    }
    figures::write_counted(env!("CARGO_TARGET_TMPDIR"), "instructions", &counts)
}

/// Lets gungraun count `tasks`; the folder with what it found.
fn count(tasks: &str) -> Result<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("authbench-counted");
    let folder = target.join("gungraun");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    let path = programs::path_with(&[Program::Valgrind, Program::Runner], &target)?;
    let status = Command::new(std::env::current_exe()?)
        .args([
            "--bench",
            "--save-summary=json",
            "--nosummary=true",
            "--parallel=auto",
        ])
        .arg("--home")
        .arg(&folder)
        .env("PATH", path)
        .env(TASKS, tasks)
        .status()
        .context("the counting process cannot be started")?;
    if !status.success() {
        bail!("gungraun could not count: {status}; what it said stands above");
    }
    Ok(folder)
}

/// The instructions of each of `count` tasks, in their order.
fn found(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let mut all = vec![None; count];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "summary.json") {
                let (number, instructions) =
                    read(&path).with_context(|| format!("{} is not understood", path.display()))?;
                *all.get_mut(number)
                    .context("more was counted than asked for")? = Some(instructions);
            }
        }
    }
    let all = all.into_iter().enumerate();
    all.map(|(number, it)| it.with_context(|| format!("task {number} was not counted")))
        .collect()
}

/// A `summary.json` of gungraun, as far as it matters.
#[derive(Deserialize)]
struct Summary {
    id: String,
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    metrics: Metrics,
}

#[derive(Deserialize)]
struct Metrics {
    #[serde(rename = "Ir")]
    instructions: Metric,
}

#[derive(Deserialize)]
struct Metric {
    values: Values,
}

#[derive(Deserialize)]
struct Values {
    new: f64,
}

/// The number of the task, and its instructions.
fn read(file: &Path) -> Result<(usize, f64)> {
    let summary: Summary = serde_json::from_slice(&fs::read(file)?)?;
    let number = summary.id.rsplit('_').next();
    let number = number.context("its id has no number")?.parse()?;
    let [profile] = &summary.profiles[..] else {
        bail!("it has not one profile but {}", summary.profiles.len());
    };
    Ok((number, profile.data.total.metrics.instructions.values.new))
}

/// The system's randomness in this program, the same in every process: seeds of
/// hash maps in libraries, of tokens' claims for one, decide in which order they
/// are gone through and so how many instructions that takes. Cryptography draws
/// from elsewhere.
///
/// # Safety
/// `buffer` must have room for `length` octets, as the system's function wants.
#[expect(
    unsafe_code,
    reason = "a function of the C library can be replaced in no other way"
)]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller has so much room there.
    unsafe { std::ptr::write_bytes(buffer, SEED, length) };
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// What gungraun's macros make.
mod harness {
    use std::hint::black_box;
    use std::path::Path;

    use authbench_benches::cases::Case;
    use authbench_benches::fixed::{CALLS, Prepared};
    use authbench_benches::ground::Ground;
    use authbench_benches::logins::ready;
    use authbench_catalog::{Recipe, find};
    use gungraun::Callgrind;
    use gungraun::prelude::*;

    use super::TASKS;

    /// Runs the whole harness: it decides by the arguments what it does.
    pub(super) fn run() {
        main();
    }

    fn tasks() -> Vec<String> {
        let tasks = std::env::var(TASKS).unwrap_or_default();
        tasks.split(' ').map(str::to_owned).collect()
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "gungraun's macros hand over what they go through"
    )]
    fn prepare(task: String) -> Prepared {
        match prepared(&task) {
            Ok(prepared) => prepared,
            Err(error) => panic!("{task}: {error:#}"),
        }
    }

    fn prepared(task: &str) -> anyhow::Result<Prepared> {
        let (name, operation) = task.split_once(':').unwrap_or((task, ""));
        // The file, and not the registry: reading all recipes takes long here.
        let strategies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/strategies");
        let file = strategies.join(format!("{name}.toml"));
        let recipe = if file.is_file() {
            Recipe::read(&file)?
        } else {
            find(name)?
        };
        let case = Case {
            name: name.to_owned(),
            recipe,
        };
        Prepared::new(Ground::fixed()?, &case, operation.parse()?)
    }

    #[library_benchmark]
    #[benches::task(iter = tasks(), setup = prepare)]
    fn operation(prepared: Prepared) -> Prepared {
        for n in 0..CALLS {
            match ready(black_box(&prepared).call(n)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) | Err(error) => panic!("{error:#}"),
            }
        }
        prepared
    }

    library_benchmark_group!(name = operations, benchmarks = operation);

    main!(
        config = LibraryBenchmarkConfig::default()
            .pass_through_env(TASKS)
            .tool(Callgrind::with_args(["--cache-sim=no"])),
        library_benchmark_groups = operations
    );
}
