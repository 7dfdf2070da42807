//! `ringway audit verify`: reads a log through the verifier of the core and says what it found. It never mends.

use std::io::Read;

use ringway_dataplane::audit_log::{Broken, Verified, Verifier, Why, hex};
use serde_json::json;

use super::arguments::{Format, Verify};
use super::folder::{self, LogFile, cannot_read};
use super::output::Out;
use super::{Ended, Trouble, remark};

/// Bytes that are read together.
const PIECE_BYTES: usize = 256 << 10;

/// Checks a log.
pub fn run(verify: &Verify) -> Result<Ended, Trouble> {
    let mut files = folder::files(&verify.folder)?;
    if let Some(from) = verify.from {
        begin_at(&mut files, from)?;
    }
    let outcome = check(verify, &files)?.and_then(|verified| has_from(verify, &files, verified));
    let mut out = Out::new();
    let (ended, text, json) = match &outcome {
        Ok(verified) => (Ended::Good, whole(verified), whole_json(verified)),
        Err(broken) => (Ended::Broken, format!("the log is not whole: {}", told(broken)), broken_json(broken)),
    };
    match verify.output.format() {
        Format::Text if ended == Ended::Broken => remark(&text),
        Format::Text => out.line(text.as_bytes())?,
        Format::Json => out.line(json.to_string().as_bytes())?,
    }
    out.flush()?;
    Ok(ended)
}

/// Leaves out the files before the one with this record.
fn begin_at(files: &mut Vec<LogFile>, from: u64) -> Result<(), Trouble> {
    let mut first = 0;
    for (index, file) in files.iter().enumerate() {
        if file.first_sequence()?.is_some_and(|sequence| sequence <= from) {
            first = index;
        }
    }
    files.drain(..first);
    Ok(())
}

fn check(verify: &Verify, files: &[LogFile]) -> Result<Result<Verified, Broken>, Trouble> {
    let mut verifier = Verifier::new(verify.anchor);
    let mut piece = vec![0; PIECE_BYTES];
    for file in files {
        if let Err(broken) = verifier.begin_file(&file.shown()) {
            return Ok(Err(broken));
        }
        let mut open = file.open()?;
        loop {
            let count = open.read(&mut piece).map_err(|error| cannot_read(&file.path, &error))?;
            if count == 0 {
                break;
            }
            if let Err(broken) = verifier.handle_bytes(&piece[..count]) {
                return Ok(Err(broken));
            }
        }
    }
    Ok(verifier.finish())
}

/// The record that was asked for must be there.
fn has_from(verify: &Verify, files: &[LogFile], verified: Verified) -> Result<Verified, Broken> {
    let Some(from) = verify.from else { return Ok(verified) };
    let last = verified.last.map_or(0, |last| last.sequence);
    let broken = |file: Option<&LogFile>, found, why| {
        Err(Broken { file: file.map(LogFile::shown).unwrap_or_default(), line: 1, sequence: from, found, why })
    };
    if from < verified.first_sequence {
        broken(files.first(), Some(verified.first_sequence), Why::Missing)
    } else if from > last {
        broken(files.last(), None, Why::Truncated)
    } else {
        Ok(verified)
    }
}

fn whole(verified: &Verified) -> String {
    let Verified { files, records, first_sequence, last, torn } = verified;
    let mut lines = vec![format!("whole: {records} records in {files} files")];
    if let Some(last) = last {
        lines.push(format!("first record  {first_sequence}"));
        lines.push(format!("last record   {}", last.sequence));
        lines.push(format!("anchor        {}:{}", last.sequence, hex(&last.hash)));
    }
    if let Some(torn) = torn {
        let told = "bytes of a line without its end: a crash cut it, or it is being written";
        lines.push(format!("torn          {}, line {}: {} {told}", torn.file, torn.line, torn.bytes));
    }
    lines.join("\n")
}

fn whole_json(verified: &Verified) -> serde_json::Value {
    let Verified { files, records, first_sequence, last, torn } = verified;
    let anchor = last.map(|last| format!("{}:{}", last.sequence, hex(&last.hash)));
    json!({
        "ok": true,
        "files": files,
        "records": records,
        "first_sequence": first_sequence,
        "last_sequence": last.map(|last| last.sequence),
        "anchor": anchor,
        "torn": torn.as_ref().map(|torn| json!({ "file": torn.file, "line": torn.line, "bytes": torn.bytes })),
    })
}

fn broken_json(broken: &Broken) -> serde_json::Value {
    let Broken { file, line, sequence, found, why } = broken;
    json!({
        "ok": false,
        "file": file,
        "line": line,
        "sequence": sequence,
        "found": found,
        "why": why.word(),
        "message": told(broken),
    })
}

/// A sentence about what is wrong.
fn told(broken: &Broken) -> String {
    let Broken { file, line, sequence, found, why } = broken;
    let gone = |behind: u64| match behind.saturating_sub(1) {
        last if last > *sequence => format!("records {sequence} to {last} are"),
        _ => format!("record {sequence} is"),
    };
    let what = match (why, found) {
        (Why::Changed, _) => format!("record {sequence} is not as it was written"),
        (Why::Missing, Some(found)) => format!("{} missing", gone(*found)),
        (Why::Truncated, Some(found)) => format!("{} missing at the end of the file before", gone(*found)),
        (Why::Missing, None) => format!("record {sequence} is missing"),
        (Why::Truncated, None) => format!("the log ends before the end of record {sequence}"),
        (Why::Reordered, Some(found)) => format!("record {found} stands in the place of record {sequence}"),
        (Why::Foreign, Some(found)) if found == sequence => {
            format!("record {found} does not belong to this chain: it, or the one before it, was put there")
        }
        (Why::Foreign, Some(found)) => {
            format!("record {found} of another chain stands in the place of record {sequence}")
        }
        (Why::Reordered | Why::Foreign, None) => format!("record {sequence} is not in its place"),
    };
    format!("{file}, line {line}: {what} ({})", why.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(why: Why, found: Option<u64>, want: &str) {
        let broken = Broken { file: "f".to_owned(), line: 3, sequence: 7, found, why };
        assert_eq!(told(&broken), format!("f, line 3: {want}"));
    }

    #[test]
    fn what_is_wrong_is_a_sentence() {
        check(Why::Changed, None, "record 7 is not as it was written (changed)");
        check(Why::Missing, Some(8), "record 7 is missing (missing)");
        check(Why::Missing, Some(10), "records 7 to 9 are missing (missing)");
        check(Why::Truncated, Some(9), "records 7 to 8 are missing at the end of the file before (truncated)");
        check(Why::Truncated, None, "the log ends before the end of record 7 (truncated)");
        check(Why::Reordered, Some(6), "record 6 stands in the place of record 7 (reordered)");
        check(Why::Foreign, Some(9), "record 9 of another chain stands in the place of record 7 (foreign)");
    }
}
