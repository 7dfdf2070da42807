//! Whether this kernel, and what it grants us, can do what the ring needs: tried, not guessed from version numbers.

use std::io;

use super::uring::Uring;

/// Tries it with a ring as large as a shard's.
///
/// # Errors
/// What is missing, in words.
pub fn check(buffer_count: u16) -> Result<(), String> {
    // On a thread of its own: a ring belongs to the thread that made it.
    let tried = std::thread::Builder::new()
        .name("probe".into())
        .spawn(move || Uring::new(buffer_count, super::event_loop::BUFFER_BYTES).map(drop));
    let tried = tried.and_then(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("the probe panicked"))));
    tried.map_err(|error| why(&error))
}

fn why(error: &io::Error) -> String {
    match error.raw_os_error() {
        // Flags and registrations that a kernel does not know.
        Some(libc::EINVAL) => "this kernel knows no such ring: Linux 6.1 does".into(),
        Some(libc::ENOMEM) => {
            "locked memory is too small for a second ring a shard: raise it with `ulimit -l unlimited` or \
                               systemd's LimitMEMLOCK=infinity"
                .into()
        }
        Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => format!("io_uring is restricted here ({error})"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        for (code, want) in
            [(libc::EINVAL, "6.1"), (libc::ENOMEM, "ulimit -l"), (libc::EPERM, "restricted"), (libc::EIO, "Input")]
        {
            let said = why(&io::Error::from_raw_os_error(code));
            assert!(said.contains(want), "{said}");
        }
    }
}
