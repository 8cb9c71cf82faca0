//! What there is on this machine.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Service;

/// Where a service comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// A server that somebody else runs.
    Url(String),
    /// The program to start one of our own from.
    Binary(PathBuf),
}

/// There is neither a URL nor a program; the message says what to install.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub struct NotFound {
    /// What is missing.
    pub service: Service,
    /// Whether a URL would do: tests that kill their server need the program.
    pub url_helps: bool,
}

/// The URL in the service's environment variable, if it is set and not empty; else the program,
/// from `PATH` or one of the usual places outside of it, the newest version first.
///
/// # Errors
/// [`NotFound`].
pub fn locate(service: Service) -> Result<Found, NotFound> {
    let variable = env::var(service.url_variable());
    if let Some(url) = variable.ok().filter(|url| !url.is_empty()) {
        return Ok(Found::Url(url));
    }
    match Places::of_this_machine().binary(service) {
        Some(program) => Ok(Found::Binary(program)),
        None => Err(NotFound {
            service,
            url_helps: true,
        }),
    }
}

/// The program alone, for servers that must be our own.
///
/// # Errors
/// [`NotFound`].
pub fn locate_binary(service: Service) -> Result<PathBuf, NotFound> {
    let missing = NotFound {
        service,
        url_helps: false,
    };
    Places::of_this_machine().binary(service).ok_or(missing)
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, url_helps } = *self;
        let package = service.debian_package();
        write!(
            f,
            "there is no {service} server on this machine. Install it:\n    \
             apt-get install --no-install-recommends {package}    (Debian, Ubuntu; as root)"
        )?;
        if url_helps {
            let (variable, url) = (service.url_variable(), service.compose_url());
            write!(
                f,
                "\nor run one in Docker, and say where it is:\n    \
                 docker compose up -d --wait {service}\n    export {variable}={url}\n\
                 or set {variable} to a server of yours"
            )?;
        }
        Ok(())
    }
}

/// Where programs are looked for.
struct Places {
    path: OsString,
    root: PathBuf,
}

/// Folders outside of most people's `PATH`, and below which there are folders by version.
const FOLDERS: &[&str] = &["usr/sbin", "usr/local/sbin", "usr/libexec", "usr/local/bin"];
const POSTGRES_VERSIONS: &str = "usr/lib/postgresql";
const POSTGRES_FOLDERS: &[&str] = &["usr/local/pgsql/bin", "usr/lib/postgresql/bin"];

impl Places {
    fn of_this_machine() -> Self {
        Self {
            path: env::var_os("PATH").unwrap_or_default(),
            root: "/".into(),
        }
    }

    fn binary(&self, service: Service) -> Option<PathBuf> {
        match service {
            Service::Redis => self.first(&["redis-server", "valkey-server"], Vec::new()),
            Service::Postgres => {
                let mut folders = self.postgres_versions();
                folders.extend(POSTGRES_FOLDERS.iter().map(|folder| self.root.join(folder)));
                // Without its `initdb` a server has nothing to serve.
                self.first_with(&["postgres"], folders, |program| {
                    is_program(&program.with_file_name("initdb"))
                })
            }
            Service::Mysql => self.first(
                &["mariadbd", "mysqld"],
                vec![self.root.join("usr/local/mysql/bin")],
            ),
        }
    }

    fn first(&self, names: &[&str], more: Vec<PathBuf>) -> Option<PathBuf> {
        self.first_with(names, more, |_| true)
    }

    fn first_with(
        &self,
        names: &[&str],
        more: Vec<PathBuf>,
        is_whole: impl Fn(&Path) -> bool,
    ) -> Option<PathBuf> {
        let mut folders: Vec<PathBuf> = env::split_paths(&self.path).collect();
        folders.extend(more);
        folders.extend(FOLDERS.iter().map(|folder| self.root.join(folder)));
        names.iter().find_map(|name| {
            let programs = folders.iter().map(|folder| folder.join(name));
            programs
                .into_iter()
                .find(|program| is_program(program) && is_whole(program))
        })
    }

    /// Debian's folders of programs by version, newest first.
    fn postgres_versions(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.root.join(POSTGRES_VERSIONS)) else {
            return Vec::new();
        };
        let mut versions: Vec<(u32, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        versions.into_iter().map(|(_, folder)| folder).collect()
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with these programs, of which those under `path/` are on the `PATH`.
    fn machine(programs: &[&str]) -> (tempfile::TempDir, Places) {
        let root = tempfile::tempdir().unwrap();
        for program in programs {
            let file = root.path().join(program);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let places = Places {
            path: root.path().join("path").into(),
            root: root.path().to_owned(),
        };
        (root, places)
    }

    fn found(programs: &[&str], service: Service) -> Option<String> {
        let (root, places) = machine(programs);
        let program = places.binary(service)?;
        let program = program.strip_prefix(root.path()).unwrap();
        Some(program.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_empty_machine_has_nothing() {
        for service in Service::ALL {
            assert_eq!(found(&[], service), None);
        }
    }

    #[test]
    fn the_path_comes_first() {
        let redis = ["path/redis-server", "usr/local/bin/redis-server"];
        assert_eq!(found(&redis, Service::Redis).unwrap(), redis[0]);
        let mysql = ["usr/sbin/mysqld", "usr/sbin/mariadbd"];
        assert_eq!(found(&mysql, Service::Mysql).unwrap(), mysql[1]);
    }

    #[test]
    fn the_newest_postgres_that_is_whole_is_taken() {
        let programs = [
            "usr/lib/postgresql/9/bin/postgres",
            "usr/lib/postgresql/9/bin/initdb",
            "usr/lib/postgresql/15/bin/postgres",
            "usr/lib/postgresql/15/bin/initdb",
            "usr/lib/postgresql/17/bin/postgres",
            "usr/lib/postgresql/common/bin/postgres",
        ];
        assert_eq!(found(&programs, Service::Postgres).unwrap(), programs[2]);
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let (root, places) = machine(&["path/redis-server"]);
        let file = root.path().join("path/redis-server");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(places.binary(Service::Redis), None);
    }

    #[test]
    fn the_message_names_package_compose_and_variable() {
        for service in Service::ALL {
            let mut missing = NotFound {
                service,
                url_helps: true,
            };
            let message = missing.to_string();
            for part in [
                service.debian_package(),
                service.url_variable(),
                service.compose_url(),
                &format!("docker compose up -d --wait {service}\n"),
            ] {
                assert!(message.contains(part), "{part} in {message}");
            }
            missing.url_helps = false;
            assert!(!missing.to_string().contains("docker"));
        }
    }
}
