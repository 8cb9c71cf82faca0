//! What stands where a scenario says nothing.

use authbench_conf::Located;

pub(super) fn one() -> Located<u32> {
    1.into()
}

pub(super) fn warmup_ms_max() -> Located<u64> {
    10_000.into()
}

/// As much as the median answer of the fastest server takes.
pub(super) fn lag_budget_us() -> Located<u64> {
    100.into()
}

pub(super) fn knee_from_per_s() -> Located<u32> {
    1_000.into()
}

pub(super) fn knee_to_per_s() -> Located<u32> {
    500_000.into()
}

pub(super) fn knee_try_ms() -> Located<u64> {
    500.into()
}

pub(super) fn knee_precision_percent() -> Located<u32> {
    5.into()
}

pub(super) fn knee_fractions() -> Located<Vec<Located<u32>>> {
    let percents: Vec<Located<u32>> = [25, 50, 75, 90].map(Located::from).into();
    percents.into()
}
