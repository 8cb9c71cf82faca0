//! Strangers' servers as a fleet, like our own.

use anyhow::Result;
use authbench_catalog::registry::Service;
use authbench_wire::Profile;
use parking_lot::Mutex;

use super::{Fleet, Grounds, Server, Setting};
use crate::foreign::{Footing, Launched, Stranger};
use crate::run::doors::Doors;

impl Fleet {
    /// Starts as many servers of a stranger as there are to be replicas.
    pub(super) fn of_stranger(
        stranger: &Stranger,
        setting: Setting,
        grounds: &Grounds<'_>,
    ) -> Result<(Self, Profile)> {
        stranger.install(&|what| eprintln!("{what}"))?;
        let mut profile = stranger.profile().clone();
        let mut users = profile.users.count();
        if stranger.has_any_number_of_users()
            && let Some(pattern) = &mut profile.users.pattern
        {
            users = setting.accounts;
            pattern.count = users;
        }
        let footing = Footing {
            cores: grounds.placement.pin_server(),
            redis_url: grounds.services.url(Service::Redis),
            users,
        };
        let mut fleet = Self {
            doors: Doors::open()?,
            setting: Setting { hops: 1, ..setting },
            servers: Vec::new(),
            addresses: Vec::new(),
            proxies: Vec::new(),
            _shared: None,
        };
        for _ in 0..setting.replicas.max(1) {
            let Launched {
                command,
                process,
                address,
            } = stranger.launch(&footing)?;
            fleet.addresses.push(address);
            fleet.servers.push(Mutex::new(Server {
                command,
                process,
                gone_cpu_ns: 0,
            }));
        }
        profile.base_url = fleet
            .addresses
            .first()
            .map(|first| format!("http://{first}"));
        Ok((fleet, profile))
    }
}
