//! What a call of `echo` allocates on the request path of a shard, as one line of JSON on standard output:
//! `{"allocations_per_request": …}`. The reactor's own, for its read and write, are told beside it and not part of it.

mod counting;
mod measure;

use std::io::Write;

fn main() -> std::io::Result<()> {
    let counted = measure::measure();
    writeln!(
        std::io::stdout(),
        "{{\"allocations_per_request\": {}, \"reactor_allocations_per_request\": {}, \"requests\": {}}}",
        counted.allocations_per_request,
        counted.reactor_allocations_per_request,
        counted.requests
    )
}
