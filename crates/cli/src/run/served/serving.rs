//! Servers under load.

use anyhow::Result;
use authbench_load::{CellOutcome, Routing, SaturationOutcome, SaturationPlan};
use authbench_results::Topology;

use super::Served;
use crate::run::carrier::Carrier;
use crate::run::cells::{Stretch, Tour};
use crate::run::contender::Serving;
use crate::run::faults::{self, Caused, Heard};

impl Serving for Served {
    fn carrier(&self) -> Carrier {
        Carrier::Http(self.engine)
    }

    fn threads(&self) -> u32 {
        self.threads
    }

    fn can_be_spread(&self) -> bool {
        self.shares_logins || self.fleet.setting.replicas == 1
    }

    fn topology(&self, routing: Routing, hops: u32) -> Topology {
        let setting = self.fleet.setting;
        Topology {
            replicas: setting.replicas,
            routing: match routing {
                Routing::Sticky => authbench_results::Routing::Sticky,
                Routing::RoundRobin => authbench_results::Routing::RoundRobin,
            },
            hops,
            store_round_trip_us: setting.store_round_trip_us,
        }
    }

    fn servers_cpu_ns(&self) -> Option<u64> {
        // A server that has gone uses nothing.
        Some(self.fleet.cpu_ns().unwrap_or(0))
    }

    fn cell(
        &mut self,
        stretch: &Stretch<'_>,
        tour: &Tour<'_>,
    ) -> Result<(CellOutcome, Vec<Caused>)> {
        let (fleet, driver) = (&self.fleet, &mut self.driver);
        let Some(recipe) = self.candidate.recipe() else {
            // Nobody has a way to break it.
            let mut watch = tour.progress.watch();
            let mut probe = || fleet.cpu_ns();
            let outcome = driver.cell(&stretch.point, &mut probe, &mut watch, tour.stop)?;
            return Ok((outcome, Vec::new()));
        };
        let ground = faults::Ground {
            recipe,
            fleet,
            services: tour.services,
        };
        let (outcome, caused) = faults::during(&stretch.faults, &ground, |trigger| {
            let mut heard = Heard {
                inner: tour.progress.watch(),
                trigger,
            };
            let mut probe = || fleet.cpu_ns();
            driver.cell(&stretch.point, &mut probe, &mut heard, tour.stop)
        });
        Ok((outcome?, caused))
    }

    fn saturate(&mut self, plan: &SaturationPlan, tour: &Tour<'_>) -> Result<SaturationOutcome> {
        let fleet = &self.fleet;
        let mut probe = || fleet.cpu_ns();
        Ok(self.driver.saturate(plan, &mut probe, tour.stop)?)
    }
}
