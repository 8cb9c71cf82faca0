//! `authbench load`: one request to one URL, again and again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_lab::cores;
use authbench_load::{
    Arrivals, EngineKind, LoadPoint, PlainDriver, PlainOptions, PlainRequest, Spacing, Warmup,
};
use http::{HeaderName, HeaderValue, Method};

use crate::exit::{Outcome, UsageError};
use crate::load::Summary;
use crate::run::progress::Progress;
use crate::stop;
use crate::term::{self, Format};
use crate::trust;

/// Put any URL under load, as wrk does.
///
/// With -R arrivals come at that rate whatever the server does, and response
/// times count from the instant at which a request was meant to be sent.
/// Without it each connection asks again as soon as it has an answer.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to send requests (http or https).
    url: String,
    /// Connections to keep open.
    #[arg(short, long, default_value_t = 64, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Threads, each with its share of the connections.
    #[arg(short, long, default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: u32,
    /// How long to measure: 10s, 500ms, 2m.
    #[arg(short, long, default_value = "10s", value_parser = duration, value_name = "TIME")]
    duration: Duration,
    /// Requests per second over all connections: an open loop.
    #[arg(short = 'R', long, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rate: Option<u32>,
    /// How requests of an open loop are spaced.
    #[arg(long, value_enum, default_value_t, requires = "rate")]
    spacing: SpacingArg,
    /// A header field, `Name: value`; may be given several times.
    #[arg(short = 'H', long = "header", value_parser = header, value_name = "FIELD")]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The method.
    #[arg(short = 'X', long, default_value = "GET", value_parser = method, value_name = "METHOD")]
    method: Method,
    /// The content, as text.
    #[arg(short = 'b', long, value_name = "TEXT")]
    body: Option<String>,
    /// The content, from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// How long an answer may take.
    #[arg(long, default_value = "2s", value_parser = duration, value_name = "TIME")]
    timeout: Duration,
    /// Load before measuring begins.
    #[arg(long, default_value = "500ms", value_parser = duration, value_name = "TIME")]
    warmup: Duration,
    /// How requests reach the wire: auto, epoll, io-uring, hyper or http2.
    #[arg(long, default_value_t, value_name = "ENGINE")]
    engine: EngineKind,
    /// Believe the certificates that lead to those of this PEM file (https).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Believe any certificate (https); for laboratories only.
    #[arg(short = 'k', long, conflicts_with = "ca")]
    insecure: bool,
    /// The target is another machine, and mine: without this only this machine
    /// is put under load.
    #[arg(long)]
    i_own_this_target: bool,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum SpacingArg {
    /// Evenly, as wrk2 does.
    #[default]
    Even,
    /// With exponentially distributed gaps, as independent users would.
    Poisson,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let stop = stop::at_ctrl_c()?;
    let placement = cores::split(1).context("the machine does not tell its cores")?;
    let own: Vec<usize> = placement
        .pin_driver()
        .map(|own| own.iter().collect())
        .unwrap_or_default();
    // More threads than the driver has cores are left to the system.
    let threads = args.threads as usize;
    let lanes = (0..threads).map(|lane| own.get(lane).copied().filter(|_| threads <= own.len()));
    let driver = PlainDriver::new(
        &request(args)?,
        &PlainOptions {
            allow_remote: args.i_own_this_target,
            trust: trust::of(args.ca.as_deref(), args.insecure)?,
            engine: args.engine,
            shared_core: placement.shared || threads > own.len(),
            lanes: lanes.collect(),
        },
    )?;
    let point = point(args);
    let names = [args.url.clone()];
    let progress = Progress::new(1, &names, args.quiet);
    progress.step(&args.url, "load");
    let outcome = driver.cell(&point, &mut progress.watch(), &stop);
    progress.step_done();
    drop(progress);
    let summary = Summary::new(&args.url, threads, &outcome?);
    match args.format {
        Format::Json => term::say(serde_json::to_string_pretty(&summary)?)?,
        _ => term::say(summary.to_string().trim_end())?,
    }
    Ok(if summary.is_good() {
        Outcome::Good
    } else if summary.is_measured() {
        Outcome::Bad
    } else {
        Outcome::NotMeasured
    })
}

fn point(args: &Args) -> LoadPoint {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let arrivals = match args.rate {
        None => Arrivals::Closed { think_ms: 0.0 },
        Some(rate) => {
            let spacing = match args.spacing {
                SpacingArg::Even => Spacing::Even,
                SpacingArg::Poisson => Spacing::Poisson,
            };
            Arrivals::steady(spacing, f64::from(rate))
        }
    };
    LoadPoint {
        connections: args.connections,
        warmup: Warmup::fixed(ms(args.warmup)),
        measure_ms: ms(args.duration).max(1),
        timeout_ms: ms(args.timeout).max(1),
        ..LoadPoint::reads(arrivals)
    }
}

fn request(args: &Args) -> Result<PlainRequest> {
    let body = match (&args.body, &args.body_file) {
        (Some(text), _) => Some(text.clone().into_bytes()),
        (None, Some(file)) => Some(std::fs::read(file).map_err(|error| {
            UsageError(format!("`{}` cannot be read: {error}", file.display()))
        })?),
        (None, None) => None,
    };
    Ok(PlainRequest {
        url: args.url.clone(),
        method: args.method.clone(),
        headers: args.headers.clone(),
        body,
    })
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| "write it as `Name: value`".to_owned())?;
    let name = name
        .trim()
        .parse()
        .map_err(|_| format!("`{name}` is no field name"))?;
    let value = HeaderValue::from_str(value.trim())
        .map_err(|_| format!("`{}` is no field value", value.trim()))?;
    Ok((name, value))
}

fn method(text: &str) -> Result<Method, String> {
    text.parse().map_err(|_| format!("`{text}` is no method"))
}

/// A number with ms, s, m or h behind it; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor_s = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{unit}` is no unit of time: use ms, s, m or h")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("`{text}` is no time such as 10s or 500ms"))?;
    let seconds = number * factor_s;
    if seconds > 86_400.0 {
        return Err(format!("`{text}` is longer than a day"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_several_units() {
        let ms = |text| duration(text).map(|time| time.as_millis());
        assert_eq!(ms("10s"), Ok(10_000));
        assert_eq!(ms("1.5"), Ok(1_500));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("2m"), Ok(120_000));
        for wrong in ["", "s", "10x", "-1s", "25h", "1e3s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_are_checked_where_they_are_given() {
        let (name, value) = header("X-A:  b: c ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-a", "b: c"));
        for wrong in ["x", "a b: c", "a: b\nc"] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
    }
}
