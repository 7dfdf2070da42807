//! The arguments of a tool as a person writes them, made into one JSON object. It never sends them; the server judges
//! them by the tool's schema.

use std::fs::File;
use std::io::{self, Read};

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::trouble::Trouble;

/// What a file or standard input may bring: many times what servers take (4 MiB is common), and no flood of memory.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Arguments as given.
#[derive(Debug)]
pub enum Input {
    /// A whole object; its text stays as it is.
    Json(Box<RawValue>),
    /// Pairs, whose types the tool's schema decides.
    Pairs(Vec<(String, String)>),
}

/// Reads what was given on the command line.
pub fn read(words: &[String]) -> Result<Input, Trouble> {
    match words {
        [] => object("{}", "the arguments"),
        [word] if word == "-" => object(&all(io::stdin().lock(), "standard input")?, "standard input"),
        [word] if word.starts_with('@') => {
            let path = &word[1..];
            let file = File::open(path).map_err(|error| Trouble::Usage(format!("cannot read {path}: {error}")))?;
            object(&all(file, path)?, path)
        }
        [word] if !is_pair(word) => object(word, "the arguments"),
        _ => pairs(words),
    }
}

/// A word that begins like JSON is JSON: no key of a pair does.
fn is_pair(word: &str) -> bool {
    word.contains('=') && !word.trim_start().starts_with(['{', '[', '"'])
}

fn all(source: impl Read, name: &str) -> Result<String, Trouble> {
    let mut bytes = Vec::new();
    let read = source.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Trouble::Usage(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(Trouble::Usage(format!("{name} is larger than {} MiB", INPUT_BYTES_MAX >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| Trouble::Usage(format!("{name} is not UTF-8 text")))
}

fn object(text: &str, name: &str) -> Result<Input, Trouble> {
    let raw: Result<Box<RawValue>, _> = serde_json::from_str(text);
    match raw {
        Ok(raw) if raw.get().starts_with('{') => Ok(Input::Json(raw)),
        Ok(_) => Err(Trouble::Usage(format!("{name} must be a JSON object, like '{{\"text\": \"hello\"}}'"))),
        Err(error) => Err(Trouble::Usage(format!(
            "{name} must be a JSON object in quotes for the shell, @FILE, - or KEY=VALUE pairs; as JSON: {error}"
        ))),
    }
}

fn pairs(words: &[String]) -> Result<Input, Trouble> {
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(words.len());
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| is_pair(word) && !key.is_empty()) else {
            let advice = "give one JSON object, one @FILE, one -, or KEY=VALUE pairs only";
            return Err(Trouble::Usage(format!("`{word}` is not KEY=VALUE: {advice}")));
        };
        if pairs.iter().any(|(earlier, _)| earlier == key) {
            return Err(Trouble::Usage(format!("`{key}` is given twice: for a list write {key}='[1,2]'")));
        }
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(Input::Pairs(pairs))
}

/// The object that pairs make for a tool with this input schema.
pub fn typed(pairs: &[(String, String)], schema: &Value) -> Box<RawValue> {
    let typed = pairs.iter().map(|(key, value)| (key.clone(), value_of(value, &schema["properties"][key.as_str()])));
    to_raw_value(&Value::Object(typed.collect::<Map<_, _>>())).expect("a map with text keys is JSON")
}

fn value_of(text: &str, schema: &Value) -> Value {
    let takes_text = match &schema["type"] {
        Value::String(name) => name == "string",
        Value::Array(names) => names.iter().any(|name| name == "string"),
        _ => false,
    };
    let as_text = || Value::String(text.to_owned());
    if takes_text { as_text() } else { serde_json::from_str(text).unwrap_or_else(|_| as_text()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[track_caller]
    fn check(given: &[&str], schema: &Value, want: &str) {
        let said = match read(&words(given)) {
            Ok(Input::Json(raw)) => raw.get().to_owned(),
            Ok(Input::Pairs(pairs)) => typed(&pairs, schema).get().to_owned(),
            Err(trouble) => trouble.to_string(),
        };
        assert_eq!(said, want, "{given:?}");
    }

    /// Goal: each way of writing arguments means one object, and numbers keep their text. Method: a row a way.
    #[test]
    fn arguments_are_read_as_they_are_meant() {
        let none = json!({});
        check(&[], &none, "{}");
        check(&[r#"{"a": 1.50}"#], &none, r#"{"a": 1.50}"#);
        check(&[r#"{"a":"b=c"}"#], &none, r#"{"a":"b=c"}"#);
        check(&["a=1", "b=true", "c=x=y", "d=", "e=[1, 2]"], &none, r#"{"a":1,"b":true,"c":"x=y","d":"","e":[1,2]}"#);
        let text = json!({ "properties": { "a": { "type": "string" }, "b": { "type": ["string", "null"] } } });
        check(&["a=1", "b=null", "c=1.50"], &text, r#"{"a":"1","b":"null","c":1.50}"#);
    }

    /// Goal: what is not meant as one of the ways is refused, naming what to mend. Method: a row a mistake.
    #[test]
    fn mistakes_are_named() {
        #[track_caller]
        fn refused(given: &[&str], want: &str) {
            match read(&words(given)) {
                Err(Trouble::Usage(text)) => assert!(text.contains(want), "{text}"),
                other => panic!("{given:?} gave {other:?}"),
            }
        }
        refused(&["{text: hello}"], "in quotes for the shell");
        refused(&["hello"], "KEY=VALUE");
        refused(&["[1]"], "must be a JSON object");
        refused(&["a=1", "hello"], "`hello` is not KEY=VALUE");
        refused(&["a=1", "a=2"], "`a` is given twice");
        refused(&["=1", "b=2"], "`=1`");
        refused(&["{}", "a=1"], "`{}` is not KEY=VALUE");
        refused(&["@no/such/file"], "cannot read no/such/file");
    }
}
