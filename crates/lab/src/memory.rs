//! Bytes that a process holds in memory, and that files hold on disk.

use std::fs;
use std::io;

/// What a process holds in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resident {
    /// Pages in memory, those shared with other processes too, in bytes.
    pub rss_bytes: u64,
    /// Pages that no other process maps, in bytes: what would come free if it ended.
    pub private_bytes: u64,
}

/// What the process `pid` holds in memory now, from `/proc/<pid>/smaps_rollup` (exact, but the
/// kernel walks all pages for it: ask between load phases, not within one).
///
/// # Errors
/// When there is no such process, it belongs to another user, or the file has another form.
pub fn resident(pid: u32) -> io::Result<Resident> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    parse_rollup(&text).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "smaps_rollup lacks Rss or Private lines",
        )
    })
}

fn parse_rollup(text: &str) -> Option<Resident> {
    let bytes = |name: &str| -> Option<u64> {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Resident {
        rss_bytes: bytes("Rss")?,
        private_bytes: bytes("Private_Clean")?.checked_add(bytes("Private_Dirty")?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_form_and_refuses_others() {
        let text = "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:    3000 kB\nPss:  9 kB\n\
                    Private_Clean:   10 kB\nPrivate_Dirty:   20 kB\n";
        let resident = Resident {
            rss_bytes: 3000 * 1024,
            private_bytes: 30 * 1024,
        };
        assert_eq!(parse_rollup(text), Some(resident));
        assert_eq!(parse_rollup("Rss: x kB"), None);
        assert_eq!(parse_rollup(""), None);
    }

    #[test]
    fn touched_pages_show() {
        let before = resident(std::process::id()).unwrap();
        let held = std::hint::black_box(vec![1u8; 64 << 20]);
        let after = resident(std::process::id()).unwrap();
        // Other tests of this process may free memory meanwhile: half is enough.
        assert!(after.private_bytes >= before.private_bytes + (held.len() as u64) / 2);
        assert!(after.rss_bytes >= after.private_bytes);
    }
}
