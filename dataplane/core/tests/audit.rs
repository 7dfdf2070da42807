//! The audit log's chain, broken in every way there is.
//!
//! Goal: any byte changed, any line removed, repeated or moved is found, and the record that is wrong is named; a line that a
//! crash cut is told apart. Method: a log over several files, made here, changed, and read in pieces.

use proptest::prelude::*;
use ringway_core::audit::{Anchor, Broken, Chain, Decision, Header, Kind, Record, Verified, Verifier, Why, file_name};

/// One file's lines, each with its end.
type File = Vec<Vec<u8>>;

/// A log of so many records a file, headers besides.
fn log(files: usize, records: usize) -> Vec<File> {
    let mut chain = Chain::beginning();
    let line = |write: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    let file = |number: usize| {
        let header = Header { at_unix_us: 1, process: "ringway 0.1.0 (1)", started_unix_us: 1, file: number as u64 };
        let mut lines = vec![line(&mut |out| chain.push_header(&header, out))];
        for index in 0..records {
            let name = format!("caller {index} \"\n{{}}");
            let record = Record {
                at_unix_us: index as u64,
                kind: if index % 3 == 0 { Kind::ToolCall } else { Kind::Security },
                principal: &name,
                decision: Some(Decision::Allowed),
                detail: r#"","prev":""#,
                ..Record::default()
            };
            lines.push(line(&mut |out| chain.push(&record, out)));
        }
        lines
    };
    (1..=files).map(file).collect()
}

fn verify_with(files: &[File], anchor: Option<Anchor>, piece: usize) -> Result<Verified, Broken> {
    let mut verifier = Verifier::new(anchor);
    for (index, lines) in files.iter().enumerate() {
        verifier.begin_file(&file_name(index as u64 + 1))?;
        for piece in lines.concat().chunks(piece) {
            verifier.handle_bytes(piece)?;
        }
    }
    verifier.finish()
}

fn verify(files: &[File]) -> Result<Verified, Broken> {
    verify_with(files, None, 1000)
}

fn anchor(files: &[File]) -> Anchor {
    verify(files).expect("whole").last.expect("a record")
}

#[track_caller]
fn check(files: &[File], file: u64, line: u64, sequence: u64, why: Why) {
    let broken = verify(files).expect_err("it is found");
    let told = (broken.file.as_str(), broken.line, broken.sequence, broken.why);
    assert_eq!(told, (file_name(file).as_str(), line, sequence, why));
}

#[test]
fn a_whole_log_is_whole() {
    let files = log(3, 4);
    let verified = verify(&files).expect("whole");
    assert_eq!((verified.files, verified.records, verified.first_sequence), (3, 15, 1));
    assert_eq!(verified.last.map(|last| last.sequence), Some(15));
    assert_eq!(verified.torn, None);
    let later = verify(&files[1..]).expect("old files may go");
    assert_eq!((later.records, later.first_sequence), (10, 6));
    assert_eq!(verify(&[]), Ok(Verified::default()));
}

#[test]
fn what_is_wrong_has_its_word() {
    let whole = log(3, 4);
    let with = |change: &dyn Fn(&mut Vec<File>)| {
        let mut files = whole.clone();
        change(&mut files);
        files
    };
    check(&with(&|files| files[0][2][20] ^= 1), 1, 3, 3, Why::Changed);
    check(&with(&|files| drop(files[0].remove(2))), 1, 3, 3, Why::Missing);
    check(&with(&|files| drop(files[0].remove(0))), 1, 1, 1, Why::Missing);
    check(&with(&|files| drop(files[1].remove(0))), 2, 1, 6, Why::Missing);
    check(&with(&|files| files[0].swap(2, 3)), 1, 3, 3, Why::Reordered);
    check(&with(&|files| files[0].swap(1, 4)), 1, 2, 2, Why::Reordered);
    check(&with(&|files| files.swap(1, 2)), 2, 1, 6, Why::Reordered);
    check(&with(&|files| drop(files.remove(1))), 2, 1, 6, Why::Truncated);
    check(&with(&|files| drop(files[0].pop())), 2, 1, 5, Why::Truncated);
    check(&with(&|files| files[1].truncate(2)), 3, 1, 8, Why::Truncated);
    check(&with(&|files| files[1][4].truncate(200)), 2, 5, 10, Why::Truncated);
    let twice = with(&|files| {
        let line = files[0][2].clone();
        files[0].insert(3, line);
    });
    check(&twice, 1, 4, 4, Why::Reordered);
    let other = log(1, 40);
    check(&with(&|files| files[0][2] = whole[1][1].clone()), 1, 3, 3, Why::Reordered);
    check(&with(&|files| files[0].insert(2, other[0][30].clone())), 1, 3, 3, Why::Foreign);
    let mut rewritten = Chain::behind(2, anchor(&[whole[0][..2].to_vec()]).hash);
    let mut line = Vec::new();
    rewritten.push(&Record { detail: "made anew", ..Record::default() }, &mut line);
    check(&with(&|files| files[0][2] = line.clone()), 1, 4, 4, Why::Foreign);
}

