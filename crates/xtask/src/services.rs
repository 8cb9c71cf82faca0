//! The store servers that the tests need: found, installed, or run in Docker. Never left out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use authbench_lab::services::{
    Found, LogFlush, MysqlOptions, PostgresOptions, RedisOptions, Server, Service, locate,
    locate_binary,
};

/// Installs packages, keeping their maintainers' scripts from starting the servers: we start
/// our own. A rule of the machine's owner about that stays as it is.
const INSTALL: &str = r#"
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update -q
apt-get install -qy --no-install-recommends "$@"
"#;

/// The project of our containers, so that taking them down takes nobody else's.
const PROJECT: &str = "authbench-xtask";

/// A server of each kind for the tests, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Services {
    /// The variables that tell the tests where the servers are.
    pub(crate) env: Vec<(&'static str, String)>,
    /// Those of which the tests cannot start servers of their own.
    pub(crate) not_ours: Vec<Service>,
    _servers: Vec<Server>,
    _containers: Option<Containers>,
}

impl Services {
    /// Sees to it that there is a server of each kind. From then on Ctrl-C ends what runs in the
    /// foreground, and with its failure this process, so that nothing is left behind.
    pub(crate) fn ensure(root: &Path) -> Result<Self> {
        ctrlc::set_handler(|| {}).context("cannot catch Ctrl-C")?;
        let missing = missing();
        match way(&missing, is_root_on_debian(), has_compose()) {
            Way::Ready => Self::start(None),
            Way::Install => {
                install(&missing)?;
                ensure!(self::missing().is_empty(), "{}", advice(&self::missing()));
                Self::start(None)
            }
            Way::Compose => Self::start(Some(Containers::up(root, &missing)?)),
            Way::Nowhere => bail!("{}", advice(&missing)),
        }
    }

    /// Starts what is not run by somebody else, once for all tests.
    fn start(containers: Option<Containers>) -> Result<Self> {
        let (mut env, mut servers) = (Vec::new(), Vec::new());
        for service in Service::ALL {
            let contained = containers.iter().any(|up| up.services.contains(&service));
            if contained {
                println!("{service}: in Docker");
                env.push((service.url_variable(), service.compose_url().to_owned()));
                continue;
            }
            match locate(service)? {
                // The tests see the variable as we do.
                Found::Url(_) => println!("{service}: as {} says", service.url_variable()),
                Found::Binary(program) => {
                    let server = private(service)?;
                    println!("{service}: {}, port {}", program.display(), server.port());
                    env.push((service.url_variable(), server.url().to_owned()));
                    servers.push(server);
                }
            }
        }
        let without_program = |service: &Service| locate_binary(*service).is_err();
        Ok(Self {
            env,
            not_ours: Service::ALL.into_iter().filter(without_program).collect(),
            _servers: servers,
            _containers: containers,
        })
    }
}

/// How missing servers are come by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Ready,
    Install,
    Compose,
    Nowhere,
}

fn way(missing: &[Service], is_root_on_debian: bool, has_compose: bool) -> Way {
    match (is_root_on_debian, has_compose) {
        _ if missing.is_empty() => Way::Ready,
        (true, _) => Way::Install,
        (false, true) => Way::Compose,
        (false, false) => Way::Nowhere,
    }
}

fn missing() -> Vec<Service> {
    let is_missing = |service: &Service| locate(*service).is_err();
    Service::ALL.into_iter().filter(is_missing).collect()
}

/// What to do about servers that are missing.
fn advice(missing: &[Service]) -> String {
    let mut text = "the tests need servers that are not here; none is left out".to_owned();
    for service in missing {
        if let Err(not_found) = locate(*service) {
            // A string takes whatever is written to it.
            let _ = write!(text, "\n\n{not_found}");
        }
    }
    text
}

/// A server whose disk is not waited for: the tests of durability start servers of their own.
fn private(service: Service) -> Result<Server> {
    let started = match service {
        Service::Redis => Server::redis(RedisOptions::default()),
        Service::Postgres => Server::postgres(PostgresOptions {
            fsync: false,
            ..PostgresOptions::default()
        }),
        Service::Mysql => Server::mysql(MysqlOptions {
            log_flush: LogFlush::Kernel,
            ..MysqlOptions::default()
        }),
    };
    Ok(started?)
}

fn is_root_on_debian() -> bool {
    let uid = Command::new("id").arg("-u").output();
    let is_root = uid.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    is_root && Path::new("/etc/debian_version").exists() && runs("apt-get", &["--version"])
}

fn install(missing: &[Service]) -> Result<()> {
    let packages: Vec<_> = missing
        .iter()
        .map(|service| service.debian_package())
        .collect();
    println!("\n$ apt-get install {}", packages.join(" "));
    let status = Command::new("/bin/sh")
        .args(["-ec", INSTALL, "install"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("cannot start a shell")?;
    ensure!(
        status.success(),
        "apt-get did not install {} ({status})",
        packages.join(", ")
    );
    Ok(())
}

fn has_compose() -> bool {
    runs("docker", &["compose", "version"]) && runs("docker", &["info"])
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Servers in Docker, taken down when this is dropped.
#[derive(Debug)]
struct Containers {
    file: PathBuf,
    services: Vec<Service>,
}

impl Containers {
    fn up(root: &Path, services: &[Service]) -> Result<Self> {
        // From here on a failure takes down what had come up.
        let containers = Self {
            file: root.join("docker-compose.yml"),
            services: services.to_vec(),
        };
        let labels = services.iter().map(|service| service.label());
        let mut arguments = vec!["up", "--detach", "--wait"];
        arguments.extend(labels);
        println!("\n$ docker compose {}", arguments.join(" "));
        let status = containers.compose(&arguments)?;
        ensure!(status, "docker compose did not bring the servers up");
        Ok(containers)
    }

    fn compose(&self, arguments: &[&str]) -> Result<bool> {
        let status = Command::new("docker")
            .args(["compose", "--project-name", PROJECT, "--file"])
            .arg(&self.file)
            .args(arguments)
            .status()
            .context("cannot start docker")?;
        Ok(status.success())
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        if !self.compose(&["down", "--volumes"]).unwrap_or(false) {
            eprintln!("warning: containers are left: docker compose -p {PROJECT} down");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_servers_are_installed_contained_or_an_error() {
        let missing = [Service::Redis];
        for (root, compose, expected) in [
            (true, true, Way::Install),
            (true, false, Way::Install),
            (false, true, Way::Compose),
            (false, false, Way::Nowhere),
        ] {
            assert_eq!(way(&missing, root, compose), expected);
            assert_eq!(way(&[], root, compose), Way::Ready);
        }
    }

    #[test]
    fn the_compose_file_holds_each_service_where_we_say_on_loopback_alone() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docker-compose.yml");
        let text = std::fs::read_to_string(file).unwrap();
        let ports: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("ports:"))
            .collect();
        assert_eq!(ports.len(), Service::ALL.len());
        for service in Service::ALL {
            let (variable, url) = (service.url_variable(), service.compose_url());
            assert!(text.contains(&format!("\n  {service}:\n")), "{service}");
            assert!(
                text.contains(&format!("export {variable}={url}\n")),
                "{url}"
            );
            let address = url.split('@').nth(1).unwrap();
            let (address, _) = address.split_once('/').unwrap();
            let published = format!("[\"{address}:");
            assert!(ports.iter().any(|port| port.trim().starts_with(&published)));
        }
    }
}
