//! The table without a ring: the tests say what completed.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Count>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A table with so much room, and as many connections.
fn table(kept_max: usize, count: usize) -> (Table, Vec<Place>) {
    let table = Table::new(kept_max);
    let places = (0..count).map(|_| table.open(socket())).collect();
    assert_eq!(asked(&table), vec!["receive"; count]);
    (table, places)
}

fn socket() -> OwnedFd {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    TcpStream::connect(listener.local_addr().expect("an address")).expect("it listens").into()
}

/// What is asked of the kernel, in words.
fn asked(table: &Table) -> Vec<&'static str> {
    std::iter::from_fn(|| table.poll_ask())
        .map(|asked| match asked {
            Asked::Receive(..) => "receive",
            Asked::Send(..) => "send",
            Asked::CancelReceive(_) => "cancel receive",
            Asked::CancelAll(..) => "cancel all",
        })
        .collect()
}

/// Takes the one send that is asked for.
#[track_caller]
fn sent(table: &Table) -> Vec<u8> {
    match table.poll_ask() {
        Some(Asked::Send(_, _, bytes, _)) => bytes,
        _ => panic!("there is something to send"),
    }
}

fn read(table: &Table, place: Place, room: &mut [u8]) -> Poll<io::Result<usize>> {
    table.poll_read(place, &mut Context::from_waker(Waker::noop()), room)
}

fn write(table: &Table, place: Place, bytes: &[u8]) -> Poll<io::Result<usize>> {
    table.poll_write(place, &mut Context::from_waker(Waker::noop()), bytes)
}

#[track_caller]
fn count(polled: Poll<io::Result<usize>>) -> usize {
    match polled {
        Poll::Ready(Ok(count)) => count,
        other => panic!("{other:?}"),
    }
}

#[test]
fn together_connections_keep_no_more_than_they_may() {
    let (table, places) = table(10_000, 3);
    let (first, second, third) = (places[0], places[1], places[2]);
    table.handle_received(first, Ok(&[1; 6000]), true);
    table.handle_received(second, Ok(&[2; 6000]), true);
    assert_eq!(asked(&table), ["cancel receive"], "the one that filled it");
    table.handle_received(second, Err(io::Error::from_raw_os_error(libc::ECANCELED)), false);
    table.handle_cancelled(second);
    table.handle_received(third, Ok(&[3; 10]), true);
    assert_eq!(asked(&table), ["cancel receive"], "and whoever keeps something after that");
    table.handle_received(third, Err(io::Error::from_raw_os_error(libc::ECANCELED)), false);
    table.handle_cancelled(third);
    assert!(asked(&table).is_empty());
    // What may be put down meanwhile is little, and something.
    assert_eq!(count(write(&table, first, &[0; 9000])), OUTBOX_BYTES_MIN);
    assert!(write(&table, first, &[0]).is_pending());
    // Whoever is read out goes on, whatever the others keep.
    let mut room = [0; 8000];
    assert_eq!(count(read(&table, third, &mut room)), 10);
    assert_eq!(asked(&table), ["send", "receive"]);
    table.handle_sent(first, Ok(OUTBOX_BYTES_MIN), vec![0; OUTBOX_BYTES_MIN]);
    assert_eq!(count(read(&table, first, &mut room)), 6000);
    assert_eq!(count(read(&table, second, &mut room)), 6000);
    assert_eq!(table.kept.get(), 0, "nothing is kept, and nothing counted");
    assert_eq!(count(write(&table, first, &[0; 9000])), 9000);
}

#[test]
fn what_is_kept_is_let_go_however_a_connection_ends() {
    let (table, places) = table(1 << 20, 4);
    let [whole, part, broken, again] = places[..] else { panic!("four") };
    for place in &places {
        table.handle_received(*place, Ok(&[1; 100]), true);
        assert_eq!(count(write(&table, *place, &[2; 1000])), 1000);
    }
    let send = places.iter().map(|_| sent(&table)).collect::<Vec<_>>();
    assert!(asked(&table).is_empty());
    places.iter().for_each(|place| assert_eq!(count(write(&table, *place, &[3; 50])), 50));
    assert_eq!(table.kept.get(), 4 * 1150);
    let [one, two, three, four] = <[Vec<u8>; 4]>::try_from(send).expect("four");
    table.handle_sent(whole, Ok(1000), one);
    table.handle_sent(part, Ok(400), two);
    table.handle_sent(broken, Err(io::Error::from_raw_os_error(libc::EPIPE)), three);
    table.handle_sent(again, Err(io::Error::from_raw_os_error(libc::EAGAIN)), four);
    assert_eq!(table.kept.get(), 150 + 750 + 150 + 1150);
    // Each of them while something is under way, and then for good.
    places.iter().for_each(|place| table.close(*place));
    assert_eq!(table.kept.get(), 0);
    assert_eq!(asked(&table), ["cancel all"; 4]);
    for place in &places {
        table.handle_received(*place, Ok(&[1; 100]), false);
        table.handle_cancelled(*place);
    }
    assert!(asked(&table).is_empty());
    assert_eq!((table.count(), table.kept.get()), (0, 0));
}

#[test]
fn what_is_left_of_a_send_goes_before_what_came_since() {
    let (table, places) = table(1 << 20, 1);
    write(&table, places[0], b"first ").is_ready();
    let bytes = sent(&table);
    write(&table, places[0], b"second").is_ready();
    table.handle_sent(places[0], Ok(2), bytes);
    assert_eq!(sent(&table), b"rst second");
}

#[test]
fn a_place_that_is_used_again_is_another() {
    let (table, places) = table(1 << 20, 1);
    table.close(places[0]);
    assert_eq!(asked(&table), ["cancel all"]);
    table.handle_received(places[0], Ok(&[]), false);
    table.handle_cancelled(places[0]);
    assert!(asked(&table).is_empty());
    let next = table.open(socket());
    assert_eq!((next.index, next == places[0]), (places[0].index, false));
    assert_eq!(asked(&table), ["receive"]);
    table.handle_received(places[0], Ok(b"of the one before"), true);
    assert!(read(&table, next, &mut [0; 100]).is_pending());
    assert_eq!(count(read(&table, places[0], &mut [0; 100])), 0, "it has ended");
}

#[test]
fn those_that_lost_their_ring_hear_of_it_and_leave_nothing() {
    let (table, places) = table(1 << 20, 2);
    let woken = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(table.poll_read(places[0], &mut Context::from_waker(&waker), &mut [0; 10]).is_pending());
    write(&table, places[1], b"an answer").is_ready();
    let _lost = sent(&table);
    assert!(table.poll_sent(places[1], &mut Context::from_waker(&waker)).is_pending());
    table.handle_received(places[1], Err(io::Error::from_raw_os_error(libc::ENOBUFS)), false);
    table.handle_ring_lost();
    assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    assert!(matches!(read(&table, places[0], &mut [0; 10]), Poll::Ready(Err(_))));
    assert!(matches!(write(&table, places[1], b"more"), Poll::Ready(Err(_))));
    assert!(!table.feed(8) && asked(&table).is_empty());
    places.iter().for_each(|place| table.close(*place));
    assert!(asked(&table).is_empty());
    assert_eq!(table.count(), 0);
}
