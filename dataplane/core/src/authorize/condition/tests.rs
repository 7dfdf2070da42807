//! Conditions as their authors and callers meet them.
//!
//! Goal: what CEL says, a failure where it says nothing, and an end soon whatever is sent. Method: tables; and random
//! expressions over random arguments beside the interpreter of the crate `cel`, which must agree.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::identify::CredentialKind;

fn principal() -> Principal {
    let Value::Object(claims) = json!({"tenant": "acme", "level": 3, "groups": ["a", "b"], "deep": {"er": true}})
    else {
        unreachable!("an object is written")
    };
    Principal {
        name: "ann".into(),
        kind: CredentialKind::Jwt,
        scopes: ["read".into(), "db:write".into()].into(),
        roles: ["dev".into(), "ops".into()].into(),
        expires_at_unix_s: None,
        vouched_by: None,
        claims,
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

fn ask(text: &str, arguments: &Map<String, Value>) -> Result<bool, Failure> {
    let condition = Condition::compile(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    let principal = principal();
    let address = Some("::ffff:10.1.2.3".parse().expect("an address"));
    condition.holds(&Facts { principal: &principal, kind: Kind::Tool, name: "pay", address, arguments })
}

fn arguments() -> Map<String, Value> {
    object(json!({
        "amount": 50, "price": 1.5, "who": "ann", "yes": true, "nothing": null,
        "list": [1, 2, 3], "words": ["a", "b"], "items": [{"tags": ["x", "y"], "n": 1}, {"tags": [], "n": 2}],
        "map": {"a": 1, "b": {"c": "d"}}, "huge": serde_json::from_str::<Value>("123456789012345678901234567890").expect("a number"),
    }))
}

#[track_caller]
fn check(text: &str, want: Result<bool, Failure>) {
    assert_eq!(ask(text, &arguments()), want, "{text}");
}

#[test]
fn conditions_say_what_cel_says() {
    for text in [
        "true",
        "args.amount < 100",
        "args.amount < 50.5 && args.amount >= 50u",
        "args.price * 2.0 == 3.0",
        "args.amount % 7 == 1",
        "-args.amount == -50",
        "args.who == principal.name",
        "args[\"who\"] == \"ann\"",
        "args.list[0] == 1 && args.list[2u] == 3",
        "2 in args.list && !(4 in args.list)",
        "\"a\" in args.map && !(\"z\" in args.map)",
        "args.map.b.c == \"d\"",
        "has(args.map.b.c) && !has(args.map.z) && !has(args.missing) && has(args.nothing)",
        "args.nothing == null",
        "args.list == [1, 2, 3] && [1, 2.0, 3u] == args.list",
        "args.map == {\"b\": {\"c\": \"d\"}, \"a\": 1}",
        "args.words + [\"c\"] == [\"a\", \"b\", \"c\"]",
        "args.who + \"a\" == \"anna\"",
        "size(args.who) == 3 && args.list.size() == 3 && size(args) > 5 && size(\"é\") == 1",
        "args.who.startsWith(\"a\") && args.who.endsWith(\"n\") && args.who.contains(\"nn\")",
        "args.who.matches(\"^a.{2}$\") && matches(args.who, \"^\\\\w+$\")",
        "args.list.all(i, i > 0) && args.list.exists(i, i == 2) && args.list.exists_one(i, i > 2)",
        "args.list.map(i, i * 2) == [2, 4, 6] && args.list.filter(i, i > 1) == [2, 3]",
        "args.list.map(i, i > 1, i * 2) == [4, 6]",
        "args.items.all(item_, item_.tags.all(tag, tag in [\"x\", \"y\"]))",
        "args.items.filter(i, i.n == 1).map(i, i.tags) == [[\"x\", \"y\"]]",
        "args.map.exists(key, key == \"b\")",
        "[].all(i, false) && ![].exists(i, true)",
        "args.amount > 10 ? args.yes : false",
        "int(\"12\") == 12 && uint(3) == 3u && double(\"1.5\") == 1.5 && string(7) == \"7\" && int(1.9) == 1",
        "{\"gold\": 100, \"free\": 1}[\"gold\"] > args.amount",
        "principal.kind == \"jwt\" && \"ops\" in principal.roles && principal.scopes.exists(s, s.startsWith(\"db:\"))",
        "principal.claims.tenant == \"acme\" && principal.claims.level >= 3 && principal.claims[\"deep\"].er",
        "has(principal.claims.tenant) && !has(principal.claims.other) && has(principal.name)",
        "item.kind == \"tool\" && item.name == \"pay\"",
        "address == \"10.1.2.3\" && address.startsWith(\"10.\")",
        "args.missing == 1 || true",
        "true || args.missing == 1",
        "!(args.missing == 1 && false)",
        "args.list.exists(i, i == 3 || args.missing)",
        "args.words.all(args, args < \"c\")",
    ] {
        check(text, Ok(true));
    }
    for text in [
        "args.amount == \"50\"",
        "1 == true",
        "args.amount > 50",
        "[1] == [2]",
        "{\"a\": 1} == {\"b\": 1}",
        "0.0 / 0.0 == 0.0 / 0.0",
    ] {
        check(text, Ok(false));
    }
}

/// Goal: a condition sees an address without a zone. Method: one that a zone would belong to.
#[test]
fn an_address_has_no_zone() {
    let principal = principal();
    let address = Some("fe80::1".parse().expect("an address"));
    for (text, want) in [
        ("address == \"fe80::1\"", true),
        ("address.startsWith(\"fe80:\") && !address.contains(\"%\")", true),
        ("address == \"fe80::1%eth0\"", false),
    ] {
        let condition = Condition::compile(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let facts = Facts { principal: &principal, kind: Kind::Tool, name: "pay", address, arguments: &Map::new() };
        assert_eq!(condition.holds(&facts), Ok(want), "{text}");
    }
}

#[test]
fn what_has_no_answer_fails() {
    for (text, failure) in [
        ("args.missing == 1", Failure::NoSuchField),
        ("args.map.z == 1", Failure::NoSuchField),
        ("args.map[\"z\"] == 1", Failure::NoSuchField),
        ("principal.claims.z == 1", Failure::NoSuchField),
        ("args.list[3] == 1", Failure::NoSuchIndex),
        ("args.list[-1] == 1", Failure::NoSuchIndex),
        ("args.list[0.5] == 1", Failure::WrongTypes),
        ("args.amount < \"9\"", Failure::WrongTypes),
        ("args.amount + 1.0 == 51.0", Failure::WrongTypes),
        ("args.who - \"a\" == \"\"", Failure::WrongTypes),
        ("args.who.field == 1", Failure::WrongTypes),
        ("!args.amount", Failure::WrongTypes),
        ("size(args.amount) == 1", Failure::WrongTypes),
        ("args.amount.all(i, true)", Failure::WrongTypes),
        ("1 in args.amount", Failure::WrongTypes),
        ("string(args.price) == \"1.5\"", Failure::WrongTypes),
        ("args.who.startsWith(1)", Failure::WrongTypes),
        ("args.yes && args.amount", Failure::NotTrueOrFalse),
        ("args.amount ? true : false", Failure::NotTrueOrFalse),
        ("args.map.a", Failure::NotTrueOrFalse),
        ("9223372036854775807 + args.amount > 0", Failure::Overflow),
        ("-9223372036854775808 / -1 > 0", Failure::Overflow),
        ("uint(0) - 1u == 0u", Failure::Overflow),
        ("args.amount / 0 == 0", Failure::DivisionByZero),
        ("args.amount % 0 == 0", Failure::DivisionByZero),
        ("args.huge > 5", Failure::NumberTooLarge),
        ("args.huge == args.huge", Failure::NumberTooLarge),
        ("int(\"x\") == 1", Failure::BadConversion),
        ("int(1e30) == 1", Failure::BadConversion),
        ("{\"a\": 1, \"a\": 2}.a == 1", Failure::DuplicateKey),
        ("args.list.all(i, args.missing)", Failure::NoSuchField),
        ("args.list.map(i, args.missing) == []", Failure::NoSuchField),
    ] {
        check(text, Err(failure));
    }
}

#[track_caller]
fn refused(text: &str, says: &str) {
    let problem = Condition::compile(text).expect_err(text);
    assert!(problem.contains(says), "{text}: {problem:?} does not say {says:?}");
}

#[test]
fn what_could_never_work_is_refused_by_name() {
    refused("", "empty");
    refused("args.a ==", "line 1");
    refused("argz.a == 1", "\"argz\"; did you mean \"args\"");
    refused("request.a == 1", "known are principal, address, item, args");
    refused("principal == \"ann\"", "name, kind, scopes, roles, claims");
    refused("principal.nam == \"ann\"", "did you mean \"name\"");
    refused("item.uri == \"x\"", "known are kind, name");
    refused("args.a.startWith(\"x\")", "did you mean \"startsWith\"");
    refused("now() > 5", "unknown function \"now\"");
    refused("timestamp(args.a) == timestamp(args.b)", "unknown function \"timestamp\"");
    refused("type(args.a) == int", "unknown function \"type\"");
    refused("startsWith(args.a, \"x\")", "x.startsWith(y)");
    refused("args.a.matches(args.b)", "written out");
    refused("args.a.matches(\"(\")", "pattern");
    refused("args.a.matches(\"(a{1000}){1000}\")", "pattern");
    refused("b\"x\" == args.a", "bytes");
    refused("Money{units: 1} == args.a", "messages");
    refused("args.a + 1", "never true or false");
    refused("\"x\"", "never true or false");
    refused("args.list.map(i, i)", "never true or false");
    refused("args.a.all(i, i.all(j, j.all(k, true)))", "more than 2 loops");
    refused(&vec!["args.a"; 300].join(" || "), "more than 512");
    refused(&format!("{}1 == 1", "1 + ".repeat(200)), "more than 64 levels");
    refused(&"a".repeat(5000), "the longest has 4096");
}

/// A thread of a test has 2 MiB of stack, as a shard's has.
#[test]
fn hostile_texts_are_refused_and_take_no_stack() {
    for part in [
        "(", "[", "{", "!", "-", "a.", "a[", "a?", "a?a:", "1+", "a&&", "a||", "a(", "{a:", "a.b(", "\"", "'''", "- ",
        "! ", "\\", "é", "in ", "1<",
    ] {
        for tail in ["", "1", "a"] {
            let count = (compile::TEXT_BYTES_MAX - tail.len()) / part.len();
            let text = part.repeat(count) + tail;
            // A row of `!` is one or none to the grammar; nothing else of this is an expression.
            match Condition::compile(&text) {
                Ok(_) => assert_eq!(part.trim(), "!", "{tail}"),
                Err(problem) => assert!(problem.len() < 10_000, "{part}: {} bytes of complaint", problem.len()),
            }
        }
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("a(", ")"), ("a[", "]")] {
        let closed = format!("{}1{}", open.repeat(1000), close.repeat(1000));
        assert!(Condition::compile(&closed).is_err(), "{open}");
    }
}

#[test]
fn the_deepest_condition_takes_little_stack() {
    let levels = 62;
    let condition =
        Condition::compile(&format!("{}1 == {levels}", "1 + ".repeat(levels - 1))).expect("as deep as may be");
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let answer = small.spawn(move || {
        let (principal, arguments) = (principal(), arguments());
        condition.holds(&Facts {
            principal: &principal,
            kind: Kind::Tool,
            name: "pay",
            address: None,
            arguments: &arguments,
        })
    });
    assert_eq!(answer.expect("a thread").join().expect("no overflow"), Ok(true));
}

#[test]
fn facts_that_are_asked_for_are_known() {
    let reads = |text| Condition::compile(text).expect(text).reads();
    assert_eq!(reads("principal.name == item.name"), Reads { arguments: false, address: false });
    assert_eq!(reads("args.a == 1"), Reads { arguments: true, address: false });
    assert_eq!(reads("address == \"\""), Reads { arguments: false, address: true });
    assert_eq!(reads("principal.roles.exists(args, args == \"x\")"), Reads { arguments: false, address: false });
    assert_eq!(reads("principal.roles.exists(r, r in args.roles)"), Reads { arguments: true, address: false });
}

#[test]
fn an_address_is_text_or_empty() {
    for (address, want) in [
        (Some("10.0.0.1"), "10.0.0.1"),
        (Some("::ffff:10.0.0.1"), "10.0.0.1"),
        (Some("2001:db8:1111:2222:3333:4444:5555:6666"), "2001:db8:1111:2222:3333:4444:5555:6666"),
        (None, ""),
    ] {
        let text = address.map_or(AddressText::EMPTY, |address: &str| AddressText::of(address.parse().expect(address)));
        assert_eq!(text.as_str(), want);
    }
}

#[test]
fn steps_end_what_is_too_much() {
    let many: Vec<Value> = (0..20_000).map(Value::from).collect();
    let long = "x".repeat(8 << 20);
    let arguments = object(json!({"many": many, "long": long, "few": [1, 2], "n": 1}));
    let run = |text| ask(text, &arguments);
    assert_eq!(run("args.n == 1 && size(args.many) == 20000"), Ok(true), "what is not looked at costs nothing");
    assert_eq!(run("args.few.all(i, i > 0)"), Ok(true));
    assert_eq!(run("args.many.all(i, i >= 0)"), Err(Failure::TooManySteps));
    assert_eq!(run("args.many.all(i, i >= 0) || true"), Err(Failure::TooManySteps), "nothing hides an empty budget");
    assert_eq!(run("args.many.exists(i, i == 5)"), Ok(true), "a loop ends where its answer is known");
    assert_eq!(run("args.few.exists(i, args.many.exists(j, j < 0))"), Err(Failure::TooManySteps));
    assert_eq!(run("args.long == \"x\""), Ok(false));
    assert_eq!(run("args.long.contains(\"y\")"), Err(Failure::TooManySteps));
    assert_eq!(run("args.long.contains(\"y\") || true"), Err(Failure::TooManySteps), "nor one that was not yet empty");
    assert_eq!(run("args.long.matches(\"y\")"), Err(Failure::TooManySteps));
    assert_eq!(run("size(args.few.map(i, args.long + args.long)) == 2"), Err(Failure::TooManySteps));
    let doubled = (0..10).fold("[args.few]".to_owned(), |range, _| format!("[{range}[0] + {range}[0]]"));
    assert!(Condition::compile(&format!("size({doubled}) == 0")).is_err(), "it is too large to be written");
    let doubled = (0..25).fold("[args.few]".to_owned(), |range, _| format!("{range}.map(x, x + x)"));
    assert_eq!(run(&format!("size({doubled}) == 1")), Err(Failure::TooManySteps), "nor can it be grown by loops");
}

/// Grows an expression out of random choices. Most are of sorts that fit each other, so that there is something to compare.
struct Garden<'a> {
    choices: &'a [u8],
    at: usize,
    loops: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Bool,
    Int,
    Double,
    Text,
    List,
}

impl Garden<'_> {
    fn pick(&mut self, count: usize) -> usize {
        let choice = self.choices.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(choice) % count
    }

    fn of<'b>(&mut self, words: &[&'b str]) -> &'b str {
        words[self.pick(words.len())]
    }

    fn grow(&mut self, sort: Sort, depth: usize) -> String {
        // One in sixteen is of another sort.
        let sort = match self.pick(16) {
            15 => [Sort::Bool, Sort::Int, Sort::Double, Sort::Text, Sort::List][self.pick(5)],
            _ => sort,
        };
        if depth == 0 || self.pick(5) == 0 {
            return self.leaf(sort);
        }
        let next = depth - 1;
        match sort {
            Sort::Bool => self.bool(next),
            Sort::Int => match self.pick(6) {
                0 => format!("size({})", self.grow(Sort::List, next)),
                1 => format!("size({})", self.grow(Sort::Text, next)),
                2 => format!("int({})", self.grow(Sort::Double, next)),
                3 => format!("{}[{}]", self.grow(Sort::List, next), self.grow(Sort::Int, next)),
                4 => format!("-({})", self.grow(Sort::Int, next)),
                _ => format!(
                    "({} {} {})",
                    self.grow(Sort::Int, next),
                    self.of(&["+", "-", "*", "/", "%"]),
                    self.grow(Sort::Int, next)
                ),
            },
            Sort::Double => match self.pick(3) {
                0 => format!("double({})", self.grow(Sort::Int, next)),
                _ => format!(
                    "({} {} {})",
                    self.grow(Sort::Double, next),
                    self.of(&["+", "-", "*", "/"]),
                    self.grow(Sort::Double, next)
                ),
            },
            Sort::Text => match self.pick(3) {
                0 => format!("string({})", self.of(&["1", "7u", "args.i", "args.b", "args.s", "null"])),
                1 => format!(
                    "({} ? {} : {})",
                    self.grow(Sort::Bool, next),
                    self.grow(Sort::Text, next),
                    self.grow(Sort::Text, next)
                ),
                _ => format!("({} + {})", self.grow(Sort::Text, next), self.grow(Sort::Text, next)),
            },
            Sort::List => match self.pick(4) {
                0 => format!("[{}, {}]", self.grow(Sort::Int, next), self.grow(Sort::Int, next)),
                1 => format!("({} + {})", self.grow(Sort::List, next), self.grow(Sort::List, next)),
                2 => self.looped("map", Sort::Int, next),
                _ => self.looped("filter", Sort::Bool, next),
            },
        }
    }

    fn bool(&mut self, next: usize) -> String {
        match self.pick(9) {
            0 => format!("!({})", self.grow(Sort::Bool, next)),
            1 | 2 => {
                format!("({} {} {})", self.grow(Sort::Bool, next), self.of(&["&&", "||"]), self.grow(Sort::Bool, next))
            }
            3 => {
                let sort = [Sort::Int, Sort::Double, Sort::Text, Sort::List][self.pick(4)];
                format!("({} {} {})", self.grow(sort, next), self.of(&["==", "!="]), self.grow(sort, next))
            }
            4 => {
                let sort = [Sort::Int, Sort::Double, Sort::Text][self.pick(3)];
                format!("({} {} {})", self.grow(sort, next), self.of(&["<", "<=", ">", ">="]), self.grow(sort, next))
            }
            5 => format!("({} in {})", self.grow(Sort::Int, next), self.grow(Sort::List, next)),
            6 => format!(
                "({}).{}({})",
                self.grow(Sort::Text, next),
                self.of(&["startsWith", "endsWith", "contains"]),
                self.grow(Sort::Text, next)
            ),
            7 => {
                let name = self.of(&["all", "exists", "exists_one"]);
                self.looped(name, Sort::Bool, next)
            }
            _ => format!(
                "({} ? {} : {})",
                self.grow(Sort::Bool, next),
                self.grow(Sort::Bool, next),
                self.grow(Sort::Bool, next)
            ),
        }
    }

    fn looped(&mut self, name: &str, body: Sort, next: usize) -> String {
        // In which order a map is passed is nobody's promise, so only loops that do not show it run over one.
        let range = match self.pick(6) {
            0 if body == Sort::Bool && name != "filter" => "args.map".to_owned(),
            _ => self.grow(Sort::List, next),
        };
        if self.loops == LOOPS_MAX_IN_TESTS {
            return range;
        }
        self.loops += 1;
        let variable = ["x", "y"][self.loops - 1];
        let body = self.grow(body, next);
        self.loops -= 1;
        format!("({range}).{name}({variable}, {body})")
    }

    fn leaf(&mut self, sort: Sort) -> String {
        let loops = self.loops;
        match sort {
            Sort::Int if loops > 0 && self.pick(2) == 0 => ["x", "y"][loops - 1].to_owned(),
            Sort::Int => self
                .of(&[
                    "0",
                    "1",
                    "2",
                    "-3",
                    "7u",
                    "args.i",
                    "args.u",
                    "args.map.n",
                    "args.missing",
                    "9223372036854775807",
                    "principal.claims.level",
                ])
                .to_owned(),
            Sort::Bool => self
                .of(&[
                    "true",
                    "false",
                    "args.b",
                    "has(args.i)",
                    "has(args.missing)",
                    "has(args.map.n)",
                    "principal.claims.deep.er",
                    "(args.nothing == null)",
                    "(args.s in args.map)",
                    "(args.i in {1: 2, \"a\": 3})",
                    "({1: 2, \"a\": 3}[args.s] == 3)",
                ])
                .to_owned(),
            Sort::Double => self.of(&["0.0", "1.0", "2.5", "-1.5", "args.d", "args.map.d"]).to_owned(),
            Sort::Text => self
                .of(&[
                    "\"\"",
                    "\"a\"",
                    "\"ab\"",
                    "args.s",
                    "args.map.s",
                    "principal.name",
                    "item.name",
                    "address",
                    "principal.roles[0]",
                ])
                .to_owned(),
            Sort::List => self
                .of(&[
                    "[]",
                    "[1, 2]",
                    "[\"a\"]",
                    "[args.i]",
                    "args.list",
                    "args.words",
                    "principal.roles",
                    "principal.claims.groups",
                ])
                .to_owned(),
        }
    }
}

