//! Memory that the kernel puts received bytes into, a buffer at a time, as it needs them (`io_uring_register_buf_ring(3)`).
//! A buffer is the kernel's until a completion names it, ours until it is given back, and never both.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// The only group there is.
pub const GROUP: u16 = 0;
/// The kernel wants the table to begin with a page; the largest that Linux has.
const PAGE_BYTES: usize = 64 << 10;

/// The buffers and the table through which the kernel takes them.
pub struct BufferRing {
    table: NonNull<BufRingEntry>,
    table_layout: Layout,
    bytes: NonNull<u8>,
    bytes_layout: Layout,
    count: u16,
    bytes_each: u32,
    /// Given to the kernel so far, modulo 2^16.
    tail: u16,
}

impl BufferRing {
    /// So many buffers, a power of two, each of so many bytes; all of them the kernel's once registered.
    pub fn new(count: u16, bytes_each: u32) -> BufferRing {
        assert!(count.is_power_of_two() && bytes_each > 0, "{count} buffers of {bytes_each} bytes");
        let table_layout =
            Layout::array::<BufRingEntry>(usize::from(count)).and_then(|layout| layout.align_to(PAGE_BYTES));
        let table_layout = table_layout.expect("2^15 entries of 16 bytes fit");
        let bytes_layout = Layout::from_size_align(usize::from(count) * bytes_each as usize, PAGE_BYTES);
        let bytes_layout = bytes_layout.expect("2^15 buffers of 4 GiB fit 64 bits");
        let mut ring = BufferRing {
            table: allocate(table_layout).cast(),
            table_layout,
            bytes: allocate(bytes_layout),
            bytes_layout,
            count,
            bytes_each,
            tail: 0,
        };
        (0..count).for_each(|buffer| ring.give(buffer));
        ring.publish();
        ring
    }

    /// Shows them to the kernel.
    ///
    /// # Errors
    /// Kernels before 5.19 have no such thing.
    ///
    /// # Safety
    /// They must stay until the ring is gone, or have been taken back.
    pub unsafe fn register(&self, submitter: &Submitter<'_>) -> io::Result<()> {
        // SAFETY: the table begins with a page, has `count` entries that are all filled in, and stays, as the caller says.
        unsafe { submitter.register_buf_ring_with_flags(self.table.as_ptr() as u64, self.count, GROUP, 0) }
    }

    /// What the kernel put into a buffer. `None` for a buffer that does not exist.
    ///
    /// # Safety
    /// The buffer was named by a completion of so many bytes, and not given back since.
    pub unsafe fn filled(&self, buffer: u16, count: usize) -> Option<&[u8]> {
        let exists = buffer < self.count && count <= self.bytes_each as usize;
        // SAFETY: the buffer lies within the allocation, was zeroed once, and is not the kernel's, as the caller says.
        exists.then(|| unsafe { std::slice::from_raw_parts(self.address(buffer), count) })
    }

    /// Gives a buffer back. The kernel sees it with the next [`BufferRing::publish`].
    pub fn give(&mut self, buffer: u16) {
        if buffer >= self.count {
            debug_assert!(false, "buffer {buffer} of {}", self.count);
            return;
        }
        let index = usize::from(self.tail & (self.count - 1));
        let address = self.address(buffer) as u64;
        // SAFETY: the index is below the number of entries. The kernel reads no entry from the published tail on, so that
        // nobody else uses this one. The tail itself lies in the first entry where these setters do not write.
        let entry = unsafe { &mut *self.table.as_ptr().add(index) };
        entry.set_addr(address);
        entry.set_len(self.bytes_each);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel see what was given back.
    pub fn publish(&self) {
        // SAFETY: the table's first entry is initialised, and holds the tail, which the kernel only reads. It is aligned as
        // a u16 has to be, and everybody on this side writes it here alone.
        let tail = unsafe { &*BufRingEntry::tail(self.table.as_ptr()).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }

    fn address(&self, buffer: u16) -> *mut u8 {
        // SAFETY: the buffer lies within the allocation.
        unsafe { self.bytes.as_ptr().add(usize::from(buffer) * self.bytes_each as usize) }
    }
}

impl Drop for BufferRing {
    fn drop(&mut self) {
        // SAFETY: both were allocated by `allocate` with these layouts. That the kernel has let go of them is the promise of
        // whoever registered them.
        unsafe {
            dealloc(self.table.as_ptr().cast(), self.table_layout);
            dealloc(self.bytes.as_ptr(), self.bytes_layout);
        }
    }
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here is empty.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the table holds what was given, in order, round and round; the tail says how much.
    #[test]
    fn buffers_go_round() {
        let mut ring = BufferRing::new(4, 64);
        let entry = |ring: &BufferRing, index: usize| {
            // SAFETY: there are four, all filled in, and no kernel knows them.
            let entry = unsafe { &*ring.table.as_ptr().add(index) };
            (entry.bid(), entry.len(), entry.addr() - ring.bytes.as_ptr() as u64)
        };
        let all: Vec<_> = (0..4).map(|index| entry(&ring, index)).collect();
        assert_eq!(all, [(0, 64, 0), (1, 64, 64), (2, 64, 128), (3, 64, 192)]);
        for buffer in [2, 0, 3, 1, 2] {
            ring.give(buffer);
        }
        let bids: Vec<u16> = (0..4).map(|index| entry(&ring, index).0).collect();
        assert_eq!(bids, [2, 0, 3, 1]);
        ring.publish();
        // SAFETY: as in `publish`.
        assert_eq!(unsafe { BufRingEntry::tail(ring.table.as_ptr()).read() }, 9);
    }

    #[test]
    fn no_more_is_read_than_there_is() {
        let ring = BufferRing::new(2, 64);
        // SAFETY: no kernel knows them.
        let filled = |buffer, count| unsafe { ring.filled(buffer, count) }.map(<[u8]>::len);
        assert_eq!(filled(1, 64), Some(64));
        assert_eq!(filled(1, 65), None);
        assert_eq!(filled(2, 1), None);
    }
}
