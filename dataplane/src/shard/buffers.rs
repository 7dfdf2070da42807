//! Buffers that connections share: one holds a buffer only while bytes are in it. The last used is the next given out, so
//! that a shard works in warm memory however many connections it holds. It never grows past its bound.

use std::cell::RefCell;

use ringway_core::http::decoder::READ_BYTES;

/// Buffers of each kind that are kept; more are freed.
const KEPT_MAX: usize = 64;
/// A buffer for answers that grew past this is freed.
const OUT_KEPT_BYTES_MAX: usize = 16 << 10;

/// The buffers of a shard.
#[derive(Default)]
pub struct Buffers {
    rooms: RefCell<Vec<Vec<u8>>>,
    outs: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Room to read into. What is in it is nobody's: only what was read counts.
    pub fn room(&self) -> Vec<u8> {
        self.rooms.borrow_mut().pop().unwrap_or_else(|| vec![0; READ_BYTES])
    }

    /// Takes room back.
    pub fn give_room(&self, room: Vec<u8>) {
        let mut rooms = self.rooms.borrow_mut();
        if room.len() == READ_BYTES && rooms.len() < KEPT_MAX {
            rooms.push(room);
        }
    }

    /// An empty buffer to write an answer into.
    pub fn out(&self) -> Vec<u8> {
        self.outs.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes such a buffer back.
    pub fn give_out(&self, mut out: Vec<u8>) {
        let mut outs = self.outs.borrow_mut();
        if (1..=OUT_KEPT_BYTES_MAX).contains(&out.capacity()) && outs.len() < KEPT_MAX {
            out.clear();
            outs.push(out);
        }
    }
}
