//! A judgement in the wanted forms, to the wanted places.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_report::gate;
use authbench_results::GateReport;

use crate::exit::UsageError;
use crate::term;

/// The variable in which GitHub tells the file of a job's summary.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// What is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Form {
    /// For people, on a terminal.
    #[default]
    Table,
    /// The whole document (`authbench.gate/1`).
    Json,
    /// Markdown, for a pull request or a job's summary.
    Md,
}

/// Where the forms of a judgement go.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Outputs {
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Write the whole document as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a Markdown summary, too; `-` appends it to the file that
    /// `GITHUB_STEP_SUMMARY` names.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write one self-contained page, too.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the candidate's figures in the Bencher Metric Format, too.
    #[arg(long, value_name = "FILE")]
    bmf: Option<PathBuf>,
    /// Write the candidate's figures as github-action-benchmark reads them
    /// (`customSmallerIsBetter`), too.
    #[arg(long, value_name = "FILE")]
    github_benchmark: Option<PathBuf>,
    /// Print GitHub annotations, too, which a job's log turns into marks.
    #[arg(long)]
    annotations: bool,
    /// List what passed, too, cell by cell.
    #[arg(long, short)]
    verbose: bool,
}

impl Outputs {
    /// Whether all of it can be had, as far as that can be told before
    /// anything is measured.
    ///
    /// # Errors
    /// [`UsageError`] if not.
    pub(crate) fn check(&self) -> Result<()> {
        let is_summary = self.markdown.as_deref() == Some(Path::new("-"));
        if is_summary && std::env::var_os(SUMMARY).is_none() {
            let why =
                format!("`--markdown -` is for GitHub jobs, which set {SUMMARY}: name a file");
            return Err(UsageError(why).into());
        }
        Ok(())
    }

    /// Writes every form that was asked for; each that cannot be written is
    /// told, and the rest is written all the same.
    ///
    /// # Errors
    /// The first that could not be written.
    pub(crate) fn write(&self, report: &GateReport) -> Result<()> {
        let mut first = None;
        for written in [
            self.file(self.json.as_deref(), || {
                Ok(format!("{}\n", serde_json::to_string_pretty(report)?))
            }),
            self.markdown(report),
            self.file(self.junit.as_deref(), || Ok(gate::junit(report)?)),
            self.file(self.html.as_deref(), || Ok(gate::page(report))),
            self.file(self.bmf.as_deref(), || Ok(gate::bmf(report)?)),
            self.file(self.github_benchmark.as_deref(), || {
                Ok(gate::github_benchmark(report)?)
            }),
            self.print(report),
        ] {
            if let Err(error) = written {
                eprintln!("{} {error:#}", term::paint_error("error:"));
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn style(&self) -> gate::TextOptions {
        gate::TextOptions {
            colours: term::paints(),
            verbose: self.verbose,
        }
    }

    fn print(&self, report: &GateReport) -> Result<()> {
        match self.format {
            Form::Table => term::say(gate::text(report, self.style()).trim_end())?,
            Form::Json => term::say(serde_json::to_string_pretty(report)?)?,
            Form::Md => term::say(gate::markdown(report).trim_end())?,
        }
        if self.annotations {
            let lines = gate::annotations(report);
            if !lines.is_empty() {
                term::say(lines.trim_end())?;
            }
        }
        Ok(())
    }

    fn markdown(&self, report: &GateReport) -> Result<()> {
        let wanted = self.markdown.as_deref();
        if wanted != Some(Path::new("-")) {
            return self.file(wanted, || Ok(gate::markdown(report)));
        }
        let file = std::env::var_os(SUMMARY).context("there is no summary of a job")?;
        use std::io::Write as _;
        let file = PathBuf::from(file);
        std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&file)
            .and_then(|mut open| open.write_all(gate::markdown(report).as_bytes()))
            .with_context(|| cannot_write(&file))
    }

    fn file(&self, file: Option<&Path>, text: impl FnOnce() -> Result<String>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let text = text()?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| cannot_write(file))?;
        }
        std::fs::write(file, text).with_context(|| cannot_write(file))
    }
}

fn cannot_write(file: &Path) -> String {
    format!("{} cannot be written", file.display())
}
