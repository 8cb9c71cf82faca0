//! Arrivals that were recorded.

use std::path::Path;
use std::sync::Arc;

use authbench_conf::{ConfError, Located};

/// The most arrivals of a recording.
const ARRIVALS_MAX: usize = 100_000_000;

/// Recorded arrivals: nanoseconds since the start, ascending, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    at_ns: Box<[u64]>,
}

impl Recording {
    /// Reads a recording: one arrival a line, in seconds since the start as a
    /// decimal number of at most nine places, ascending (equal ones may
    /// follow each other); `#` begins a comment, empty lines count for
    /// nothing.
    ///
    /// # Errors
    /// [`ConfError`] with file and line.
    pub fn read(path: &Path) -> Result<Arc<Self>, ConfError> {
        let text = authbench_conf::read_text(path)?;
        Self::parse(path, &text).map(Arc::new)
    }

    /// Reads a recording from text; `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file and line.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        let mut at_ns: Vec<u64> = Vec::new();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let content = line.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let place = Located {
                value: (),
                line: number,
                column: 1,
            };
            let fault = |message: String| ConfError::semantic(file, &place, message);
            let Some(at) = nanoseconds(content) else {
                return Err(fault(format!(
                    "`{content}` is no number of seconds such as 12.000345"
                )));
            };
            if at_ns.last().is_some_and(|last| *last > at) {
                return Err(fault(format!(
                    "{content} comes after a later arrival: sort the lines"
                )));
            }
            if at_ns.len() == ARRIVALS_MAX {
                return Err(fault(format!("more than {ARRIVALS_MAX} arrivals")));
            }
            at_ns.push(at);
        }
        if at_ns.is_empty() {
            let place: Located<()> = ().into();
            return Err(ConfError::semantic(
                file,
                &place,
                "there is no arrival in it",
            ));
        }
        Ok(Self {
            at_ns: at_ns.into(),
        })
    }

    /// The instants, nanoseconds since the start.
    #[must_use]
    pub fn at_ns(&self) -> &[u64] {
        &self.at_ns
    }

    /// Nanoseconds until it begins again: until its last arrival, a second at
    /// least.
    #[must_use]
    pub fn round_ns(&self) -> u64 {
        let last_ns = self.at_ns.last().copied().unwrap_or(0);
        last_ns.max(1_000_000_000)
    }

    /// Arrivals per second on average over such a round.
    #[must_use]
    pub fn mean_per_s(&self) -> f64 {
        self.at_ns.len() as f64 * 1e9 / self.round_ns() as f64
    }
}

/// Seconds as a decimal number to nanoseconds, exactly; further places are cut
/// off.
fn nanoseconds(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let is_decimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_decimal(whole) || !is_decimal(places) {
        return None;
    }
    let places: u64 = format!("{places:0<9}").get(..9)?.parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(places)
}