const LOOPS_MAX_IN_TESTS: usize = compile::LOOPS_MAX;

fn theirs(json: &Value) -> cel::Value {
    match json {
        Value::Null => cel::Value::Null,
        Value::Bool(bool) => (*bool).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), _, _) => int.into(),
            (_, Some(uint), _) => uint.into(),
            (_, _, Some(double)) => double.into(),
            _ => panic!("{number} is not for this test"),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(theirs).collect())),
        Value::Object(fields) => {
            let fields: HashMap<cel::objects::Key, cel::Value> =
                fields.iter().map(|(name, value)| (name.as_str().into(), theirs(value))).collect();
            cel::Value::Map(cel::objects::Map { map: Arc::new(fields) })
        }
    }
}

/// What the interpreter of the crate says: an answer, or none.
fn their_answer(text: &str, arguments: &Map<String, Value>) -> Option<bool> {
    let program = cel::Program::compile(text).expect("it was compiled here");
    let mut context = cel::Context::default();
    let principal = principal();
    let as_json = json!({
        "name": principal.name, "kind": principal.kind.word(), "scopes": principal.scopes, "roles": principal.roles,
        "claims": principal.claims,
    });
    context.add_variable_from_value("principal", theirs(&as_json));
    context.add_variable_from_value("item", theirs(&json!({"kind": "tool", "name": "pay"})));
    context.add_variable_from_value("address", "10.1.2.3");
    context.add_variable_from_value("args", theirs(&Value::Object(arguments.clone())));
    match program.execute(&context) {
        Ok(cel::Value::Bool(bool)) => Some(bool),
        _ => None,
    }
}

