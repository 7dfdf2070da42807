//! Connections come and go: as the workload wants it, as the server wants it, and not at all.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::load::tests::flawed::{Flaw, Flawed};
use crate::load::tests::{Standing, load};

#[test]
fn without_a_server_it_says_so_at_once() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let began = Instant::now();
    let why = load(addr, "seconds = 60.0", "connections = 100").unwrap_err();
    assert!(why.starts_with(&format!("connect to {addr}: ")) && why.contains("refused"), "{why}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_that_does_not_open_is_named() {
    let server = Flawed::new(Flaw::RefusesToOpen);
    let why = load(server.addr, "", "connections = 2\nera = \"legacy\"").unwrap_err();
    assert!(why.contains("initialize") && why.contains("500"), "{why}");
    let server = Flawed::new(Flaw::NeverOpens);
    let why = load(server.addr, "", "connections = 2\nera = \"legacy\"").unwrap_err();
    assert_eq!(why, format!("opening at {}: no answer in time", server.addr));
}

/// More connections than are made at a time, and than a small backlog holds.
#[test]
fn many_connections_are_made_in_turn() {
    let server = Standing::new("now");
    let measured = load(server.addr, "seconds = 0.5, warmup_s = 0.1", "connections = 400").unwrap().measured;
    assert_eq!((measured.connection_count.opened, measured.errors.total()), (400, 0), "{:?}", measured.errors);
}

#[test]
fn sessions_are_opened_and_ended() {
    let server = Flawed::new(Flaw::None);
    let clients = "connections = 5\nera = \"legacy\"";
    let measured = load(server.addr, "seconds = 0.2, warmup_s = 0.0", clients).unwrap().measured;
    assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
    assert!(measured.answer_count > 10);
    assert_eq!(server.seen.openings.load(Ordering::SeqCst), 5);
    assert_eq!(server.seen.farewells.load(Ordering::SeqCst), 5);
}

/// Goal: a churned connection is closed after its requests and made anew, and no request is lost by that.
#[test]
fn churn_closes_and_opens_again() {
    let clients = "connections = 4\nchurn = { requests = 10 }";
    for pace in ["", "rate_rps = 1000, "] {
        let server = Standing::new("now");
        let measured = load(server.addr, &format!("{pace}seconds = 0.5, warmup_s = 0.0"), clients).unwrap().measured;
        let count = measured.connection_count;
        assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
        let expected = measured.answer_count / 10;
        assert!(count.churned <= expected && count.churned + 4 >= expected, "{count:?} of {expected}");
        // Those that churned last have no further request to be made for.
        assert!(count.opened <= count.churned + 4 && count.opened >= count.churned, "{count:?}");
        assert_eq!(count.reconnected, 0);
    }
}

/// Half of the closings are resets; in the legacy era the others end their session first.
#[test]
fn churn_resets_its_share() {
    let server = Flawed::new(Flaw::None);
    let clients = "connections = 2\nera = \"legacy\"\nchurn = { requests = 5, reset_ratio = 0.5 }";
    let measured = load(server.addr, "rate_rps = 1000, seconds = 0.8, warmup_s = 0.0", clients).unwrap().measured;
    assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
    let count = measured.connection_count;
    assert!(count.churned > 20, "{count:?}");
    let (resets, farewells) = (server.seen.resets.load(Ordering::SeqCst), server.seen.farewells.load(Ordering::SeqCst));
    assert!(resets * 4 > count.churned && resets * 4 < count.churned * 3, "{resets} of {count:?}");
    assert!(farewells >= count.churned - resets && farewells <= count.churned - resets + 2, "{farewells} of {count:?}");
}

#[test]
fn what_the_server_closes_is_made_again() {
    for flaw in [Flaw::ClosesPolitely, Flaw::ClosesSilently] {
        let server = Flawed::new(flaw);
        let load_table = "rate_rps = 2000, seconds = 0.5, warmup_s = 0.0";
        let measured = load(server.addr, load_table, "connections = 2").unwrap().measured;
        let count = measured.connection_count;
        assert!(count.reconnected > 2, "{count:?}");
        assert_eq!(count.opened, 2 + count.reconnected);
        // A request may cross a close that was not announced; no answer is wrong.
        let lost = if flaw == Flaw::ClosesSilently { measured.errors.lost } else { 0 };
        assert_eq!(measured.errors.total(), lost, "{:?}", measured.errors);
    }
}

/// Goal: a server that dies ends neither the run's clock nor its honesty: what was due is counted with its latency, and
/// trying again does not spin.
#[test]
fn a_dead_server_is_counted_and_the_run_ends_in_time() {
    for pace in ["rate_rps = 1000, ", ""] {
        let server = Flawed::new(Flaw::Dies);
        let began = Instant::now();
        let load_table = format!("{pace}seconds = 1.0, warmup_s = 0.0");
        let measured = load(server.addr, &load_table, "connections = 4").unwrap().measured;
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        let errors = &measured.errors;
        assert!(errors.connect_failed > 4 && errors.connect_failed < 200, "{errors:?}");
        assert!(errors.unanswered >= 4, "{errors:?}");
        if !pace.is_empty() {
            assert_eq!(measured.answer_count + errors.total() - errors.connect_failed, 1000, "{errors:?}");
            assert_eq!(measured.latency.count, 1000 - errors.lost, "{errors:?}");
            assert!(measured.latency.p99_us > 500_000.0, "{:?}", measured.latency);
        }
    }
}

/// Goal: no server holds up the run, whatever it sends. Method: one that sends faster than anybody reads; a run that
/// does not end is the test that does not.
#[test]
fn a_server_that_sends_for_ever_does_not_hold_up_the_run() {
    let server = Flawed::new(Flaw::Floods);
    let measured = load(server.addr, "seconds = 0.2, warmup_s = 0.0", "connections = 1").unwrap().measured;
    assert_eq!((measured.errors.unanswered, measured.errors.total()), (1, 1), "{:?}", measured.errors);
    assert_eq!(measured.answer_count, 99);
}

/// Goal: a client whose server closes just when the client itself would have, comes back. Method: both at each tenth
/// answer, of which the opening has two; the farewell finds nobody.
#[test]
fn a_server_that_closes_when_the_workload_does_loses_no_client() {
    let server = Flawed::new(Flaw::ClosesWithTheAnswer);
    let clients = "connections = 2\nera = \"legacy\"\nchurn = { requests = 8 }";
    let measured = load(server.addr, "seconds = 0.5, warmup_s = 0.0", clients).unwrap().measured;
    assert!(measured.answer_count > 40, "{measured:?}");
    assert!(measured.connection_count.opened > 4, "{:?}", measured.connection_count);
    assert_eq!(measured.errors.total(), 0, "{:?}", measured.errors);
}
