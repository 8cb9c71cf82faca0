//! The search for the highest rate that a strategy carries.

use anyhow::{Result, bail};

use authbench_load::{KneeBounds, KneeSearch, LoadPoint, Try, search_knee};
use authbench_results::{Knee, KneeTry};

use crate::run::cells::{Stretch, Tour};
use crate::run::contender::{Contender, Serving};

/// The first tries have seeds of their own, far from those of load points.
const SEEDS_FROM: u64 = 1_000;

/// Seeks the knee of `contender`, and sets the points at parts of it, at which
/// it will be measured.
pub(crate) fn find<S: Serving>(
    tour: &mut Tour<'_>,
    contender: &mut Contender<S>,
    wanted: &KneeSearch,
) {
    tour.visit(contender, "seeks the knee", |tour, contender| {
        let knee = search(tour, contender, wanted)?;
        match knee.rate_per_s {
            Some(rate_per_s) => {
                let percents = wanted.fractions_percent.value.iter().zip(0_u64..);
                let points = percents.map(|(percent, index)| {
                    let rate_per_s = rate_per_s * f64::from(percent.value) / 100.0;
                    tour.scenario.point_at(rate_per_s, index)
                });
                contender.found.points = points.collect();
            }
            None => contender.note(no_knee(&knee, wanted), tour.progress),
        }
        contender.found.cells = contender.found.points.iter().map(|_| None).collect();
        contender.found.knee = Some(knee);
        Ok(())
    });
}

/// Why there is no knee: by the last try, which is the one that was believed.
fn no_knee(knee: &Knee, wanted: &KneeSearch) -> String {
    let slo_ms = &wanted.slo_ms_p99;
    let doubt = knee.tries.last().and_then(|last| last.doubtful.as_ref());
    let doubt = doubt.map_or_else(String::new, |doubt| {
        format!("; that says little of the strategy, for {doubt}: run it again on a quiet machine")
    });
    format!(
        "no knee: the 99th percentile was over {slo_ms} ms, or requests failed, at the lowest rate \
         that was tried{doubt}"
    )
}

fn search<S: Serving>(
    tour: &Tour<'_>,
    contender: &mut Contender<S>,
    wanted: &KneeSearch,
) -> Result<Knee> {
    let slo_ns_p99 = (wanted.slo_ms_p99.value * 1e6) as u64;
    let bounds = KneeBounds {
        from_per_s: f64::from(wanted.from_per_s.value),
        to_per_s: f64::from(wanted.to_per_s.value),
        precision_percent: f64::from(wanted.precision_percent.value),
    };
    let routing = contender.routing(tour.scenario.topology.routing, tour.progress);
    let mut tries: Vec<KneeTry> = Vec::new();
    let found = search_knee(bounds, |rate_per_s| -> Result<Try> {
        let stretch = Stretch {
            number: 0,
            point: LoadPoint {
                measure_ms: wanted.try_ms.value,
                blocks: 1,
                routing,
                ..tour
                    .scenario
                    .point_at(rate_per_s, SEEDS_FROM + tries.len() as u64)
            },
            hops: tour.scenario.topology.hops.value,
            faults: Vec::new(),
            repeats: true,
        };
        let (outcome, health, _) = tour.measure(contender, &stretch)?;
        // A try that was cut short says nothing of the rate.
        if outcome.interrupted {
            bail!("stopped while the knee was sought");
        }
        let p99_ns =
            (!outcome.response_ns.is_empty()).then(|| outcome.response_ns.value_at_quantile(0.99));
        let failures = outcome.tally.failures();
        let doubtful = tour.doubts(&health);
        let held = failures == 0 && p99_ns.is_some_and(|p99_ns| p99_ns <= slo_ns_p99);
        let is_doubtful = doubtful.is_some();
        tries.push(KneeTry {
            rate_per_s,
            response_ns_p99: p99_ns,
            failures,
            held,
            doubtful,
        });
        Ok(Try { held, is_doubtful })
    })?;
    Ok(Knee {
        slo_ns_p99,
        rate_per_s: found.rate_per_s,
        failed_at_per_s: found.failed_at_per_s,
        tries,
    })
}
