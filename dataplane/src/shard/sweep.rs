//! What a shard looks after now and then instead of per request: deadlines of connections, the end of idle sessions and
//! tasks and of credentials, the text of `Date`. It never runs on a request's time.

use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;
use ringway_core::http::response::DateText;

use super::{Shard, lasting};
use crate::ticker::Ticks;

/// Sessions and tasks are looked at every so many turns: they last minutes.
const EXPIRE_EVERY_TURNS: u32 = 8;

/// Requests under way are asked after every so many turns: 4 s.
const DOUBT_EVERY_TURNS: u32 = 16;

/// Sweeps with each tick until the task is cancelled. `swept` hears of it, unless it has not taken the last.
pub async fn run(shard: Rc<Shard>, ticks: Ticks, swept: async_channel::Sender<()>) {
    let mut turn = 0u32;
    loop {
        ticks.next().await;
        turn = turn.wrapping_add(1);
        shard.date.set(date_text(SystemTime::now()));
        shard.coarse_unix_s.set(shard.unix_now_s());
        if shard.coarse_unix_s.get() >= shard.next_lapse_unix_s.get() {
            lasting::sweep(&shard);
        }
        let now = shard.now();
        shard.coarse_now.set(now);
        tell(&shard);
        let is_pressed = shard.handshakes.is_pressed();
        for (key, control) in shard.connections.borrow().iter() {
            control.enforce_deadline(now, &shard.limits(), is_pressed);
            // A few at a time: each is two requests to the kernel.
            if key as u32 % DOUBT_EVERY_TURNS == turn % DOUBT_EVERY_TURNS {
                control.doubt();
            }
        }
        if turn.is_multiple_of(EXPIRE_EVERY_TURNS) {
            expire(&shard, now);
        }
        // Full means that it will look anyway, closed that it looks no more.
        let _ = swept.try_send(());
    }
}

/// Leaves for others to read that the shard turns, and what it holds.
fn tell(shard: &Shard) {
    shard.stalls.look();
    shard.metrics.beat(shard.observatory.now_ms());
    shard.metrics.set_levels(
        shard.sessions.borrow().len(),
        shard.listens.borrow().len(),
        shard.tasks.borrow().len(),
        shard.in_flight.get(),
    );
}

fn expire(shard: &Rc<Shard>, now: Duration) {
    let ended = shard.sessions.borrow_mut().expire(now);
    ended.iter().for_each(|session| session.end());
    let tasks = shard.tasks.borrow_mut().expire(now);
    drop(tasks);
}

/// The text of `Date` as the last sweep left it.
pub fn date(shard: &Shard) -> DateText {
    shard.date.get()
}

/// The text of `Date` for a time.
pub fn date_text(time: SystemTime) -> DateText {
    let mut text = [b' '; 29];
    // Every time that a clock tells until the year 9999 has so many characters.
    let written = write!(&mut text[..], "{}", HttpDate::from(time));
    debug_assert!(written.is_ok());
    text
}
