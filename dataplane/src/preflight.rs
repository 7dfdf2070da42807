//! What the kernel must grant before shards can start, checked by trying, since glommio panics where it is missing. Each
//! problem is one sentence that says how to fix it. It never changes a limit except raising the soft ones to the hard.

use std::fmt;

/// Memory a shard's three rings lock: 192 KiB of buffers and about 56 KiB of rings, rounded up.
const MEMLOCK_PER_SHARD_BYTES: u64 = 256 << 10;
/// What glommio itself insists on.
const MEMLOCK_LEAST_BYTES: u64 = 512 << 10;
/// Memory that a shard's own ring of client sockets locks besides: its queues, 132 KiB, rounded up; and its table of buffers.
const MEMLOCK_PER_RING_BYTES: u64 = 160 << 10;
/// Of that table, a buffer.
const MEMLOCK_PER_BUFFER_BYTES: u64 = 16;
/// Descriptors a shard needs besides connections.
const FDS_PER_SHARD: u64 = 16;
/// Connections that make a server worth starting.
const FDS_LEAST: u64 = 64;

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks everything, and returns all that is missing.
pub fn check(shards: usize) -> Vec<Missing> {
    [io_uring(), memlock(shards as u64), descriptors(shards as u64)].into_iter().flatten().collect()
}

fn io_uring() -> Option<Missing> {
    // `struct io_uring_params` is 120 bytes; all zeroes asks for the defaults.
    let mut params = [0u8; 120];
    // SAFETY: io_uring_setup(2) reads and writes one io_uring_params, which `params` is large enough to hold.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4u32, params.as_mut_ptr()) };
    if fd >= 0 {
        // SAFETY: the descriptor was just made and belongs to nobody else.
        unsafe { libc::close(fd as i32) };
        return None;
    }
    let why = match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ENOSYS) => "this kernel has no io_uring: run Linux 5.8 or newer (6.1 is recommended)".to_owned(),
        Some(libc::EPERM | libc::EACCES) => match std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled") {
            Ok(text) if text.trim() != "0" => {
                "io_uring is disabled here: set `sysctl kernel.io_uring_disabled=0`".to_owned()
            }
            _ => "io_uring is refused by this container's seccomp profile: allow io_uring_setup, io_uring_enter and \
                  io_uring_register (docker: --security-opt seccomp=unconfined, or a profile that lists them)"
                .to_owned(),
        },
        Some(libc::ENOMEM) => "io_uring could not lock memory: raise it with `ulimit -l unlimited` or systemd's \
                               LimitMEMLOCK=infinity"
            .to_owned(),
        _ => format!("io_uring cannot be set up: {}", std::io::Error::last_os_error()),
    };
    Some(Missing(why))
}

/// What so many shards lack to lock memory for a ring of client sockets each, with so many buffers, besides what they need
/// anyway: in words.
pub fn lacks_for_rings(shards: usize, buffers: u16) -> Option<String> {
    let of_ring = MEMLOCK_PER_RING_BYTES + u64::from(buffers) * MEMLOCK_PER_BUFFER_BYTES;
    let needed = shards as u64 * (MEMLOCK_PER_SHARD_BYTES + of_ring);
    let granted = raise_to_hard(libc::RLIMIT_MEMLOCK);
    (granted < needed && !is_root()).then(|| {
        format!(
            "locked memory is limited to {} KiB and {shards} shard(s) with a ring each need {} KiB: raise it with \
             `ulimit -l {}` or systemd's LimitMEMLOCK=infinity",
            granted >> 10,
            needed >> 10,
            needed >> 10
        )
    })
}

/// Locked memory of the superuser is not accounted.
fn is_root() -> bool {
    // SAFETY: geteuid(2) has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

fn memlock(shards: u64) -> Option<Missing> {
    let needed = (shards * MEMLOCK_PER_SHARD_BYTES).max(MEMLOCK_LEAST_BYTES);
    let granted = raise_to_hard(libc::RLIMIT_MEMLOCK);
    if granted >= needed || (is_root() && granted >= MEMLOCK_LEAST_BYTES) {
        return None;
    }
    Some(Missing(format!(
        "locked memory is limited to {} KiB and {shards} shard(s) need {} KiB: raise it with `ulimit -l {}` or systemd's \
         LimitMEMLOCK=infinity, or start fewer shards with --shards",
        granted >> 10,
        needed >> 10,
        needed >> 10
    )))
}

fn descriptors(shards: u64) -> Option<Missing> {
    let needed = shards * FDS_PER_SHARD + FDS_LEAST;
    let granted = raise_to_hard(libc::RLIMIT_NOFILE);
    (granted < needed).then(|| {
        Missing(format!(
            "open files are limited to {granted} and {shards} shard(s) need {needed} to be useful: raise it with \
             `ulimit -n {}` or systemd's LimitNOFILE=",
            needed.max(65_536)
        ))
    })
}

/// Raises a soft limit to the hard one, and returns what is granted then.
fn raise_to_hard(resource: libc::__rlimit_resource_t) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) writes one rlimit.
    if unsafe { libc::getrlimit(resource, &raw mut limit) } != 0 {
        return u64::MAX;
    }
    if limit.rlim_cur < limit.rlim_max {
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        // SAFETY: setrlimit(2) reads one rlimit.
        if unsafe { libc::setrlimit(resource, &raw const raised) } == 0 {
            return raised.rlim_cur;
        }
    }
    limit.rlim_cur
}
