//! What counts as a regression. Statistics over interleaved blocks, the rules
//! of `gate.toml`, ratchets over what is counted, and change points of
//! histories: all of it pure, over values that somebody else has measured.

mod change_points;
mod confidence;
mod effect;
mod files;
mod holm;
mod judge;
mod ratchet;
mod rules;
mod sign_flip;
mod standing;
mod whole;

pub use change_points::{ChangePoint, ChangePointSettings, change_points, counted_changes};
pub use files::{FileComparison, compare_files};
pub use ratchet::{comparable, ratchet};
pub use rules::{Budget, Budgets, Exception, Rules};
pub use standing::{
    AA_GATES_MIN, AA_GATES_PER_RED, FOUND_PERCENT_MIN, INJECTED_PERCENT_MIN, cell_standings,
    standing, unfit,
};
pub use whole::whole;

pub use confidence::{CONFIDENCE, interval_percent, percent, visible_percent};
pub use effect::{Pair, PairedEffects, SampledMetric};
pub use holm::holm;
pub use judge::{CellSpec, JudgeSettings, MIN_PAIRS, confirm, judge};
pub use sign_flip::{DRAWN_PATTERNS, EXACT_PAIRS, SignFlip, pairs_needed};
