//! What the drivers print, read into the same few figures.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// hey keeps no more answers than this; its distribution of status codes
/// leaves out the rest.
const HEY_KEEPS: u64 = 1_000_000;

/// What a driver says of its run.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// Requests that were answered, with whatever status.
    pub(crate) completed: u64,
    /// Those of them whose status or body was not the one asked for, and
    /// requests without an answer. What was under way at the end is in
    /// neither.
    pub(crate) failed: u64,
    /// The 99th percentile of what the driver takes for the latency,
    /// milliseconds; none if it does not say.
    pub(crate) p99_ms: Option<f64>,
}

/// wrk's text.
///
/// # Errors
/// When the count of requests is not there.
pub(crate) fn wrk(text: &str) -> Result<Said> {
    let completed = text
        .lines()
        .find_map(|line| number_before(line, " requests in "))
        .context("no line `N requests in T`")?;
    let refused = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Non-2xx or 3xx responses: "));
    let refused: u64 = refused.map_or(Ok(0), |count| count.trim().parse())?;
    // connect 0, read 0, write 0, timeout 0
    let broken = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Socket errors: "))
        .map_or(Ok(0), |errors| errors.split(", ").map(last_number).sum())?;
    let p99_ms = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("99%"))
        .map(|time| milliseconds(time.trim()))
        .transpose()?;
    Ok(Said {
        completed,
        failed: refused + broken,
        p99_ms,
    })
}

/// h2load's text.
///
/// # Errors
/// When the counts are not there.
pub(crate) fn h2load(text: &str) -> Result<Said> {
    let counts = text
        .lines()
        .find_map(|line| line.strip_prefix("requests: "))
        .context("no line `requests: N total, ...`")?;
    let count = |name: &str| {
        counts
            .split(", ")
            .find_map(|part| number_before(part, &format!(" {name}")))
            .with_context(|| format!("no count `{name}` in `{counts}`"))
    };
    Ok(Said {
        completed: count("done")?,
        // Errored and timed-out requests are among the failed.
        failed: count("failed")?,
        p99_ms: None,
    })
}

/// hey's text.
///
/// # Errors
/// When the status codes or the rate are not there.
pub(crate) fn hey(text: &str) -> Result<Said> {
    let (mut kept, mut right) = (0, 0);
    for line in text.lines() {
        if let Some(count) = number_before(line, " responses") {
            kept += count;
            if line.trim().starts_with("[200]") {
                right += count;
            }
        }
    }
    ensure!(kept > 0, "no line `[STATUS] N responses`");
    let completed = if kept < HEY_KEEPS {
        kept
    } else {
        let field = |name: &str| -> Result<f64> {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(name))
                .with_context(|| format!("no line `{name}`"))?;
            Ok(line.trim().trim_end_matches(" secs").parse()?)
        };
        (field("Requests/sec:")? * field("Total:")?).round() as u64
    };
    let p99_ms = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("99% in "))
        .map(|time| time.trim_end_matches(" secs").parse::<f64>())
        .transpose()?
        .map(|seconds| (seconds * 1e6).round() / 1e3);
    // Under `Error distribution:`, one `[COUNT]<tab>MESSAGE` a line.
    let errors = text.split("Error distribution:").nth(1).unwrap_or_default();
    let broken: u64 = errors
        .lines()
        .filter_map(|line| line.trim().strip_prefix('[')?.split_once(']'))
        .filter_map(|(count, _)| count.parse::<u64>().ok())
        .sum();
    Ok(Said {
        completed,
        failed: kept - right + broken,
        p99_ms,
    })
}

/// oha's JSON (`--output-format json`).
///
/// # Errors
/// When it is not that.
pub(crate) fn oha(text: &str) -> Result<Said> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        status_code_distribution: std::collections::BTreeMap<String, u64>,
        error_distribution: std::collections::BTreeMap<String, u64>,
        latency_percentiles: std::collections::BTreeMap<String, Option<f64>>,
    }
    let report: Report = serde_json::from_str(text).context("not the JSON of oha")?;
    let completed = report.status_code_distribution.values().sum();
    let right = report.status_code_distribution.get("200").unwrap_or(&0);
    // Requests under way at the end are no failures.
    let broken: u64 = report
        .error_distribution
        .iter()
        .filter(|(error, _)| !error.contains("aborted due to deadline"))
        .map(|(_, count)| count)
        .sum();
    let p99_s = report.latency_percentiles.get("p99").copied().flatten();
    Ok(Said {
        completed,
        failed: completed - right + broken,
        p99_ms: p99_s.map(|seconds| (seconds * 1e6).round() / 1e3),
    })
}

