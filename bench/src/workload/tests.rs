//! Workloads as text, right and wrong: the messages people meet, and that what is written is read again.

use std::path::Path;

use proptest::prelude::*;

use super::problem::Problems;
use super::*;

fn parse(text: &str) -> Result<Workload, Problems> {
    let environment = |name: &str| (name == "KEY").then(|| "k1".to_owned());
    Workload::parse(text, "w.toml", &environment, Path::new(""))
}

/// The least there is, with what the test is about in its three places.
fn with(head: &str, clients: &str, share: &str) -> String {
    let operation = if share.contains("operation") { "" } else { "operation = \"call\"\n" };
    format!("{head}\n[[clients]]\n{clients}\n[[clients.mix]]\n{operation}{share}\n")
}

#[test]
fn the_least_has_every_default() {
    let workload = parse(&with("", "", "")).expect("right");
    assert_eq!(workload.name, "w");
    assert_eq!(workload.load, Pace::default());
    let [clients] = workload.clients.as_slice() else { panic!("one group") };
    assert_eq!((clients.connections, clients.name.as_str()), (64, "mcp modern"));
    assert_eq!((clients.face, clients.era), (Face::Mcp, Era::Modern));
    let [share] = clients.mix.as_slice() else { panic!("one operation") };
    assert_eq!((share.name.as_str(), share.weight, share.operation), ("call echo", 1, Operation::Call));
}

#[test]
fn the_environment_and_the_folder_are_filled_in() {
    let text = with(
        "",
        "face = \"http\"\nheaders = { Authorization = \"Bearer ${KEY}\" }\n\
         credentials = [{ header = \"X-API-Key\", value = \"${KEY}\" }]\ntls = { ca = \"/etc/ca.pem\" }",
        "operation = \"request\"\nfile = \"my.http\"",
    );
    let environment = |name: &str| (name == "KEY").then(|| "k1".to_owned());
    let workload = Workload::parse(&text, "dir/w.toml", &environment, Path::new("dir")).expect("right");
    let clients = &workload.clients[0];
    assert_eq!(clients.headers["Authorization"], "Bearer k1");
    assert_eq!(clients.credentials[0].value, "k1");
    assert_eq!(clients.mix[0].file.as_deref(), Some(Path::new("dir/my.http")));
    assert_eq!(clients.tls.as_ref().and_then(|tls| tls.ca.as_deref()), Some(Path::new("/etc/ca.pem")));
    assert_eq!(clients.mix[0].name, "request my.http");
    let written = toml::to_string(&workload).expect("it can be written");
    assert!(!written.contains("k1"), "a key is written nowhere: {written}");
}

#[test]
fn names_that_nobody_gave_are_made_and_differ() {
    let text = "[[clients]]\nmix = [{operation='call'}, {operation='call'}, {operation='call', text_bytes=[70]}]\n\
                [[clients]]\nmix = [{operation='list', name='call echo'}]";
    let workload = parse(text).expect("right");
    let names = |index: usize| workload.clients[index].mix.iter().map(|share| share.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(0), ["call echo", "call echo 2", "call echo 70 B"]);
    assert_eq!(names(1), ["call echo"]);
    assert_eq!(workload.clients[1].name, "mcp modern 2");
}

