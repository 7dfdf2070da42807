//! An allocator that counts what a marked thread takes from the system's, and tells the reactor's part from the rest. For
//! examples and tests alone: the product has no part in it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

static ALL: AtomicU64 = AtomicU64::new(0);
static OWN: AtomicU64 = AtomicU64::new(0);
static IS_TOLD_APART: AtomicBool = AtomicBool::new(false);

/// Counts what this thread allocates from here on.
pub fn count_this_thread() {
    IS_COUNTED.set(true);
}

/// Whether it is looked at from here on who allocates, which takes some hundred times as long.
pub fn tell_apart(is_told_apart: bool) {
    IS_TOLD_APART.store(is_told_apart, Ordering::SeqCst);
}

/// Allocations of marked threads so far, growing included.
pub fn all() -> u64 {
    ALL.load(Ordering::SeqCst)
}

/// Those since [`tell_apart`] that were not the reactor's.
pub fn own() -> u64 {
    OWN.load(Ordering::SeqCst)
}

fn count() {
    // A thread that ends has no mark any more, and still frees.
    if !IS_COUNTED.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    ALL.fetch_add(1, Ordering::SeqCst);
    if IS_TOLD_APART.load(Ordering::SeqCst) {
        // Looking allocates.
        IS_COUNTED.set(false);
        if !is_the_reactors(&Backtrace::force_capture().to_string()) {
            OWN.fetch_add(1, Ordering::SeqCst);
        }
        IS_COUNTED.set(true);
    }
}

/// Whether the innermost function that is of the reactor or of the data plane is of the reactor. What is neither, such as
/// a collection, works for whoever called it. Functions are known by their names or, where they were inlined and have short
/// ones, by their files.
fn is_the_reactors(trace: &str) -> bool {
    let known = trace.lines().map(str::trim_start).find_map(|line| match line.strip_prefix("at ") {
        Some(file) if file.contains("/glommio-") => Some(true),
        Some(file) => (file.contains("dataplane/") && !file.contains("dataplane/examples/")).then_some(false),
        // `<glommio::Type as Trait>::function` is of its type's crate.
        None => {
            let path = line.split_once(": ").map_or("", |(_, name)| name.trim_start_matches('<'));
            let is_the_reactors = path.starts_with("glommio::");
            (is_the_reactors || path.starts_with("ringway_")).then_some(is_the_reactors)
        }
    });
    known.unwrap_or(false)
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// JUSTIFICATION: an allocator cannot be written otherwise, and nothing else sees every allocation of a thread.
// SAFETY: all is passed on as it came. Counting does not unwind, and while it allocates itself it is not entered again.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc::realloc`.
        unsafe { System.realloc(block, layout, bytes) }
    }
}
