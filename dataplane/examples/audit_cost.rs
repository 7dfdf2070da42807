//! What a record of the audit log costs the shard that submits it, and the thread that writes it. It serves nothing.
//!
//! `cargo run --release --example audit_cost [FOLDER]`

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ringway_dataplane::audit_log::{ArgumentsKey, Decision, Kind, Record};
use ringway_dataplane::{AuditLog, AuditOptions, Effect, Submitted};

/// Records a round: fewer than may wait, so that none is lost.
const RECORDS: u64 = 2000;
/// Rounds; the fastest and the median are told.
const ROUNDS: usize = 200;
/// Bytes of a call's arguments.
const ARGUMENTS: &[u8] = &[b'a'; 64];

fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("audit-cost"), PathBuf::from);
    let options = AuditOptions { folder: folder.clone(), ..AuditOptions::default() };
    let log = match AuditLog::open(options) {
        Ok(log) => log,
        Err(missing) => {
            let _ = writeln!(std::io::stderr(), "{missing}");
            return;
        }
    };
    let handle = log.handle(|| ());
    let key = ArgumentsKey::new(&[7; 32]);
    let mut paced = Vec::new();
    let mut digests = Vec::new();
    for round in 0..ROUNDS {
        let mut spent = Duration::ZERO;
        for index in 0..RECORDS {
            let record = Record {
                at_unix_us: 1_700_000_000_000_000 + index,
                kind: Kind::ToolCall,
                principal: "service-account-7",
                principal_kind: "jwt",
                client: Some(std::net::IpAddr::from([192, 0, 2, 7])),
                request_id: "0123456789abcdef01234567",
                shard: Some(0),
                method: "tools/call",
                tool: "echo",
                decision: Some(Decision::Allowed),
                stage: "authorize",
                rule: "default",
                generation: Some(round as u64),
                status: Some(200),
                outcome: "good",
                duration_us: Some(7),
                arguments: Some([1; 32]),
                ..Record::default()
            };
            let began = Instant::now();
            let submitted = handle.submit(&record, Effect::Read);
            spent += began.elapsed();
            assert!(matches!(submitted, Submitted::Queued));
        }
        let began = Instant::now();
        for _ in 0..RECORDS {
            std::hint::black_box(key.digest(std::hint::black_box(ARGUMENTS)));
        }
        digests.push(began.elapsed());
        paced.push(spent);
        log.flush();
    }
    let began = Instant::now();
    for _ in 0..1_000_000 {
        std::hint::black_box(Instant::now());
    }
    let clock_ns = began.elapsed().as_nanos() as f64 / 1e6;
    let told = |times: &mut Vec<Duration>| {
        times.sort();
        let ns = |time: Duration| time.as_nanos() as f64 / RECORDS as f64;
        format!(
            "fastest {:.0} ns, median {:.0} ns, slowest {:.0} ns",
            ns(times[0]),
            ns(times[ROUNDS / 2]),
            ns(times[ROUNDS - 1])
        )
    };
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "submit: {} (of which the clock {clock_ns:.0} ns)", told(&mut paced));
    let _ = writeln!(out, "digest of {} bytes: {}", ARGUMENTS.len(), told(&mut digests));
    log.end();
    let counts = log.counts();
    let _ = writeln!(out, "{counts:?}");
    let _ = std::fs::remove_dir_all(folder);
}
