//! The mounted file systems that hold data, and how full they are.
//!
//! It never asks about network or user-space file systems: where their server does not answer, the question would
//! wait for ever. It never names one twice, however often it is mounted. Start at [`sample`].

use std::collections::BTreeSet;
use std::ffi::CString;
use std::mem::MaybeUninit;

use serde_json::{Value, json};

/// At most so many are listed.
const DISKS_MAX: usize = 64;
/// File systems on a disk of this machine. `overlay` is what a container has for its root.
const KINDS: [&str; 12] =
    ["bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "overlay", "vfat", "xfs", "zfs"];

/// One line of `mountinfo`.
#[derive(Debug, PartialEq, Eq)]
struct Mount<'a> {
    /// The kernel's number of the file system, the same for each of its mounts.
    device_number: &'a str,
    path: String,
    kind: &'a str,
    device: String,
}

/// The file systems in `/proc/self/mountinfo`, each with its size.
pub(super) fn sample(mountinfo: &str) -> Vec<Value> {
    let list = |mount: Mount<'_>| {
        let space = space(&mount.path);
        json!({
            "path": mount.path,
            "device": mount.device,
            "type": mount.kind,
            "total_bytes": space.map(|space| space.total_bytes),
            "free_bytes": space.map(|space| space.free_bytes),
        })
    };
    mounts(mountinfo).into_iter().map(list).collect()
}

/// The fullest of those that can be written to, with its path and how full it is in percent.
pub(super) fn fullest(mountinfo: &str) -> Option<(String, f64)> {
    let full = |mount: Mount<'_>| {
        let space = space(&mount.path).filter(|space| !space.read_only && space.total_bytes > 0)?;
        let used = space.total_bytes - space.free_bytes.min(space.total_bytes);
        Some((mount.path, 100.0 * used as f64 / space.total_bytes as f64))
    };
    mounts(mountinfo).into_iter().filter_map(full).max_by(|one, other| one.1.total_cmp(&other.1))
}

fn mounts(mountinfo: &str) -> Vec<Mount<'_>> {
    let mut seen = BTreeSet::new();
    let holds_data = |mount: &Mount<'_>| {
        // Containers mount many overlays for others; one's own is the root.
        KINDS.contains(&mount.kind) && (mount.kind != "overlay" || mount.path == "/")
    };
    let found = mountinfo.lines().filter_map(mount).filter(holds_data);
    found.filter(|mount| seen.insert(mount.device_number)).take(DISKS_MAX).collect()
}

/// `36 35 98:0 /root /path options [tags] - kind device options`.
fn mount(line: &str) -> Option<Mount<'_>> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let mut right = right.split(' ');
    let device_number = left.nth(2)?;
    let path = unescape(left.nth(1)?);
    Some(Mount { device_number, path, kind: right.next()?, device: unescape(right.next()?) })
}

/// The kernel writes blanks, tabs, line ends and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Space {
    total_bytes: u64,
    free_bytes: u64,
    read_only: bool,
}

/// The size of the file system at `path`; `None` where the kernel does not tell, as for a path out of reach.
fn space(path: &str) -> Option<Space> {
    let found = statvfs(&CString::new(path).ok()?)?;
    let total_bytes = found.f_blocks.checked_mul(found.f_frsize)?;
    let free_bytes = found.f_bavail.checked_mul(found.f_frsize)?;
    Some(Space { total_bytes, free_bytes, read_only: found.f_flag & libc::ST_RDONLY != 0 })
}

// JUSTIFICATION: the standard library cannot ask for the space of a file system; libc is here already.
fn statvfs(path: &CString) -> Option<libc::statvfs> {
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends in NUL and outlives the call; `found` has the size and alignment that the kernel fills.
    let answer = unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) };
    // SAFETY: an answer of 0 means that all of `found` was written.
    (answer == 0).then(|| unsafe { found.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_with_data_are_found_once() {
        let mountinfo = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n\
            28 27 254:0 /data /again rw,relatime - ext4 /dev/vda rw\n\
            29 27 8:1 / /a\\040b\\134040 rw - xfs /dev/sda1 rw\n\
            30 27 0:50 / /nfs rw - nfs4 server:/x rw\n\
            31 27 0:51 / /fuse rw - fuse.sshfs x rw\n\
            32 27 0:52 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n\
            broken\n33 27\n - \n34 1 8:2 / - ext4\n";
        let paths: Vec<(String, String)> =
            mounts(mountinfo).into_iter().map(|mount| (mount.path, mount.device)).collect();
        let want = [("/", "/dev/vda"), ("/a b\\040", "/dev/sda1")];
        assert_eq!(paths, want.map(|(path, device)| (path.to_owned(), device.to_owned())));
        assert_eq!(mounts("1 0 0:9 / / rw - overlay overlay rw").len(), 1);
    }

    #[test]
    fn many_mounts_are_cut() {
        let many: String = (0..1000).map(|index| format!("1 0 8:{index} / /{index} rw - ext4 /dev/x rw\n")).collect();
        assert_eq!(mounts(&many).len(), DISKS_MAX);
    }

    #[test]
    fn the_kernel_tells_the_space() {
        let root = space("/").expect("there is a root");
        assert!(root.total_bytes > 0);
        assert!(root.free_bytes <= root.total_bytes);
        let (path, percent) = fullest("27 1 254:0 / / rw - ext4 /dev/vda rw").unwrap_or(("/".to_owned(), 0.0));
        assert!(path == "/" && (0.0..=100.0).contains(&percent), "{path} {percent}");
        assert_eq!(space("/no/such/path"), None);
        assert_eq!(space("/\0"), None);
    }
}
