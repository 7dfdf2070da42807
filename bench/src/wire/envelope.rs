//! What the outermost members of a JSON-RPC message say: is it a result, an error, a notification, and whose. Walks over
//! the bytes and builds nothing. Never judges what lies inside a member; it only finds where that ends.

use memchr::memchr2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Result,
    Error,
    /// A notification, or the server's own request.
    Method,
    /// Not a JSON-RPC message.
    Other,
}

/// A message, read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub kind: Kind,
    /// As it is written.
    pub id: Option<&'a [u8]>,
}

/// Reads up to the first member that decides: in most servers' messages the third.
pub fn kind(message: &[u8]) -> Kind {
    let Some(mut members) = Members::of(message) else {
        return Kind::Other;
    };
    while let Some(name) = members.name() {
        let kind = kind_of(name);
        if kind != Kind::Other {
            return kind;
        }
        if members.value().is_none() {
            break;
        }
    }
    Kind::Other
}

/// `None` where the message is no object, or not a whole one, or says two things.
pub fn read(message: &[u8]) -> Option<Envelope<'_>> {
    let mut members = Members::of(message)?;
    let mut envelope = Envelope { kind: Kind::Other, id: None };
    while let Some(name) = members.name() {
        let value = members.value()?;
        match kind_of(name) {
            Kind::Other if name == b"id" => envelope.id = Some(value),
            Kind::Other => {}
            _ if envelope.kind != Kind::Other => return None,
            kind => envelope.kind = kind,
        }
    }
    members.has_ended().then_some(envelope)
}

fn kind_of(name: &[u8]) -> Kind {
    match name {
        b"result" => Kind::Result,
        b"error" => Kind::Error,
        b"method" => Kind::Method,
        _ => Kind::Other,
    }
}

/// Goes from member to member of one object: `name`, `value`, `name`, `value`, …
struct Members<'a> {
    rest: &'a [u8],
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    First,
    Later,
    Ended,
}

impl<'a> Members<'a> {
    fn of(message: &'a [u8]) -> Option<Self> {
        let rest = message.trim_ascii_start().strip_prefix(b"{")?;
        Some(Self { rest, stage: Stage::First })
    }

    /// The next member's name, as it is written between its quotes; its value comes next.
    fn name(&mut self) -> Option<&'a [u8]> {
        let mut rest = self.rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b"}") {
            self.rest = after;
            self.stage = Stage::Ended;
            return None;
        }
        if self.stage == Stage::Later {
            rest = rest.strip_prefix(b",")?.trim_ascii_start();
        }
        self.stage = Stage::Later;
        let (string, after) = string(rest)?;
        self.rest = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        Some(&string[1..string.len() - 1])
    }

    fn value(&mut self) -> Option<&'a [u8]> {
        let (value, after) = match self.rest.first()? {
            b'"' => string(self.rest)?,
            b'{' | b'[' => nested(self.rest)?,
            _ => scalar(self.rest)?,
        };
        self.rest = after;
        Some(value)
    }

    /// The object was closed, and nothing follows it.
    fn has_ended(&self) -> bool {
        self.stage == Stage::Ended && self.rest.trim_ascii_start().is_empty()
    }
}

/// A string from quote to quote, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(bytes.split_at(at + 1));
        }
        // Whatever is escaped, a quote among them, is passed over.
        at += 2;
    }
}

/// An object or an array, and what follows it.
fn nested(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at += string(&bytes[at..])?.0.len();
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(bytes.split_at(at));
        }
    }
}

/// A number, `true`, `false` or `null`, and what follows it.
fn scalar(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
    let end = bytes.iter().position(ends)?;
    (end > 0).then(|| bytes.split_at(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    #[track_caller]
    fn check(message: &str, want: Kind, id: Option<&str>) {
        assert_eq!(kind(message.as_bytes()), want, "{message}");
        let envelope = read(message.as_bytes()).expect("a whole object");
        assert_eq!((envelope.kind, envelope.id), (want, id.map(str::as_bytes)), "{message}");
    }

    #[test]
    fn only_the_outermost_members_count() {
        check(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, Kind::Result, Some("7"));
        check(r#" { "result" : {"id": 1, "method":"m"} , "id" : "seven" } "#, Kind::Result, Some(r#""seven""#));
        check(r#"{"id":7,"error":{"code":-32603,"data":{"result":1}}}"#, Kind::Error, Some("7"));
        check(r#"{"params":{"result":[{"id":9}]},"method":"notifications/progress"}"#, Kind::Method, None);
        check(r#"{"text":"\"result\":{}\\","id":null}"#, Kind::Other, Some("null"));
        check(r#"{}"#, Kind::Other, None);
        check(r#"{"a\"result":1,"result":[]}"#, Kind::Result, None);
    }

    #[test]
    fn what_is_no_whole_object_is_not_read() {
        let cases = [
            "",
            "[]",
            "7",
            "{",
            r#"{"result""#,
            r#"{"result":"#,
            r#"{"result":{}"#,
            r#"{"result":{"a":"}"}"#,
            r#"{"result":1}}"#,
            r#"{"result":1}{"result":1}"#,
            r#"{"result":1 "id":2}"#,
            r#"{"result":,"id":2}"#,
            r#"{"result":1,"error":2}"#,
            r#"{"result":1,"result":2}"#,
            r#"{result:1}"#,
        ];
        for message in cases {
            assert_eq!(read(message.as_bytes()), None, "{message}");
        }
        assert_eq!(kind(b"[1]"), Kind::Other);
        assert_eq!(kind(br#"{"a":"#), Kind::Other);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        /// Goal: a message is read as a JSON parser reads it. Method: serde_json writes and parses, whatever is inside.
        #[test]
        fn a_message_is_read_as_a_parser_reads_it(id in value(), result in value(), extra in ".{0,12}", is_pretty: bool) {
            let message = json!({ "jsonrpc": "2.0", "extra": extra, "id": id, "result": result });
            let text = if is_pretty { serde_json::to_string_pretty(&message) } else { serde_json::to_string(&message) };
            let text = text.expect("it is a value");
            let envelope = read(text.as_bytes()).expect("a whole object");
            prop_assert_eq!(envelope.kind, Kind::Result);
            let id: Value = serde_json::from_slice(envelope.id.expect("it is there")).expect("JSON");
            prop_assert_eq!(&id, &message["id"]);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(prop::sample::select(br#"{}[]":,\a1 "#.to_vec()), 0..40)) {
            let _ = (kind(&bytes), read(&bytes));
        }
    }
}
