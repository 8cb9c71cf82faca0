//! The result as Markdown.

use std::fmt::Write as _;

use crate::record::{Comparison, Cost, DISTURBED_FRACTION, Ratio, Stalled, Summary};

/// The whole page.
pub(crate) fn markdown(comparison: &Comparison) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page, comparison);
    page
}

fn write(page: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let settings = &comparison.settings;
    writeln!(page, "# Load drivers beside each other\n")?;
    facts(page, comparison)?;
    for (name, title) in [
        ("reference", "Against the reference server"),
        ("null", "Against a null server"),
    ] {
        let rows: Vec<&Cost> = comparison
            .cost
            .iter()
            .filter(|cost| cost.server == name)
            .collect();
        if !rows.is_empty() {
            writeln!(
                page,
                "\n## {title}\n\n`GET /me`, {} keep-alive connections, closed loop, {} rounds of {} s \
                 in turns. CPU is user and system time of the driver's process, over its \
                 whole life, by answered requests. authbench drives {} users with logins of \
                 their own and judges each answer; the others repeat one request.\n",
                settings.connections, settings.rounds, settings.seconds, settings.users
            )?;
            costs(page, &rows)?;
        }
    }
    if !comparison.stalls.is_empty() {
        writeln!(
            page,
            "\n## Against a server that is stopped for {} ms every {} ms\n\n\
             Reported 99th percentile, {} rounds of {} s. The truth is computed from how long \
             the stops really were.\n",
            settings.stall_ms, settings.period_ms, settings.stall_rounds, settings.stall_seconds
        )?;
        stalls(page, &comparison.stalls)?;
    }
    if comparison.is_disturbed() {
        writeln!(
            page,
            "\n**Disturbed: other processes, or the hypervisor, took more than {:.0} % of the \
             machine in some round. Measure again on a quiet one.**",
            DISTURBED_FRACTION * 100.0
        )?;
    }
    for (at, skipped) in comparison.skipped.iter().enumerate() {
        if at == 0 {
            writeln!(page, "\n## Left out\n")?;
        }
        writeln!(
            page,
            "- {}: {}",
            skipped.driver,
            first_line(&skipped.reason)
        )?;
    }
    Ok(())
}

fn facts(page: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let Comparison {
        source,
        environment,
        ..
    } = comparison;
    let or_unknown = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
    let changed = match source.dirty {
        Some(true) => ", with changes",
        _ => "",
    };
    writeln!(page, "- {}", comparison.began_at)?;
    writeln!(
        page,
        "- {}, {} logical cores, {}, {}, virtualisation: {}",
        or_unknown(&environment.cpu_model),
        environment
            .logical_cores
            .map_or("unknown".to_owned(), |cores| cores.to_string()),
        or_unknown(&environment.kernel),
        or_unknown(&environment.libc),
        or_unknown(&environment.virtualisation)
    )?;
    writeln!(
        page,
        "- server on core {}, drivers on core {}",
        list(&environment.server_cores),
        list(&environment.driver_cores)
    )?;
    writeln!(
        page,
        "- commit {}{changed}, {}, {}",
        or_unknown(&source.commit),
        or_unknown(&source.rustc),
        or_unknown(&source.profile)
    )?;
    for (name, version) in &environment.services {
        writeln!(page, "- {name}: {version}")?;
    }
    Ok(())
}

fn costs(page: &mut String, rows: &[&Cost]) -> std::fmt::Result {
    writeln!(
        page,
        "| driver | us CPU/request | quartiles | x wrk (95 %) | requests/s | driver core busy | \
         server core busy | others at most | failed |\n\
         | --- | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for cost in rows {
        let busy = |of: fn(&crate::record::CostRound) -> u64| {
            let all: f64 = cost.rounds.iter().map(|round| of(round) as f64).sum();
            let wall: f64 = cost.rounds.iter().map(|round| round.wall_ns as f64).sum();
            all / wall * 100.0
        };
        let foreign = cost
            .rounds
            .iter()
            .filter_map(|round| round.foreign_cpu_fraction)
            .reduce(f64::max)
            .map_or("unknown".to_owned(), |it| format!("{:.1} %", it * 100.0));
        let Summary { q1, median, q3 } = cost.cpu_us_per_request;
        writeln!(
            page,
            "| {} | {median:.2} | {q1:.2} to {q3:.2} | {} | {:.0} | {:.0} % | {:.0} % | {foreign} | {} |",
            cost.driver,
            cost.ratio_to_wrk.map_or("-".to_owned(), ratio),
            cost.completed_per_s.median,
            busy(|round| round.cpu_ns),
            busy(|round| round.server_cpu_ns),
            cost.rounds.iter().map(|round| round.failed).sum::<u64>(),
        )?;
    }
    Ok(())
}

