//! Numbers as people read them: three significant digits and a unit that fits.

/// Nanoseconds, e.g. `412 ns`, `12.3 µs`, `1.24 ms`, `3.20 s`, `14.9 min`,
/// `2.50 h`, `14.0 d`. A number that is not finite reads as a dash.
#[must_use]
pub fn duration_ns(ns: f64) -> String {
    if !ns.is_finite() {
        return DASH.to_owned();
    }
    if ns == 0.0 {
        return "0".to_owned();
    }
    let (size, unit) = fitting_unit(ns);
    format!("{} {unit}", significant(ns / size))
}

/// Nanoseconds at a tick of an axis: as short as can be, e.g. `50 µs`, `1 h`.
#[must_use]
pub fn tick_ns(ns: f64) -> String {
    if !ns.is_finite() {
        return DASH.to_owned();
    }
    // A round number of a smaller unit reads better as one of a larger.
    let (size, unit) = TIME_UNITS
        .into_iter()
        .rev()
        .find(|(size, _)| ns >= *size)
        .unwrap_or(TIME_UNITS[0]);
    format!("{} {unit}", few(ns / size))
}

/// Milliseconds of a setting, as short as can be: `50 ms`, `15 min`, `14 d`.
#[must_use]
pub fn setting_ms(ms: u64) -> String {
    if ms == 0 {
        "0".to_owned()
    } else {
        tick_ns(ms as f64 * 1e6)
    }
}

const TIME_UNITS: [(f64, &str); 7] = [
    (1.0, "ns"),
    (1e3, "µs"),
    (1e6, "ms"),
    (1e9, "s"),
    (60e9, "min"),
    (3_600e9, "h"),
    (86_400e9, "d"),
];

fn fitting_unit(ns: f64) -> (f64, &'static str) {
    TIME_UNITS
        .into_iter()
        .rev()
        .find(|(size, unit)| {
            // What would be rounded up to 1000 of a unit is written in the next: 1.00 µs.
            // From the minute on two of a unit are the first that read better than the
            // many of a smaller: 90.0 s, 2.00 min.
            let least = if matches!(*unit, "min" | "h" | "d") {
                1.9995
            } else {
                0.9995
            };
            ns.abs() >= size * least
        })
        .unwrap_or(TIME_UNITS[0])
}

/// Octets, e.g. `43 B`, `1,825 B`, `12.4 kB`, `3.10 MB` (powers of ten). A
/// fraction of one octet matters to nobody.
#[must_use]
pub fn bytes(octets: f64) -> String {
    if !octets.is_finite() {
        return DASH.to_owned();
    }
    match octets.abs() {
        size if size < 9_999.5 => format!("{} B", count(octets)),
        size if size < 999_500.0 => format!("{} kB", significant(octets / 1e3)),
        size if size < 999.5e6 => format!("{} MB", significant(octets / 1e6)),
        _ => format!("{} GB", significant(octets / 1e9)),
    }
}

/// A whole number with separators, e.g. `84,700`.
#[must_use]
pub fn count(number: f64) -> String {
    if !number.is_finite() {
        return DASH.to_owned();
    }
    let rounded = number.round();
    let digits = format!("{:.0}", rounded.abs());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if rounded < 0.0 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate, e.g. `12,000/s`, or `0.500/s` where whole numbers say too little.
#[must_use]
pub fn per_s(rate: f64) -> String {
    if rate.is_finite() && rate != 0.0 && rate.abs() < 100.0 && rate.fract() != 0.0 {
        return format!("{}/s", significant(rate));
    }
    format!("{}/s", count(rate))
}

/// A rate that is itself an estimate: three significant digits, e.g.
/// `84,700/s`.
#[must_use]
pub fn about_per_s(rate: f64) -> String {
    if !rate.is_finite() || rate.abs() < 1000.0 {
        return per_s(rate);
    }
    let step = 10_f64.powi(rate.abs().log10().floor() as i32 - 2);
    per_s((rate / step).round() * step)
}

/// A share of one, e.g. `1.3 %`.
#[must_use]
pub fn percent(fraction: f64) -> String {
    let hundredths = fraction * 100.0;
    if hundredths.is_finite() {
        format!("{hundredths:.1} %")
    } else {
        DASH.to_owned()
    }
}

/// How many times as much, e.g. `5.5 times`.
#[must_use]
pub fn times(factor: f64) -> String {
    if !factor.is_finite() {
        return DASH.to_owned();
    }
    if factor < 9.95 {
        format!("{factor:.1} times")
    } else {
        format!("{} times", count(factor))
    }
}

/// Few things per request, e.g. `0`, `1`, `1.02`.
#[must_use]
pub fn few(number: f64) -> String {
    if !number.is_finite() {
        return DASH.to_owned();
    }
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What stands where there is no number.
pub const DASH: &str = "–";

/// Three significant digits without an exponent; thousands are separated.
fn significant(number: f64) -> String {
    match number.abs() {
        size if size >= 99.95 => count(number),
        size if size >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_take_the_unit_that_fits() {
        let read = [
            0.0,
            4.0,
            412.0,
            999.6,
            12_345.0,
            1.236e6,
            3.2e9,
            90e9,
            119.99e9,
            893.7e9,
            14_400e9,
            1_209_600e9,
        ];
        assert_eq!(
            read.map(duration_ns),
            [
                "0", "4.00 ns", "412 ns", "1.00 µs", "12.3 µs", "1.24 ms", "3.20 s", "90.0 s",
                "2.00 min", "14.9 min", "4.00 h", "14.0 d"
            ]
        );
        assert_eq!(duration_ns(f64::NAN), DASH);
        assert_eq!(
            [0, 50, 90_000, 900_000].map(setting_ms),
            ["0", "50 ms", "1.5 min", "15 min"]
        );
        assert_eq!(
            [5e4, 1e6, 2e10, 60e9, 3_600e9].map(tick_ns),
            ["50 µs", "1 ms", "20 s", "1 min", "1 h"]
        );
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(
            [0.0, 999.0, 1_000.0, 1_234_567.4].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(count(-1_234.0), "-1,234");
        assert_eq!(
            [43.0, 1_825.0, 12_400.0, 3.1e6].map(bytes),
            ["43 B", "1,825 B", "12.4 kB", "3.10 MB"]
        );
        assert_eq!(
            [0.5, 12_000.0].map(per_s),
            ["0.500/s".replace("0.500", "0.50"), "12,000/s".to_owned()]
        );
        assert_eq!(about_per_s(84_745.76), "84,700/s");
        assert_eq!([0.0, 1.0, 1.02, 1.5].map(few), ["0", "1", "1.02", "1.5"]);
        assert_eq!(
            [1.24, 9.96, 37.2].map(times),
            ["1.2 times", "10 times", "37 times"]
        );
    }

    proptest! {
        #[test]
        fn any_number_has_a_short_form(number in any::<f64>()) {
            for text in [duration_ns(number), bytes(number), percent(number)] {
                prop_assert!(!text.is_empty() && !text.contains("inf") && !text.contains("NaN"));
            }
        }

        #[test]
        fn the_unit_keeps_the_value(ns in 1.0..6e15_f64) {
            let text = duration_ns(ns).replace(',', "");
            let (number, unit) = text.split_once(' ').unwrap();
            let size = match unit { "ns" => 1.0, "µs" => 1e3, "ms" => 1e6, "s" => 1e9, "min" => 60e9, "h" => 3_600e9, _ => 86_400e9 };
            let back: f64 = number.parse::<f64>().unwrap() * size;
            prop_assert!((back / ns - 1.0).abs() < 0.0051, "{ns} reads as {text}");
        }
    }
}
