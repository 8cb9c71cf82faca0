//! As whom a server runs.

use nix::unistd::{Uid, User};

use super::Service;

/// An unprivileged account of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// For a process of root, the service's own account or `nobody`: PostgreSQL refuses to run as
    /// root, and the others should. `None` for anybody else, whose servers run as themselves.
    pub(super) fn for_server(service: Service) -> Option<Self> {
        if !Uid::effective().is_root() {
            return None;
        }
        [service.label(), "nobody"].into_iter().find_map(|name| {
            // An account that cannot be looked up is as good as none.
            let user = User::from_name(name).ok().flatten()?;
            let account = Self {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            };
            (!user.uid.is_root()).then_some(account)
        })
    }
}