fn stalls(page: &mut String, rows: &[Stalled]) -> std::fmt::Result {
    writeln!(
        page,
        "| driver | told, requests/s | answered of told | p99, ms | quartiles | truth, ms | \
         x truth | failed |\n| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |"
    )?;
    for row in rows {
        let Summary { q1, median, q3 } = row.p99_ms;
        writeln!(
            page,
            "| {} | {} | {:.1} % | {median:.1} | {q1:.1} to {q3:.1} | {:.1} | {:.3} | {} |",
            row.driver,
            row.offered_per_s,
            row.answered_fraction.median * 100.0,
            row.truth_ms.median,
            row.ratio_to_truth.median,
            row.rounds.iter().map(|round| round.failed).sum::<u64>(),
        )?;
    }
    Ok(())
}

fn ratio(ratio: Ratio) -> String {
    match (ratio.low, ratio.high) {
        (Some(low), Some(high)) => format!("{:.3} ({low:.3} to {high:.3})", ratio.median),
        _ => format!("{:.3} (too few rounds)", ratio.median),
    }
}

fn list(cores: &[u32]) -> String {
    let cores: Vec<String> = cores.iter().map(u32::to_string).collect();
    cores.join(", ")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use authbench_results::{Environment, Source};

    use super::*;
    use crate::record::tests::{round, stall_round};
    use crate::record::{SCHEMA, Settings, Skipped};

    fn comparison() -> Comparison {
        let wrk: Vec<_> = (0..6).map(|_| round(100, 1_000_000)).collect();
        let own: Vec<_> = (0..6).map(|_| round(100, 800_000)).collect();
        Comparison {
            schema: SCHEMA.to_owned(),
            began_at: jiff::Timestamp::UNIX_EPOCH,
            source: Source::default(),
            environment: Environment::read(authbench_results::Placement {
                server_cores: vec![0],
                driver_cores: vec![1],
                services: [("wrk".to_owned(), "wrk 4".to_owned())].into(),
            }),
            settings: Settings {
                connections: 64,
                users: 1_000,
                rounds: 6,
                seconds: 8,
                stall_rounds: 1,
                stall_seconds: 20,
                stall_ms: 200,
                period_ms: 2_000,
            },
            skipped: vec![Skipped {
                driver: "oha".to_owned(),
                reason: "no `oha` on the path\nmore".to_owned(),
            }],
            cost: [
                Cost::of("null", "authbench (epoll)", own, Some(&wrk)),
                Cost::of("null", "wrk", wrk.clone(), Some(&wrk)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            stalls: Stalled::of("hey -q", 5_000, vec![stall_round(9.0, 180.0)])
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn the_page_tells_figures_facts_and_what_is_left_out() {
        let page = markdown(&comparison());
        for part in [
            "| authbench (epoll) | 8.00 | 8.00 to 8.00 | 0.800 (0.800 to 0.800) | 50 | 0 % | 50 % | 25.0 % | 0 |",
            "| wrk | 10.00 |",
            "| hey -q | 5000 | 50.0 % | 9.0 | 9.0 to 9.0 | 180.0 | 0.050 | 0 |",
            "- server on core 0, drivers on core 1",
            "- wrk: wrk 4",
            "- oha: no `oha` on the path\n",
            "**Disturbed: ",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(!page.contains("reference server\n"), "{page}");
    }

    #[test]
    fn a_file_says_the_same_after_it_was_read() {
        let written = comparison();
        let text = serde_json::to_string_pretty(&written).unwrap();
        let read: Comparison = serde_json::from_str(&text).unwrap();
        assert_eq!(read, written);
    }
}
