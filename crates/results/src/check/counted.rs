//! Whether figures that are kept over time contradict themselves: baselines
//! and histories.

use super::Inconsistency;
use super::rule::{finite, hold, instant, interval, said, standing, unique};
use crate::baseline::Baseline;
use crate::gate::MetricClass;
use crate::history::HistoryLine;

impl Baseline {
    /// Whether its figures are counted ones, each once, finite and not
    /// negative, and it says why it was blessed.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place where not.
    pub fn check(&self) -> Result<(), Inconsistency> {
        instant(&self.blessed_at, "blessed_at")?;
        said([Some(self.because.as_str())], || "because".to_owned())?;
        standing(&self.qualification)?;
        unique(
            self.figures
                .iter()
                .map(|figure| (figure.strategy.as_str(), figure.metric.as_str())),
            "figures",
            "a metric of a strategy stands twice",
        )?;
        for figure in &self.figures {
            let place = || format!("figures, {}, {}", figure.strategy, figure.metric);
            finite([Some(figure.value)], place)?;
            hold(figure.value >= 0.0, place, "a count is not negative")?;
            hold(
                matches!(figure.class, MetricClass::Exact | MetricClass::Instructions),
                place,
                "a baseline holds what is counted only",
            )?;
        }
        let mut figures = self.figures.iter();
        hold(
            self.toolchain.valgrind.is_some()
                || figures.all(|figure| figure.class != MetricClass::Instructions),
            || "toolchain.valgrind".to_owned(),
            "instructions were counted, and the tool that did is not told",
        )
    }
}

impl HistoryLine {
    /// Whether its instant can be read, its number is finite and lies in its
    /// interval, and it says what it is of.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place where not.
    pub fn check(&self) -> Result<(), Inconsistency> {
        instant(&self.at, "at")?;
        let names = [
            &self.commit,
            &self.machine,
            &self.run,
            &self.strategy,
            &self.metric,
        ];
        said(names.map(|name| Some(name.as_str())), || {
            "commit, machine, run, strategy, metric".to_owned()
        })?;
        finite([Some(self.value), self.low, self.high], || {
            "value".to_owned()
        })?;
        interval(self.low, Some(self.value), self.high, || "value".to_owned())
    }
}
