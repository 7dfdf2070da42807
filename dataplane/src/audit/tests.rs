//! The writer and its shards' ends, on real folders, with a disk that fails when it is told to.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_lite::future::{block_on, poll_once};
use ringway_core::audit::{Broken, Kind, Record, Verified, Verifier, file_number};

use super::disk::{Disk, Folder};
use super::recover::recover;
use super::*;

/// How long anything that must happen may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A folder that is gone with its test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Home {
        let path = std::env::temp_dir().join(format!("ringway-audit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Home(path)
    }

    fn options(&self) -> AuditOptions {
        AuditOptions { folder: self.0.clone(), ..AuditOptions::default() }
    }

    fn open(&self) -> AuditLog {
        AuditLog::open(self.options()).expect("it opens")
    }

    fn files(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(&self.0).expect("a folder").map(|entry| entry.expect("readable").path());
        let is_log =
            |path: &PathBuf| file_number(path.file_name().and_then(|name| name.to_str()).unwrap_or("")).is_some();
        let mut files: Vec<PathBuf> = names.filter(is_log).collect();
        files.sort();
        files
    }

    fn text(&self) -> String {
        self.files().iter().map(|file| fs::read_to_string(file).expect("text")).collect()
    }

    fn verify(&self) -> Result<Verified, Broken> {
        let mut verifier = Verifier::new(None);
        for file in self.files() {
            verifier.begin_file(&file.display().to_string())?;
            verifier.handle_bytes(&fs::read(file).expect("a file"))?;
        }
        verifier.finish()
    }

    fn count(&self, part: &str) -> usize {
        self.text().lines().filter(|line| line.contains(part)).count()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn call(request_id: &str) -> Record<'_> {
    Record { kind: Kind::ToolCall, request_id, principal: "ada", tool: "echo", ..Record::default() }
}

fn submit(handle: &AuditHandle, request_id: &str) -> Submitted {
    handle.submit(&call(request_id), Effect::Write)
}

#[test]
fn what_is_submitted_is_written_in_order_and_the_chain_goes_on() {
    let home = Home::new("order");
    for start in 0..3 {
        let log = home.open();
        let handle = log.handle(|| ());
        for index in 0..1000 {
            let outcome = submit(&handle, &format!("r-{}", start * 1000 + index));
            assert!(matches!(outcome, Submitted::Queued));
        }
        assert!(log.end());
        assert_eq!(log.counts(), AuditCounts { lost: 0, refused: 0, failures: 0, ..log.counts() });
    }
    let verified = home.verify().expect("whole");
    assert_eq!((verified.files, verified.records), (1, 3 * (1 + 1000 + 1)));
    let text = home.text();
    let ids: Vec<&str> = text.lines().filter_map(|line| line.split("\"request_id\":\"r-").nth(1)).collect();
    let numbers: Vec<usize> = ids.iter().filter_map(|rest| rest.split('"').next()?.parse().ok()).collect();
    assert_eq!(numbers, (0..3000).collect::<Vec<usize>>());
    assert_eq!(home.count(r#""kind":"end""#), 3);
    let mode = |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).expect("there").permissions());
    assert_eq!((mode(&home.0) & 0o777, mode(&home.files()[0]) & 0o777), (0o700, 0o600));
}

/// Goal: a flush covers what takes many batches. Method: as many records as may wait, counted when it has come back.
#[test]
fn a_flush_is_of_all_that_waits() {
    let home = Home::new("flush");
    let log = home.open();
    let handle = log.handle(|| ());
    for round in 1..6 {
        for _ in 0..4000 {
            assert!(matches!(submit(&handle, "r"), Submitted::Queued));
        }
        assert!(log.flush());
        assert_eq!(log.counts().written, 1 + round * 4000);
    }
    assert!(log.end());
}

#[test]
fn files_follow_each_other_and_old_ones_go() {
    let home = Home::new("rotate");
    let options = AuditOptions { rotate_bytes: 4000, keep_files: 3, ..home.options() };
    let log = AuditLog::open(options).expect("it opens");
    let handle = log.handle(|| ());
    for index in 0..100 {
        let _ = submit(&handle, &format!("r-{index}"));
        if index % 5 == 0 {
            assert!(log.flush());
        }
    }
    assert!(log.end());
    let verified = home.verify().expect("whole");
    assert_eq!(home.files().len(), 3);
    assert!(verified.first_sequence > 1, "{verified:?}");
    assert!(home.count("was removed: 3 files are kept") > 0);
}

#[test]
fn one_process_a_folder_and_nobody_else() {
    let home = Home::new("lock");
    let log = home.open();
    let second = AuditLog::open(home.options()).expect_err("it is in use");
    assert!(second.0.contains("another process writes"), "{second}");
    log.end();
    home.open().end();
    let mode = |mode| fs::set_permissions(&home.0, std::os::unix::fs::PermissionsExt::from_mode(mode));
    mode(0o777).expect("it is ours");
    let open = AuditLog::open(home.options()).expect_err("others may write");
    assert!(open.0.contains("chmod go-w"), "{open}");
    let file = AuditOptions { folder: PathBuf::from("/dev/null/audit"), ..home.options() };
    assert!(AuditLog::open(file).is_err());
}

/// Goal: what a crash cut is kept beside the log and told in it. Method: a log cut within its last line, at each place that
/// matters.
#[test]
fn a_torn_line_is_moved_aside_and_told() {
    for cut in [1, 2, 100] {
        let home = Home::new(&format!("torn-{cut}"));
        let log = home.open();
        let _ = submit(&log.handle(|| ()), "r-1");
        log.end();
        let file = home.files().pop().expect("a file");
        let whole = fs::read(&file).expect("a file");
        fs::write(&file, &whole[..whole.len() - cut]).expect("it is ours");
        let log = home.open();
        log.end();
        let verified = home.verify().expect("whole again");
        assert_eq!((verified.records, verified.torn), (2 + 3, None), "header, r-1; header, torn, end");
        assert_eq!(home.count(r#""kind":"torn""#), 1);
        let asides: Vec<PathBuf> = fs::read_dir(&home.0)
            .expect("a folder")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "torn"))
            .collect();
        let kept = fs::read(&asides[0]).expect("kept");
        assert!(asides.len() == 1 && whole[..whole.len() - cut].ends_with(&kept) && !kept.is_empty());
    }
}

/// Goal: a log that was changed is neither mended nor in the way. Method: its last line changed; the next start begins a file
/// and says so.
#[test]
fn a_changed_end_stays_as_it_is() {
    let home = Home::new("changed");
    home.open().end();
    let file = home.files().pop().expect("a file");
    let mut bytes = fs::read(&file).expect("a file");
    let place = bytes.len() - 200;
    bytes[place] ^= 1;
    fs::write(&file, &bytes).expect("it is ours");
    let log = home.open();
    log.end();
    assert_eq!(fs::read(&file).expect("a file"), bytes);
    assert_eq!((home.files().len(), home.count(r#""kind":"broken""#)), (2, 1));
    assert_eq!(home.verify().expect_err("found").sequence, 2);
}

/// Goal: handing over a record takes no lock. Method: the only one there is, held by somebody else for as long as it takes.
#[test]
fn a_record_is_handed_over_while_the_lock_is_held() {
    let home = Home::new("lock");
    let log = home.open();
    let handle = log.handle(|| ());
    let held = log.shared.queues.lock().expect("nobody panicked");
    for index in 0..2000 {
        let id = format!("r-{index}");
        assert!(handle.may_begin(Effect::Write, 0) && matches!(submit(&handle, &id), Submitted::Queued));
    }
    drop(held);
    assert!(log.end());
    assert_eq!(home.count("tool_call"), 2000);
}

/// Goal: what is on disk is let go of in memory, and is there. Method: more than is kept, written and made durable, and read.
#[test]
fn what_is_let_go_of_in_memory_is_on_disk() {
    let home = Home::new("let-go");
    let log = AuditLog::open(AuditOptions { fsync: Fsync::Always, ..home.options() }).expect("it opens");
    let handle = log.handle(|| ());
    for index in 0..4 * 2000 {
        let _ = submit(&handle, &format!("r-{index}"));
        assert!(index % 2000 != 1999 || log.flush());
    }
    assert!(log.end());
    assert!(log.counts().written_bytes > 2 << 20, "{:?}", log.counts());
    assert_eq!(home.verify().expect("whole").records, 1 + 4 * 2000 + 1);
}

#[test]
fn a_file_that_is_taken_away_is_followed_by_another() {
    let home = Home::new("taken");
    let log = home.open();
    let handle = log.handle(|| ());
    fs::remove_file(&home.files()[0]).expect("it is ours");
    let _ = submit(&handle, "r-1");
    assert!(log.flush() && log.end());
    assert_eq!(home.count("was taken away"), 1);
    assert_eq!(home.count("r-1"), 1);
}

/// Fails from one operation up to another.
struct Faulty {
    folder: Folder,
    operations: Arc<AtomicU64>,
    fails_from: u64,
    fails_until: Arc<AtomicU64>,
    /// How much of what is appended while it fails gets there.
    piece_bytes: usize,
}

impl Faulty {
    fn step(&mut self) -> io::Result<()> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        let fails = self.fails_from..self.fails_until.load(Ordering::SeqCst);
        if fails.contains(&number) { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn numbers(&self) -> io::Result<Vec<u64>> {
        self.folder.numbers()
    }

    fn create(&mut self, number: u64) -> io::Result<()> {
        self.step()?;
        self.folder.create(number)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.step() {
            let _ = self.folder.append(&bytes[..self.piece_bytes.min(bytes.len())]);
            return Err(error);
        }
        // Never all at once.
        self.folder.append(&bytes[..bytes.len().min(700)])
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.step()?;
        self.folder.cut(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.step()?;
        self.folder.sync()
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        self.step()?;
        self.folder.remove(number)
    }

    fn is_in_place(&self) -> bool {
        self.folder.is_in_place()
    }
}

/// A log on a disk that fails, how many operations it did, and up to which it fails.
fn faulty(options: AuditOptions, fails: std::ops::Range<u64>) -> (AuditLog, Arc<AtomicU64>, Arc<AtomicU64>) {
    let mut folder = Folder::open(&options.folder).expect("it opens");
    let found = recover(&mut folder).expect("it is read");
    let (operations, fails_until) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(fails.end)));
    let disk = Faulty {
        folder,
        operations: Arc::clone(&operations),
        fails_from: fails.start,
        fails_until: Arc::clone(&fails_until),
        piece_bytes: 100,
    };
    (AuditLog::begin(options, disk, found).expect("it begins"), operations, fails_until)
}

/// Goal: whichever operation fails, what was said to be on disk is, and the log is whole. Method: the n-th one and the next
/// fail, for each n that a short life of a log has.
#[test]
fn whichever_operation_fails_nothing_acknowledged_is_lost() {
    let life = |first: u64, fsync: Fsync| {
        let home = Home::new(&format!("fault-{first}-{}", fsync == Fsync::Always));
        let options = AuditOptions { rotate_bytes: 2500, keep_files: 0, fsync, ..home.options() };
        // Its start is another test's.
        let (log, operations, _) = faulty(options, first + 2..first + 4);
        let handle = log.handle(|| ());
        let mut acknowledged = Vec::new();
        for index in 0..12 {
            let id = format!("r-{index}");
            match submit(&handle, &id) {
                Submitted::Waits(durable) => acknowledged.extend(block_on(durable).is_ok().then_some(id)),
                Submitted::Queued => assert!(log.flush() || log.is_failing()),
                _ => {}
            }
        }
        wait_until("it is written", || log.flush());
        log.end();
        let verified = home.verify();
        assert!(verified.is_ok(), "operation {first}: {verified:?}\n{}", home.text());
        assert_eq!((log.counts().lost, log.counts().refused), (0, 0));
        for number in log.shared.queues().iter().map(|queue| queue.durable()) {
            assert_eq!(number, 12);
        }
        for id in acknowledged {
            assert_eq!(home.count(&format!("\"{id}\"")), 1, "operation {first}, {id}");
        }
        operations.load(Ordering::SeqCst)
    };
    let all = life(u64::MAX / 2, Fsync::Always);
    assert!(all > 20, "a life of {all} operations");
    for first in 0..all {
        life(first, Fsync::Always);
    }
    for first in (0..20).step_by(3) {
        life(first, Fsync::Interval(Duration::ZERO));
    }
}

/// Goal: a full queue has its stated answer, nothing of it is silent, and what was taken is written in the end. Method: a disk
/// that takes nothing, until it does.
#[test]
fn a_full_queue_is_refused_or_counted() {
    let answers = [
        (OnFailure::RefuseWrites, Effect::Write, true),
        (OnFailure::RefuseWrites, Effect::Read, false),
        (OnFailure::RefuseAll, Effect::Read, true),
        (OnFailure::Serve, Effect::Write, false),
    ];
    for (index, (on_failure, effect, is_refused)) in answers.into_iter().enumerate() {
        let home = Home::new(&format!("full-{index}"));
        let options = AuditOptions { queue_records: 4, on_failure, fsync: Fsync::Always, ..home.options() };
        let (log, _, fails_until) = faulty(options, 2..u64::MAX);
        let handle = log.handle(|| ());
        let Submitted::Waits(first) = submit(&handle, "r-0") else { panic!("there is room") };
        assert_eq!(block_on(first), Err(NotDurable));
        wait_until("it is failing", || log.is_failing());
        assert!(matches!(log.state(), AuditState::Failing { .. }));
        let mut outcomes = Vec::new();
        for index in 1..9 {
            outcomes.push(handle.submit(&call(&format!("r-{index}")), effect));
        }
        let without = outcomes.iter().filter(|outcome| match outcome {
            Submitted::Refused => is_refused,
            Submitted::Lost => !is_refused,
            _ => false,
        });
        let without = without.count() as u64;
        assert_eq!(without, 4, "of 8, where 4 have room");
        assert_eq!(handle.may_serve(effect), !is_refused);
        fails_until.store(0, Ordering::SeqCst);
        wait_until("it is written", || log.flush());
        assert!(handle.may_serve(effect));
        log.end();
        let counts = log.counts();
        assert_eq!((counts.lost, counts.refused), if is_refused { (0, without) } else { (without, 0) });
        home.verify().expect("whole");
        let word = if is_refused { "refused" } else { "lost" };
        let told = format!(r#""kind":"gap","{word}":{without},"#);
        assert_eq!(
            (home.count(&told), home.count(r#""kind":"tool_call""#)),
            (1, 9 - without as usize),
            "{}",
            home.text()
        );
    }
}

#[test]
fn a_place_that_is_kept_is_there() {
    let home = Home::new("place");
    let log = AuditLog::open(AuditOptions { queue_records: 2, ..home.options() }).expect("it opens");
    let handle = log.handle(|| ());
    let place = handle.reserve(Effect::Write).expect("room");
    let dropped = handle.reserve(Effect::Write).expect("room");
    assert_eq!(handle.reserve(Effect::Write).err(), Some(NoPlace::Refused));
    drop(dropped);
    assert!(handle.reserve(Effect::Write).is_ok());
    assert!(matches!(place.submit(&call("r-1")), Submitted::Queued));
    log.end();
    assert_eq!((home.count("r-1"), log.counts().refused), (1, 1));
}

/// Goal: everybody who waits is woken, by one wake from outside for all, and whoever leaves does not take it along. Method:
/// many futures in one task; the one polled last, which the writer would wake, is dropped.
#[test]
fn all_that_wait_are_woken() {
    let home = Home::new("wait");
    let rung = Arc::new(AtomicU64::new(0));
    let bell = Arc::clone(&rung);
    let log = AuditLog::open(AuditOptions { fsync: Fsync::Always, ..home.options() }).expect("it opens");
    let handle = log.handle(move || {
        bell.fetch_add(1, Ordering::SeqCst);
    });
    for round in 0..50 {
        let submitted = (0..20).map(|index| submit(&handle, &format!("r-{round}-{index}")));
        let mut waits: Vec<Durable> = submitted
            .filter_map(|submitted| match submitted {
                Submitted::Waits(durable) => Some(durable),
                _ => None,
            })
            .collect();
        assert_eq!(waits.len(), 20);
        let mut last = waits.pop().expect("twenty");
        let _ = block_on(poll_once(&mut last));
        let all = poll_fn(|cx| {
            waits.retain_mut(|durable| match pin!(durable).poll(cx) {
                Poll::Ready(outcome) => {
                    assert_eq!(outcome, Ok(()));
                    false
                }
                Poll::Pending => true,
            });
            if waits.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        drop(last);
        block_on(all);
    }
    let counts = log.counts();
    assert!(counts.syncs < 1001, "one fsync serves many: {counts:?}");
    assert!(rung.load(Ordering::SeqCst) <= counts.syncs, "a shard is woken once an fsync at the most");
    let waits = submit(&handle, "late");
    log.end();
    let Submitted::Waits(durable) = waits else { panic!("there is room") };
    assert_eq!(block_on(durable), Ok(()));
    let Submitted::Waits(never) = submit(&handle, "after the end") else { panic!("there is room") };
    assert_eq!(block_on(never), Err(NotDurable));
}