/// Goal: each mistake has its message, with the place and the thing to fix. One row a mistake.
#[test]
fn every_mistake_is_named() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        let found = parse(text).expect_err(text).to_string();
        assert_eq!(found, want, "\n{text}");
    }
    let load = |line: &str| with(&format!("[load]\n{line}"), "", "");
    let clients = |line: &str| with("", line, "");
    let share = |line: &str| with("", "", line);

    check("clients = [", "w.toml:1:12: not TOML: unclosed array, expected `]`");
    check("", "w.toml:1:1: missing field `clients`");
    check("clients = []", "w.toml:1:11: clients: 0 groups; from 1 to 64 are possible");
    check(&with("abuot = 'x'", "", ""), "w.toml:1:1: abuot: unknown key; did you mean `about`?");
    check(&with("colour = 'x'", "", ""), "w.toml:1:1: colour: unknown key; known here: name, about, load, clients");
    check(
        &with("name = 'a\\u0007'", "", "").replace('\'', "\""),
        "w.toml:1:8: name: must be one line of 100 bytes at most",
    );
    check(&load("rate = 5"), "w.toml:2:1: load.rate: unknown key; did you mean `rate_rps`?");
    check(&load("rate_rps = -5"), "w.toml:2:12: load.rate_rps: invalid value: integer `-5`, expected u64");
    check(
        &load("rate_rps = 0"),
        "w.toml:2:12: load.rate_rps: 0/s; from 1 to 10000000/s are possible. Without it, the loop is closed",
    );
    check(
        &load("rate_rps = 10_000_001"),
        "w.toml:2:12: load.rate_rps: 10000001/s; from 1 to 10000000/s are possible. Without it, the loop is closed",
    );
    check(&load("arrivals = 'odd'"), "w.toml:2:12: load.arrivals: unknown variant `odd`, expected `even` or `poisson`");
    check(&load("seconds = 0.05"), "w.toml:2:11: load.seconds: 0.05 s; from 0.1 to 86400 s is possible");
    check(&load("seconds = nan"), "w.toml:2:11: load.seconds: NaN s; from 0.1 to 86400 s is possible");
    check(&load("seconds = 86401.0"), "w.toml:2:11: load.seconds: 86401 s; from 0.1 to 86400 s is possible");
    check(&load("warmup_s = -1.0"), "w.toml:2:12: load.warmup_s: -1 s; from 0 to 86400 s is possible");
    check(&clients("connections = 0"), "w.toml:3:15: clients[0].connections: 0 connections send nothing; at least 1");
    check(&clients("connections = 65537"), "w.toml:2:1: clients: 65537 connections in all; 65536 are possible");
    check(
        &clients("connections = -1"),
        "w.toml:3:15: clients[0].connections: invalid value: integer `-1`, expected usize",
    );
    check(
        &clients("face = 'grpc'"),
        "w.toml:3:8: clients[0].face: unknown variant `grpc`, expected one of `mcp`, `web_socket`, `rest`, `command`, `http`",
    );
    check(
        &clients("face = 'rest'\nera = 'legacy'"),
        "w.toml:4:7: clients[0].era: face `rest` is the same in both eras; take this line out",
    );
    check(
        &clients("path = 'mcp'"),
        "w.toml:3:8: clients[0].path: \"mcp\" must begin with `/` and have neither spaces nor letters beyond ASCII",
    );
    check(
        &clients("headers = { A = '${NONE}' }"),
        "w.toml:3:17: clients[0].headers.A: the environment has no `NONE`; set it, or write the value without `${}`",
    );
    check(
        &clients("credentials = [{ header = 'A', value = 'Bearer ${NONE}' }]"),
        "w.toml:3:40: clients[0].credentials[0].value: the environment has no `NONE`; set it, or write the value without `${}`",
    );
    check(&clients("headers = { 'A B' = '' }"), "w.toml:3:21: clients[0].headers.A B: \"A B\" is no header name");
    check(
        &clients("headers = { Content-Length = '1' }"),
        "w.toml:3:30: clients[0].headers.Content-Length: `Content-Length` is set by the bench itself; take it out",
    );
    check(
        &clients("headers = { A = \"x\\ny\" }"),
        "w.toml:3:17: clients[0].headers.A: the value must be one line without control characters",
    );
    check(
        &clients("tls = { server_name = 'a:443' }"),
        "w.toml:3:23: clients[0].tls.server_name: must be a host name or an address, without port",
    );
    check(&clients("tls = { resme = true }"), "w.toml:3:9: clients[0].tls.resme: unknown key; did you mean `resume`?");
    check(
        &clients("churn = { requests = 0 }"),
        "w.toml:3:22: clients[0].churn.requests: a connection serves at least 1 request",
    );
    check(
        &clients("churn = { requests = 1, reset_ratio = 1.5 }"),
        "w.toml:3:39: clients[0].churn.reset_ratio: 1.5; from 0 to 1 is possible",
    );
    check(
        &clients("think = { mean_ms = -1.0 }"),
        "w.toml:3:21: clients[0].think.mean_ms: -1 ms; from 0 to 3600000 ms is possible",
    );
    check("[[clients]]\n", "w.toml:1:1: clients[0]: missing field `mix`");
    check("[[clients]]\nmix = []", "w.toml:2:7: clients[0].mix: 0 operations; from 1 to 256 are possible");
    check(&share("weight = 0"), "w.toml:4:1: clients[0].mix: every weight is 0, so that nothing is ever sent");
    check(&share("weight = 1_000_001"), "w.toml:6:10: clients[0].mix[0].weight: 1000001; 1000000 at most");
    check(&share("wieght = 2"), "w.toml:6:1: clients[0].mix[0].wieght: unknown key; did you mean `weight`?");
    check(
        &share("expect = { constnat = true }"),
        "w.toml:6:12: clients[0].mix[0].expect.constnat: unknown key; did you mean `constant`?",
    );
    check(
        &with("", "face = 'command'", "operation = 'stream'"),
        "w.toml:5:13: clients[0].mix[0].operation: face `command` has no `stream`; it has call",
    );
    check(
        &share("operation = 'get'"),
        "w.toml:5:13: clients[0].mix[0].operation: face `mcp` has no `get`; it has discover, list, call, stream",
    );
    check(
        &share("text_bytes = [100, 1_048_577]"),
        "w.toml:6:20: clients[0].mix[0].text_bytes[1]: 1048577 bytes; from 12, for the counter, to 1048576 are possible",
    );
    check(
        &share("text_bytes = [100]\ntool = 'other'"),
        "w.toml:6:14: clients[0].mix[0].text_bytes: has no effect without `{{_text}}` in `arguments`",
    );
    check(
        &share("arguments = '[1]'"),
        "w.toml:6:13: clients[0].mix[0].arguments: must be a JSON object, as in '{\"text\":\"{{_text}}\"}'",
    );
    check(
        &share("arguments = '{\"a\":}'"),
        "w.toml:6:13: clients[0].mix[0].arguments: is not JSON once its placeholders are filled: expected value at line 1 column 6",
    );
    check(
        &share("operation = 'list'\ntool = 'echo'"),
        "w.toml:6:8: clients[0].mix[0].tool: goes with `call` and `stream` and not with `list`",
    );
    check(&share("file = 'a.http'"), "w.toml:6:8: clients[0].mix[0].file: goes with `request` and not with `call`");
    check(
        &with("", "face = 'http'", "operation = 'request'"),
        "w.toml:4:1: clients[0].mix[0]: operation `request` needs `file`, the HTTP/1.1 request to send",
    );
    check(
        &share("expect = { status = 101 }"),
        "w.toml:6:21: clients[0].mix[0].expect.status: 101; a final status is from 200 to 599",
    );
    check(
        &share("expect = { contains = [''] }"),
        "w.toml:6:23: clients[0].mix[0].expect.contains: an empty text is in every body; take it out",
    );
    check(
        &share("expect = { events_min = 1 }"),
        "w.toml:6:25: clients[0].mix[0].expect.events_min: goes with `stream` and not with `call`",
    );
    check(
        "[[clients]]\nname = 'a'\nmix = [{operation='call'}]\n[[clients]]\nname = 'a'\nmix = [{operation='call'}]",
        "w.toml:5:8: clients[1].name: `a` is taken by an earlier one; give it another name",
    );
    check(
        "[[clients]]\nmix = [{operation='call', name='a'}, {operation='list', name='a'}]",
        "w.toml:2:62: clients[0].mix[1].name: `a` is taken by an earlier one; give it another name",
    );
}

