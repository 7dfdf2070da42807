//! No allocation on the request path.
//!
//! Goal: a call of `echo` by a modern client allocates nothing on the thread of its shard once buffers have grown.
//! Method: a whole server, counted by an allocator that tells the reactor's allocations from the others by who makes them.
//! See `examples/allocations`.

#[path = "../examples/allocations/counting.rs"]
mod counting;

#[path = "../examples/allocations/measure.rs"]
mod measure;

#[test]
fn a_call_of_echo_allocates_nothing() {
    let counted = measure::measure();
    assert!(counted.all > 0.0, "the reactor's are counted, so that something was");
    assert!(counted.own == 0.0, "{} allocations a request, of {} in all", counted.own, counted.all);
}
