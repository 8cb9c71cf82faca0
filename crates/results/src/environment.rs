//! The machine. Each reader gives None where a fact cannot be had; none
//! guesses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::{Versions, sha256_hex};

/// The machine that a run was made on.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The processor as it names itself.
    pub cpu_model: Option<String>,
    /// Hardware threads that the kernel runs on.
    pub logical_cores: Option<u32>,
    /// The frequency governor; null on most virtual machines.
    pub governor: Option<String>,
    /// Octets of memory.
    pub memory_bytes: Option<u64>,
    /// The kernel's name, release and architecture.
    pub kernel: Option<String>,
    /// The C library and its version.
    pub libc: Option<String>,
    /// What the kernel seems to run in or under: `none seen`, or hints such
    /// as a hypervisor's or a container's.
    pub virtualisation: Option<String>,
    /// Cores' worth of CPU time that the control group (version 2) allows;
    /// null if it sets no limit or cannot be read.
    pub cgroup_cpu_limit: Option<f64>,
    /// Octets of memory that the control group (version 2) allows, likewise.
    pub cgroup_memory_bytes: Option<u64>,
    /// Versions of the services that took part, e.g. `redis`.
    pub services: Versions,
    /// The cores that the server was pinned to; empty if it was not.
    pub server_cores: Vec<u32>,
    /// The cores that the driver was pinned to; empty if it was not.
    pub driver_cores: Vec<u32>,
    /// SHA-256 over the stable part: everything above but the services and
    /// the cores, with the memory rounded to whole GiB. Results of different
    /// fingerprints do not compare.
    pub fingerprint: String,
}

/// What the caller knows of the environment and no file tells.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// See [`Environment::services`].
    pub services: Versions,
    /// See [`Environment::server_cores`].
    pub server_cores: Vec<u32>,
    /// See [`Environment::driver_cores`].
    pub driver_cores: Vec<u32>,
}

impl Environment {
    /// Reads the facts of this machine (Linux; elsewhere most are None).
    #[must_use]
    pub fn read(placement: Placement) -> Self {
        Self::read_below(Path::new("/"), placement)
    }

    fn read_below(root: &Path, placement: Placement) -> Self {
        let cpuinfo = read(root, "proc/cpuinfo");
        let mut environment = Self {
            cpu_model: cpuinfo.as_deref().and_then(cpu_model),
            logical_cores: cpuinfo.as_deref().and_then(logical_cores),
            governor: read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            memory_bytes: read(root, "proc/meminfo").as_deref().and_then(memory_bytes),
            kernel: kernel(),
            libc: libc(),
            virtualisation: cpuinfo.as_deref().map(|info| virtualisation(root, info)),
            cgroup_cpu_limit: least(root, "cpu.max", cpu_limit),
            cgroup_memory_bytes: least(root, "memory.max", |text| text.parse().ok()),
            services: placement.services,
            server_cores: placement.server_cores,
            driver_cores: placement.driver_cores,
            fingerprint: String::new(),
        };
        environment.fingerprint = environment.stable_digest();
        environment
    }

    /// The first twelve digits of the fingerprint: what folders are named by.
    #[must_use]
    pub fn short_fingerprint(&self) -> &str {
        self.fingerprint.get(..12).unwrap_or(&self.fingerprint)
    }

    fn stable_digest(&self) -> String {
        // A kernel reserves a little more or less memory from boot to boot.
        let memory_gib = self.memory_bytes.map(|bytes| (bytes + (1 << 29)) >> 30);
        let stable = serde_json::json!([
            self.cpu_model,
            self.logical_cores,
            self.governor,
            memory_gib,
            self.kernel,
            self.libc,
            self.virtualisation,
            self.cgroup_cpu_limit,
            self.cgroup_memory_bytes,
        ]);
        sha256_hex(stable.to_string().as_bytes())
    }
}

/// A file's text without surrounding white space; None if it is not there,
/// not text, or empty.
fn read(root: &Path, path: &str) -> Option<String> {
    let text = fs::read_to_string(root.join(path)).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The value of the first `key : value` line.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then_some(value.trim())
    })
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    field(cpuinfo, "model name").map(str::to_owned)
}

fn logical_cores(cpuinfo: &str) -> Option<u32> {
    let cores = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    u32::try_from(cores).ok().filter(|cores| *cores > 0)
}

fn memory_bytes(meminfo: &str) -> Option<u64> {
    let kib: u64 = field(meminfo, "MemTotal")?
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    kib.checked_mul(1024)
}