/// Goal: whoever has five mistakes reads of five, in the order of the text.
#[test]
fn all_mistakes_are_told_in_one_go() {
    let text = with("[load]\nrate_rps = 0\nsecs = 1", "connections = 0", "wieght = 1\ntext_bytes = [1]");
    let Problems(found) = parse(&text).expect_err("five mistakes");
    let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    let want = [
        "load.rate_rps",
        "load.secs",
        "clients[0].connections",
        "clients[0].mix[0].wieght",
        "clients[0].mix[0].text_bytes[0]",
    ];
    assert_eq!(paths, want);
    // A value that cannot be read hides what depends on it, and no unknown key.
    let text = with("[load]\nrate_rps = true\nsecs = 1", "", "");
    let Problems(found) = parse(&text).expect_err("two mistakes");
    assert_eq!(found.len(), 2, "{found:?}");
}

/// Any text at all, also such as looks like a workload, is read or refused.
#[test]
fn no_text_panics() {
    proptest!(|(text in "(\\[\\[clients(\\.mix)?\\]\\]\n|[a-z_]{1,8} = (-?[0-9]{1,20}|nan|\"[^\"]{0,5}\"|\\{\\}|\\[\\])\n|\\PC){0,20}")| {
        let _ = parse(&text).map_err(|problems| problems.to_string());
    });
}

/// Goal: a workload that a report holds can be run again. Method: any right workload, written and read.
#[test]
fn what_is_written_is_read_again() {
    proptest!(|(workload in workloads())| {
        let text = toml::to_string(&workload).expect("every workload can be written");
        prop_assert_eq!(parse(&text).map_err(|problems| format!("{problems}\n{text}")), Ok(workload.clone()));
        let json = serde_json::to_string(&workload).expect("every workload can be written");
        prop_assert_eq!(serde_json::from_str::<Workload>(&json).map_err(|error| error.to_string()), Ok(workload));
    });
}

