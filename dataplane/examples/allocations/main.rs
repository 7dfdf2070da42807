//! What a call of `echo` allocates on the request path of a shard, as one line of JSON on standard output:
//! `{"allocations_per_request": …}`. All that the shard's thread allocated is told beside it, the reactor's part included.

mod counting;
mod measure;

use std::io::Write;

fn main() -> std::io::Result<()> {
    let counted = measure::measure(|_| (), "");
    let (own, all) = (counted.own, counted.all);
    writeln!(std::io::stdout(), "{{\"allocations_per_request\": {own}, \"with_the_reactors_per_request\": {all}}}")
}