#[test]
fn a_line_that_a_crash_cut_is_no_tampering() {
    let whole = log(2, 3);
    for cut in 1..whole[1][3].len() {
        let mut files = whole.clone();
        files[1][3].truncate(cut);
        let verified = verify(&files).expect("a crash, no more");
        let torn = verified.torn.expect("it is told");
        assert_eq!((torn.line, torn.bytes, verified.records), (4, cut as u64, 7));
    }
    let mut files = whole.clone();
    let end = files[1][3].len() - 1;
    files[1][3][end] = b' ';
    check(&files, 2, 4, 8, Why::Changed);
    files[1][3] = b"{\"seq\":9,\"time\"".to_vec();
    check(&files, 2, 4, 8, Why::Changed);
}

/// Goal: with a record noted elsewhere, what is cut off at the very end is found, and a chain made anew too.
#[test]
fn an_anchor_shows_what_the_chain_cannot() {
    let whole = log(2, 3);
    let end = anchor(&whole);
    assert!(verify_with(&whole, Some(end), 1000).is_ok());
    let mut cut = whole.clone();
    cut[1].pop();
    assert!(verify(&cut).is_ok(), "the chain alone does not show it");
    let broken = verify_with(&cut, Some(end), 1000).expect_err("the anchor does");
    assert_eq!((broken.line, broken.sequence, broken.why), (4, 8, Why::Truncated));
    let other = Anchor { hash: [1; 32], ..end };
    assert_eq!(verify_with(&whole, Some(other), 1000).expect_err("another chain").why, Why::Foreign);
}

proptest! {
    #[test]
    fn however_it_is_cut_it_reads_the_same(piece in 1usize..3000) {
        let files = log(2, 5);
        prop_assert_eq!(verify_with(&files, None, piece), verify(&files));
    }

    #[test]
    fn any_byte_that_is_changed_is_found(file in 0usize..3, line in 0usize..5, place: prop::sample::Index, byte: u8) {
        let mut files = log(3, 4);
        let text = &mut files[file][line];
        let place = place.index(text.len());
        prop_assume!(text[place] != byte);
        text[place] = byte;
        let broken = verify(&files).expect_err("it is found");
        // A changed end of a line joins it with the next, which is the first that cannot be read.
        let sequence = (file * 5 + line + 1) as u64;
        prop_assert_eq!((broken.line, broken.sequence), (line as u64 + 1, sequence));
        prop_assert_eq!(&broken.file, &file_name(file as u64 + 1));
    }

    #[test]
    fn any_line_that_is_removed_is_found(gone in 0usize..15) {
        let mut files = log(3, 4);
        let end = anchor(&files);
        files[gone / 5].remove(gone % 5);
        let broken = verify_with(&files, Some(end), 500).expect_err("it is found");
        prop_assert_eq!(broken.sequence, gone as u64 + 1);
        prop_assert!(matches!(broken.why, Why::Missing | Why::Truncated));
    }

    #[test]
    fn any_line_that_stands_there_twice_is_found(source in 0usize..15, place in 1usize..15) {
        let mut files = log(3, 4);
        let line = files[source / 5][source % 5].clone();
        files[place / 5].insert(place % 5, line);
        prop_assert!(verify(&files).is_err());
        if place > source {
            let broken = verify(&files).expect_err("it is found");
            prop_assert_eq!((broken.sequence, broken.why), (place as u64 + 1, Why::Reordered));
        }
    }

    #[test]
    fn any_two_lines_that_are_exchanged_are_found(one in 0usize..15, other in 0usize..15) {
        // Without an anchor, a log may begin with any header: its older files may be gone.
        prop_assume!(one != other && !(one.min(other) == 0 && one.max(other) % 5 == 0));
        let mut files = log(3, 4);
        let mut lines: Vec<Vec<u8>> = files.concat();
        lines.swap(one, other);
        files = lines.chunks(5).map(<[Vec<u8>]>::to_vec).collect();
        let broken = verify(&files).expect_err("it is found");
        prop_assert_eq!(broken.sequence, one.min(other) as u64 + 1);
    }
}