fn some_arguments() -> impl Strategy<Value = Map<String, Value>> {
    let numbers = (-4i64..5, 0u64..5, prop::sample::select(vec![-1.5, 0.0, 0.5, 1.0, 2.0, 1e300]));
    let lists = (prop::collection::vec(-2i64..4, 0..4), prop::collection::vec("[ab]{0,2}", 0..3));
    (numbers, lists, any::<bool>(), "[ab]{0,3}").prop_map(|((i, u, d), (list, words), b, s)| {
        object(json!({
            "i": i, "u": u, "d": d, "b": b, "s": s, "nothing": null, "list": list, "words": words,
            "map": {"n": i + 1, "d": d + 1.0, "s": s},
        }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn answers_are_those_of_another_interpreter(
        choices in prop::collection::vec(any::<u8>(), 1..80),
        arguments in some_arguments(),
    ) {
        let text = Garden { choices: &choices, at: 0, loops: 0 }.grow(Sort::Bool, 4);
        if let Ok(condition) = Condition::compile(&text) {
            let principal = principal();
            let address = Some("10.1.2.3".parse().expect("an address"));
            let facts = Facts { principal: &principal, kind: Kind::Tool, name: "pay", address, arguments: &arguments };
            let own = condition.holds(&facts);
            prop_assert_eq!(own.ok(), their_answer(&text, &arguments), "{} with {:?}: {:?}", text, arguments, own);
        }
    }

    #[test]
    fn no_text_breaks_the_compiler(text in prop_oneof!["\\PC{0,60}", "[a-z.()\\[\\]{}!<>=&|?:+*/%\"' 0-9eu-]{0,60}"]) {
        if let Ok(condition) = Condition::compile(&text) {
            let (principal, arguments) = (principal(), arguments());
            let _ = condition.holds(&Facts { principal: &principal, kind: Kind::Tool, name: "pay", address: None, arguments: &arguments });
        }
    }
}
