//! How our own servers are launched, and how one has ended.

use std::path::PathBuf;

use anyhow::Result;
use authbench_catalog::Recipe;
use authbench_lab::ServerCommand;
use authbench_lab::services::Proxied;

use crate::run::served::{Fleet, Grounds, Setting, recipe_argument};

/// How our own servers are launched, where it is not as usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// The program; this one if `None`.
    pub(crate) program: Option<PathBuf>,
    /// Arguments behind the usual ones.
    pub(crate) args: Vec<String>,
    /// Variables beside the usual ones.
    pub(crate) env: Vec<(String, String)>,
}

impl Launch {
    /// What all servers of `recipe` have in common.
    pub(super) fn command(
        &self,
        recipe: &Recipe,
        setting: Setting,
        grounds: &Grounds<'_>,
        proxies: &[Proxied],
    ) -> Result<ServerCommand> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        let mut command = ServerCommand::new(program)
            .args(["serve", &recipe_argument(recipe)])
            .args(["--with-parent", "--lab"])
            .args(["--lab-users", &setting.accounts.to_string()])
            .args(["--lab-roles", &setting.roles.to_string()])
            .args(&self.args)
            .cores(grounds.placement.pin_server());
        for (variable, url) in grounds.services.environment_behind(proxies) {
            command = command.env(variable, url);
        }
        for (variable, value) in &self.env {
            command = command.env(variable, value);
        }
        Ok(command)
    }
}

impl Fleet {
    /// How the first server that has ended did so, with its last words; `None`
    /// while all run.
    pub(crate) fn ended(&self) -> Option<String> {
        self.servers.iter().find_map(|server| {
            let process = &mut server.lock().process;
            let status = process.exit_status().ok().flatten()?;
            let words = process.last_lines();
            Some(if words.is_empty() {
                format!("it ended ({status}) and wrote nothing")
            } else {
                format!(
                    "it ended ({status}) and wrote:\n    {}",
                    words.join("\n    ")
                )
            })
        })
    }
}