/// From `low` to `high`, in steps that decimal text and bits both hold: serde_json reads other numbers one bit off.
fn eighths(low: u32, high: u32) -> impl Strategy<Value = f64> {
    (low * 8..=high * 8).prop_map(|eighths| f64::from(eighths) / 8.0)
}

prop_compose! {
    fn workloads()(
        about in "[^\\p{C}]{0,20}",
        rate_rps in proptest::option::of(1_u64..10_000_000),
        is_poisson in any::<bool>(),
        seconds in eighths(1, 86_400),
        warmup_s in eighths(0, 100),
        clients in proptest::collection::vec(groups(), 1..4),
    ) -> Workload {
        let arrivals = if is_poisson { Arrivals::Poisson } else { Arrivals::Even };
        let mut workload =
            Workload { name: "w".to_owned(), about, load: Pace { rate_rps, arrivals, seconds, warmup_s }, clients };
        for (index, clients) in workload.clients.iter_mut().enumerate() {
            clients.name = format!("group {index}");
        }
        workload
    }
}

prop_compose! {
    fn groups()(
        connections in 1_usize..1000,
        face in prop_oneof![
            Just(Face::Mcp), Just(Face::WebSocket), Just(Face::Rest), Just(Face::Command), Just(Face::Http)
        ],
        is_legacy in any::<bool>(),
        path in proptest::option::of("/[a-z/?=&%]{0,10}"),
        // None of these names is one whose value is hidden.
        headers in proptest::collection::btree_map("X-[a-d]{1,3}", "[ -#%-~]{0,10}", 0..3),
        tls in proptest::option::of((any::<bool>(), any::<bool>(), proptest::option::of("[a-z.]{1,9}"))),
        churn in proptest::option::of((1_u32..1000, eighths(0, 1))),
        think in proptest::option::of((eighths(0, 1000), any::<bool>())),
    )(
        mix in proptest::collection::vec(shares(face), 1..5),
        connections in Just(connections), face in Just(face), is_legacy in Just(is_legacy), path in Just(path),
        headers in Just(headers), tls in Just(tls), churn in Just(churn), think in Just(think),
    ) -> Clients {
        let mut mix: Vec<Share> = mix;
        for (index, share) in mix.iter_mut().enumerate() {
            share.name = format!("operation {index}");
        }
        mix[0].weight = 1;
        Clients {
            name: String::new(),
            connections,
            face,
            era: if is_legacy && face.has_eras() { Era::Legacy } else { Era::Modern },
            path,
            headers,
            credentials: Vec::new(),
            tls: tls.map(|(verify, resume, server_name)| Tls { ca: None, server_name, verify, resume }),
            churn: churn.map(|(requests, reset_ratio)| Churn { requests, reset_ratio }),
            think: think.map(|(mean_ms, is_constant)| {
                Think { mean_ms, spread: if is_constant { Spread::Constant } else { Spread::Exponential } }
            }),
            mix,
        }
    }
}

fn shares(face: Face) -> impl Strategy<Value = Share> {
    let operations = proptest::sample::select(face.operations());
    let sizes = proptest::collection::vec(12_usize..100_000, 0..4);
    let lengths = prop_oneof![
        Just(BodyLength::Any),
        Just(BodyLength::First),
        any::<u32>().prop_map(|n| BodyLength::Exactly(n as usize))
    ];
    let expect = (
        proptest::option::of(200_u16..599),
        proptest::option::of(proptest::collection::vec("\\PC{1,9}", 0..3)),
        proptest::option::of(lengths),
        any::<bool>(),
    );
    (operations, any::<u8>(), sizes, expect).prop_map(
        |(operation, weight, sizes, (status, contains, body_bytes, constant))| {
            let is_call = matches!(operation, Operation::Call | Operation::Stream);
            Share {
                name: String::new(),
                operation,
                weight: weight.into(),
                tool: is_call.then(|| "echo".to_owned()),
                arguments: is_call.then(|| r#"{"text":"{{_text}}","nth":{{_counter}}}"#.to_owned()),
                text_bytes: if is_call { sizes } else { Vec::new() },
                file: (operation == Operation::Request).then(|| "a.http".into()),
                path: (operation == Operation::Get).then(|| "/livez".to_owned()),
                expect: Expectation {
                    status,
                    contains,
                    body_bytes,
                    events_min: (operation == Operation::Stream).then_some(3),
                    constant,
                },
            }
        },
    )
}
