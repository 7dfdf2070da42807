//! No allocation on the request path.
//!
//! Goal: a call of `echo` by a modern client allocates nothing on the thread of its shard once buffers have grown.
//! Method: a whole server, counted by an allocator; what the reactor allocates for the read and the write is measured
//! beside it and taken away. See `examples/allocations`.

#[path = "../examples/allocations/counting.rs"]
mod counting;

#[path = "../examples/allocations/measure.rs"]
mod measure;

#[test]
fn a_call_of_echo_allocates_nothing() {
    let counted = measure::measure();
    let (own, reactor) = (counted.allocations_per_request, counted.reactor_allocations_per_request);
    // Fewer than the reactor alone would mean that the reactor beside it is not the one a shard has.
    assert!(
        own.abs() < 0.1,
        "{own} allocations a request, beside {reactor} of the reactor, of {} requests",
        counted.requests
    );
}