/// Our own: [`Said`] as JSON, the last line.
///
/// # Errors
/// When it is not that.
pub(crate) fn ours(text: &str) -> Result<Said> {
    let last = text.lines().last().context("nothing was printed")?;
    Ok(serde_json::from_str(last)?)
}

/// The number that stands directly before `after` in `line`.
fn number_before(line: &str, after: &str) -> Option<u64> {
    let (before, _) = line.split_once(after)?;
    before.split_whitespace().last()?.parse().ok()
}

fn last_number(text: &str) -> Result<u64> {
    let last = text.split_whitespace().last();
    last.and_then(|number| number.parse().ok())
        .with_context(|| format!("no number at the end of `{text}`"))
}

/// wrk's times: `637.63us`, `3.24ms`, `1.02s`, `2.00m`.
fn milliseconds(text: &str) -> Result<f64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        unit => anyhow::bail!("`{unit}` is no unit of time, in `{text}`"),
    };
    let value: f64 = digits.parse().with_context(|| format!("`{text}`"))?;
    Ok(value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! sample {
        ($name:literal) => {
            include_str!(concat!("samples/", $name))
        };
    }

    fn said(completed: u64, failed: u64, p99_ms: Option<f64>) -> Said {
        Said {
            completed,
            failed,
            p99_ms,
        }
    }

    #[test]
    fn captured_runs_are_read() {
        assert_eq!(
            wrk(sample!("wrk.txt")).unwrap(),
            said(184_108, 0, Some(3.24))
        );
        assert_eq!(
            wrk(sample!("wrk-refused.txt")).unwrap(),
            said(194_786, 194_786, None)
        );
        assert_eq!(hey(sample!("hey.txt")).unwrap(), said(74_599, 0, Some(5.9)));
        assert_eq!(
            hey(sample!("hey-refused.txt")).unwrap(),
            said(10_048, 10_048, Some(5.0))
        );
        assert_eq!(
            h2load(sample!("h2load.txt")).unwrap(),
            said(183_955, 0, None)
        );
        assert_eq!(
            h2load(sample!("h2load-refused.txt")).unwrap(),
            said(101_936, 101_936, None)
        );
    }

    #[test]
    fn oha_counts_what_was_under_way_at_the_end_as_neither() {
        let run = sample!("oha.json");
        assert_eq!(oha(run).unwrap(), said(21_200, 0, Some(12.953)));
        let refused = oha(sample!("oha-refused.json")).unwrap();
        assert_eq!(refused, said(499, 499, Some(0.404)));
        let broken = run.replace("aborted due to deadline", "connection closed");
        assert_eq!(oha(&broken).unwrap(), said(21_200, 61, Some(12.953)));
    }

    #[test]
    fn connections_that_break_are_failures() {
        let broken = sample!("wrk.txt").replace(
            "Requests/sec",
            "  Socket errors: connect 1, read 20, write 300, timeout 4\nRequests/sec",
        );
        assert_eq!(wrk(&broken).unwrap().failed, 325);
        let broken = sample!("hey.txt").to_owned()
            + "Error distribution:\n  [3]\tGet http://x: EOF\n  [4]\tGet http://x: reset\n";
        assert_eq!(hey(&broken).unwrap(), said(74_599, 7, Some(5.9)));
    }

    #[test]
    fn hey_counts_beyond_what_it_keeps() {
        let long = sample!("hey.txt")
            .replace("74599 responses", "1000000 responses")
            .replace("37275.0607", "40000.0")
            .replace("2.0013", "30.0");
        assert_eq!(hey(&long).unwrap().completed, 1_200_000);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in ["", "unable to connect to 127.0.0.1:1 Connection refused\n"] {
            for parse in [wrk, hey, h2load, oha, ours] {
                assert!(parse(text).is_err(), "{text}");
            }
        }
        assert!(milliseconds("3 parsec").is_err());
        assert_eq!(milliseconds("1.5s").unwrap(), 1_500.0);
        assert_eq!(milliseconds("500.00us").unwrap(), 0.5);
    }
}
