//! Where in a profile something stands.

use authbench_conformance::Target;
use authbench_wire::Operation;

/// The text of a profile, for finding lines in it.
pub(super) struct Lines {
    file: String,
    text: String,
}

impl Lines {
    /// Those of the target's profile; of a profile without a file only names
    /// are known.
    pub(super) fn of(target: &Target) -> Self {
        let file = target.profile_file();
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        Self {
            file: file.map_or_else(
                || target.profile().name.clone(),
                |file| file.display().to_string(),
            ),
            text: text.unwrap_or_default(),
        }
    }

    /// The place of an operation's key: `profile.toml:34 [operations.login] path`.
    pub(super) fn operation(&self, operation: Operation, key: &str) -> String {
        self.key(&format!("operations.{}", operation.label()), key)
    }

    /// The place of a key within a table; of the table where the key is
    /// missing.
    pub(super) fn key(&self, table: &str, key: &str) -> String {
        let line = self.line(table, key);
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        format!("{}{line} [{table}] {key}", self.file)
    }

    fn line(&self, table: &str, key: &str) -> Option<usize> {
        let mut found = None;
        for (number, line) in (1..).zip(self.text.lines()) {
            let line = line.trim();
            if let Some(head) = line.strip_prefix('[') {
                if found.is_some() {
                    return found;
                }
                let name = head.trim_start_matches('[').split(']').next();
                if name.map(str::trim) == Some(table) {
                    found = Some(number);
                }
            } else if found.is_some() {
                let own = line.split('=').next().unwrap_or_default();
                if line.contains('=') && own.trim().trim_matches('"') == key {
                    return Some(number);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_its_own_table() {
        let lines = Lines {
            file: "p.toml".to_owned(),
            text: "# path = 1\n[operations.login]\nmethod = \"POST\"\npath = \"/a\"\n\n\
                   [operations.whoami]\npath = \"/b\"\n[[users.list]]\nuser = \"u\"\n"
                .to_owned(),
        };
        for (operation, key, place) in [
            (Operation::Login, "path", "p.toml:4 [operations.login] path"),
            (
                Operation::Whoami,
                "path",
                "p.toml:7 [operations.whoami] path",
            ),
            // Where the key is missing, it belongs below the table's head.
            (
                Operation::Whoami,
                "subject",
                "p.toml:6 [operations.whoami] subject",
            ),
            (Operation::Logout, "path", "p.toml [operations.logout] path"),
        ] {
            assert_eq!(lines.operation(operation, key), place);
        }
        assert_eq!(
            lines.key("users.list", "user"),
            "p.toml:9 [users.list] user"
        );
    }
}
