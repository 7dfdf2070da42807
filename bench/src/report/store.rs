//! Records in files: one JSON object, or one a line. Reads what older and newer benches wrote, and says which line it
//! could not.

use std::path::Path;

use serde::Deserialize;

use crate::record::{FORMAT, Record};

/// A record of a day has about 20 MiB; more of them than this are read one file at a time.
const FILE_BYTES_MAX: u64 = 256 << 20;

impl Record {
    /// One line, for a file of many.
    pub fn to_json_line(&self) -> Result<String, String> {
        serde_json::to_string(self).map(|json| json + "\n").map_err(|why| format!("record: {why}"))
    }

    /// All records of a file, at least one.
    pub fn read(path: &Path) -> Result<Vec<Self>, String> {
        let failed = |why: String| format!("{}: {why}", path.display());
        let bytes = std::fs::metadata(path).map_err(|why| failed(why.to_string()))?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(failed(format!("{bytes} bytes; a file of records has {FILE_BYTES_MAX} at most")));
        }
        let text = std::fs::read_to_string(path).map_err(|why| failed(why.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Vec<Self>, String> {
        if text.trim().is_empty() {
            return Err("is empty; `bench run --out FILE` writes a record".to_owned());
        }
        // Pretty or one a line: both are JSON values one after the other.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
        let mut records = Vec::new();
        loop {
            let line = line_at(text, values.byte_offset());
            match values.next() {
                None => return Ok(records),
                Some(Err(why)) => return Err(format!("not JSON: {why}")),
                Some(Ok(value)) => records.push(Self::from_value(value).map_err(|why| format!("line {line}: {why}"))?),
            }
        }
    }

    fn from_value(value: serde_json::Value) -> Result<Self, String> {
        match value.get("format").and_then(serde_json::Value::as_u64) {
            None => Err("no record of the bench: it has no `format`".to_owned()),
            Some(format) if format > u64::from(FORMAT) => {
                Err(format!("format {format} is of a newer bench; this one reads up to {FORMAT}"))
            }
            Some(_) => Self::deserialize(value).map_err(|why| format!("no record of the bench: {why}")),
        }
    }
}

/// Of the value that follows `offset`, from 1.
fn line_at(text: &str, offset: usize) -> usize {
    let begin = text[offset..].find(|c: char| !c.is_ascii_whitespace()).map_or(text.len(), |gap| offset + gap);
    text[..begin].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn what_is_written_is_read_again() {
        let records = [samples::record("a"), samples::record("b")];
        let lines: String = records.iter().map(|record| record.to_json_line().expect("written")).collect();
        let pretty: String =
            records.iter().map(|record| serde_json::to_string_pretty(record).expect("written") + "\n").collect();
        assert_eq!(lines.lines().count(), 2);
        for text in [lines, pretty] {
            let read = Record::parse(&text).expect("read");
            assert_eq!(read.len(), 2);
            for (read, record) in read.iter().zip(&records) {
                assert_eq!((&read.measured, &read.machine), (&record.measured, &record.machine));
            }
        }
    }

    #[test]
    fn what_is_no_record_is_named() {
        let good = samples::record("a").to_json_line().expect("written");
        #[track_caller]
        fn check(text: &str, want: &str) {
            let found = Record::parse(text).expect_err(want);
            assert!(found.contains(want), "{found}");
        }
        check("", "is empty");
        check("{", "not JSON: EOF");
        check("{}", "line 1: no record of the bench: it has no `format`");
        check(&format!("{good}\n[1]\n"), "line 3: no record of the bench");
        check(&good.replacen("\"format\":1", "\"format\":2", 1), "format 2 is of a newer bench");
        check(&good.replacen("\"seconds\"", "\"secs\"", 1), "line 1: no record of the bench: ");
        let newer = good.replacen("{\"format\":1", "{\"format\":1,\"later\":true", 1);
        assert_eq!(Record::parse(&newer).map(|records| records.len()), Ok(1), "an unknown field is no mistake");
    }
}