fn kernel() -> Option<String> {
    let uname = rustix::system::uname();
    let [name, release, machine] =
        [uname.sysname(), uname.release(), uname.machine()].map(|part| part.to_str().ok());
    Some(format!("{} {} {}", name?, release?, machine?))
}

fn libc() -> Option<String> {
    if cfg!(target_env = "musl") {
        return Some("musl".to_owned());
    }
    let output = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// Hints, as no file says it outright.
fn virtualisation(root: &Path, cpuinfo: &str) -> String {
    let mut hints = Vec::new();
    if let Some(kind) = read(root, "sys/hypervisor/type") {
        hints.push(kind);
    } else if field(cpuinfo, "flags")
        .is_some_and(|flags| flags.split(' ').any(|f| f == "hypervisor"))
    {
        let product = read(root, "sys/class/dmi/id/product_name");
        hints.push(product.map_or("virtual machine".to_owned(), |p| {
            format!("virtual machine ({p})")
        }));
    }
    if root.join(".dockerenv").exists() || root.join("run/.containerenv").exists() {
        hints.push("container".to_owned());
    }
    if hints.is_empty() {
        "none seen".to_owned()
    } else {
        hints.join(", ")
    }
}

/// The least limit that the file `name` sets in this process's control group
/// or in one above it.
fn least<T: PartialOrd>(root: &Path, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let groups = read(root, "proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let top = PathBuf::from("sys/fs/cgroup");
    top.join(own)
        .ancestors()
        .take_while(|folder| folder.starts_with(&top))
        .filter_map(|folder| parse(&read(root, folder.join(name).to_str()?)?))
        .reduce(|least, limit| if limit < least { limit } else { least })
}

/// `cpu.max` is a quota or `max`, and a period, both in microseconds.
fn cpu_limit(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str = "processor\t: 0\nmodel name\t: Example CPU\nflags\t\t: fpu hypervisor\n\n\
                           processor\t: 1\nmodel name\t: Example CPU\n";

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("proc/cpuinfo", CPUINFO),
            (
                "proc/meminfo",
                "MemTotal:        8040492 kB\nMemFree: 1 kB\n",
            ),
            ("proc/self/cgroup", "1:cpu:/\n0::/slice/job\n"),
            ("sys/fs/cgroup/cpu.max", "max 100000"),
            ("sys/fs/cgroup/slice/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/slice/job/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/slice/job/memory.max", "max\n"),
            ("sys/fs/cgroup/slice/memory.max", "1073741824\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn facts_are_read_and_the_tightest_limit_counts() {
        let root = machine();
        let environment = Environment::read_below(root.path(), Placement::default());
        assert_eq!(environment.cpu_model.as_deref(), Some("Example CPU"));
        assert_eq!(environment.logical_cores, Some(2));
        assert_eq!(environment.memory_bytes, Some(8_040_492 * 1024));
        assert_eq!(environment.governor, None);
        assert_eq!(
            environment.virtualisation.as_deref(),
            Some("virtual machine")
        );
        assert_eq!(environment.cgroup_cpu_limit, Some(1.5));
        assert_eq!(environment.cgroup_memory_bytes, Some(1 << 30));
    }

    #[test]
    fn an_empty_machine_is_unknown_and_no_panic() {
        let root = tempfile::tempdir().unwrap();
        let environment = Environment::read_below(root.path(), Placement::default());
        assert_eq!(environment.cpu_model, None);
        assert_eq!(environment.virtualisation, None);
        assert_eq!(environment.fingerprint.len(), 64);
    }

    #[test]
    fn the_fingerprint_tells_machines_apart_and_not_runs() {
        let root = machine();
        let one = Environment::read_below(root.path(), Placement::default());
        let busy = Placement {
            services: [("redis".to_owned(), "8.2".to_owned())].into(),
            server_cores: vec![0],
            driver_cores: vec![1],
        };
        let meminfo = root.path().join("proc/meminfo");
        fs::write(&meminfo, "MemTotal: 8040400 kB\n").unwrap();
        let two = Environment::read_below(root.path(), busy);
        assert_eq!(one.fingerprint, two.fingerprint);
        fs::write(&meminfo, "MemTotal: 16040400 kB\n").unwrap();
        let three = Environment::read_below(root.path(), Placement::default());
        assert_ne!(one.fingerprint, three.fingerprint);
        assert_eq!(one.short_fingerprint().len(), 12);
    }
}
