//! The scripts that run on the server, each of them one atomic step there.
//!
//! They reach keys that they compute from what they read, so the store does
//! not run on a Redis Cluster, whose nodes hold a part of the keys each.

use std::sync::LazyLock;

use redis::Cmd;

/// A script with the name by which the server knows it.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    name: String,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("head.lua"), include_str!($file))));
    };
}

script!(DELETE, "delete.lua");
script!(DELETE_BY_SUBJECT, "delete_subject.lua");
script!(INSERT, "insert.lua");
script!(LIST, "list.lua");
script!(PURGE, "purge.lua");
script!(ROTATE, "rotate.lua");
script!(SWAP, "swap.lua");
script!(TOUCH, "touch.lua");

impl Script {
    fn new(text: &'static str) -> Self {
        let name = redis::Script::new(text).get_hash().to_owned();
        Self { text, name }
    }

    /// The command that brings it to the server.
    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }

    /// The command that runs it.
    pub(super) fn call(&self, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        let parts = keys.iter().chain(arguments);
        let room = parts.map(|part| part.len()).sum::<usize>() + self.name.len() + 16;
        let mut command = Cmd::with_capacity(3 + keys.len() + arguments.len(), room);
        command.arg("EVALSHA").arg(&self.name).arg(keys.len());
        for part in keys.iter().chain(arguments) {
            command.arg(part);
        }
        command
    }
}
