//! Which pump client sockets are on, chosen once when the server starts: the ring where the kernel grants it, glommio's own
//! sockets otherwise. It never changes its mind.

use crate::preflight::{self, Missing};
use crate::ring::{event_loop, probe};

/// How client sockets are driven.
#[derive(Clone, Debug)]
pub struct IoOptions {
    /// Which pump.
    pub driver: Driver,
    /// Memory that the kernel puts received bytes into, of each shard's ring, in buffers of 4 KiB; rounded up to a power of
    /// two of them, at most 32,768. What finds no buffer waits in its socket. What waits to be read by a connection's task or
    /// taken by its client is kept besides: 64 KiB each way, and 16 times this of all connections of a shard together.
    /// Beyond, a connection is received no further until its task has read what it has, and 4 KiB may wait for its client.
    pub receive_bytes: u64,
}

impl Default for IoOptions {
    fn default() -> IoOptions {
        IoOptions { driver: Driver::Auto, receive_bytes: 4 << 20 }
    }
}

/// A pump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The ring where the kernel grants it, glommio otherwise.
    Auto,
    /// The ring, or no start.
    Ring,
    /// Glommio's own sockets.
    Glommio,
}

/// What was chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// `ring` or `glommio`.
    pub driver: &'static str,
    /// In words.
    pub why: String,
    /// How many buffers the ring of a shard has.
    pub ring_buffers: Option<u16>,
    /// Whether there is no start without.
    pub is_required: bool,
}

/// Chooses for so many shards, by trying.
///
/// # Errors
/// What is missing for a ring that has to be.
pub fn choose(options: &IoOptions, shards: usize) -> Result<Chosen, Missing> {
    let buffers = buffer_count(options.receive_bytes);
    let is_required = options.driver == Driver::Ring;
    let ring = |why: &str| Chosen { driver: "ring", why: why.into(), ring_buffers: Some(buffers), is_required };
    let glommio = |why: String| Chosen { driver: "glommio", why, ring_buffers: None, is_required: false };
    if options.driver == Driver::Glommio {
        return Ok(glommio("io.driver says so".into()));
    }
    let tried = match preflight::lacks_for_rings(shards, buffers) {
        Some(lack) => Err(lack),
        None => probe::check(buffers),
    };
    match (options.driver, tried) {
        (Driver::Ring, Ok(())) => Ok(ring("io.driver says so")),
        (Driver::Ring, Err(why)) => {
            Err(Missing(format!("io.driver is ring, and {why}; `auto` takes glommio's sockets where there is no ring")))
        }
        (_, Ok(())) => Ok(ring("the kernel grants it")),
        (_, Err(why)) => Ok(glommio(why)),
    }
}

/// As many as hold so many bytes: a power of two, since the kernel wants one.
fn buffer_count(bytes: u64) -> u16 {
    const COUNT_MAX: u64 = 1 << 15;
    let count = bytes.div_ceil(u64::from(event_loop::BUFFER_BYTES)).clamp(1, COUNT_MAX).next_power_of_two();
    u16::try_from(count).unwrap_or(COUNT_MAX as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_in_powers_of_two_of_buffers() {
        for (bytes, want) in [(0, 1), (4096, 1), (4097, 2), (4 << 20, 1024), (5 << 20, 2048), (u64::MAX, 32_768)] {
            assert_eq!(buffer_count(bytes), want, "{bytes}");
        }
    }

    #[test]
    fn what_is_configured_is_chosen() {
        let chosen =
            choose(&IoOptions { driver: Driver::Glommio, ..IoOptions::default() }, 1).expect("it needs nothing");
        assert_eq!((chosen.driver, chosen.ring_buffers), ("glommio", None));
    }
}
