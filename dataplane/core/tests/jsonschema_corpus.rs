//! The official JSON Schema tests for 2020-12, from `corpus/jsonschema_2020_12.jsonl` beneath `$RINGWAY_SHARED`.
//!
//! Goal: our bounds, and the linear-time regular expressions, refuse nothing that the standard allows.
//! Method: every row is compiled and checked. Rows that need another document must fail to compile and say so: it is
//! never fetched. Some rows marked `remote` have all they need inside, and are checked like the others.

use std::path::PathBuf;

use ringway_core::schema::{Schema, SchemaError};
use serde_json::Value;

#[test]
fn every_row_is_right() {
    let Some(shared) = std::env::var_os("RINGWAY_SHARED") else {
        eprintln!("skipped: RINGWAY_SHARED is not set to the folder with corpus/jsonschema_2020_12.jsonl");
        return;
    };
    let path = PathBuf::from(shared).join("corpus/jsonschema_2020_12.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} is readable: {error}", path.display()));
    let (mut checked, mut not_fetched, mut wrong) = (0, 0, Vec::new());
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let name = row["name"].as_str().expect("a row has a name");
        let accept = row["expect"]["verdict"] == "accept";
        let remote = row["expect"]["remote"] == true;
        match Schema::compile(&row["schema"]) {
            Ok(schema) => {
                checked += 1;
                let verdict = schema.check(&row["data"]);
                if verdict.is_ok() != accept {
                    wrong.push(format!("{name}: got {verdict:?}"));
                }
                if verdict.is_err_and(|violations| violations.to_string().is_empty()) {
                    wrong.push(format!("{name}: refused without a word"));
                }
            }
            Err(SchemaError::ExternalReference { .. } | SchemaError::Dialect { .. }) if remote => not_fetched += 1,
            Err(error) => wrong.push(format!("{name}: does not compile: {error}")),
        }
    }
    eprintln!("{checked} rows checked, {not_fetched} need another document and were refused, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 1200 && not_fetched > 0, "the corpus is whole: {checked} checked");
}
