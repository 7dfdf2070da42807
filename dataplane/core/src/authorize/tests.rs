//! Rules over callers and items.
//!
//! Goal: deny before allow before the default; lists, roles, scopes and conditions as they are written; doubt denies; and
//! what is shown is what can be called. Method: tables; and random rules, for which `sees` must say what `decide` does.

use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::identify::{CredentialKind, Principal};

fn caller(name: &str, roles: &[&str], scopes: &[&str]) -> Principal {
    Principal {
        name: name.into(),
        kind: CredentialKind::Jwt,
        roles: roles.iter().map(|role| Box::from(*role)).collect(),
        scopes: scopes.iter().map(|scope| Box::from(*scope)).collect(),
        ..Principal::anonymous()
    }
}

fn specs(rules: Value) -> Vec<RuleSpec> {
    serde_json::from_value(rules).expect("rules as an operator writes them")
}

fn rules(rules: Value, default: Effect) -> Rules {
    Rules::compile(specs(rules), default).expect("good rules")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

/// What is decided, and by which rule.
fn decided(rules: &Rules, principal: &Principal, kind: Kind, name: &str, arguments: Value) -> (bool, String) {
    let decision = rules.decide(principal, kind, name, None, &object(arguments));
    (decision.allowed, decision.rule.map_or("default", |rule| rules.rule_name(rule)).to_owned())
}

#[track_caller]
fn check(rules: &Rules, principal: &Principal, (kind, name): (Kind, &str), want: (bool, &str)) {
    let (allowed, by) = decided(rules, principal, kind, name, json!({}));
    assert_eq!((allowed, by.as_str()), want, "{principal:?} to {kind:?} {name}");
    let sight = rules.sees(principal, kind, name);
    let (seen, by) = match sight {
        Sight::Allowed(by) => (true, by),
        Sight::Denied(by) => (false, by),
        Sight::Depends => panic!("nothing here depends on a call"),
    };
    assert_eq!(
        (seen, by.map_or("default", |rule| rules.rule_name(rule))),
        want,
        "sight of {principal:?} to {kind:?} {name}"
    );
}

#[test]
fn deny_comes_before_allow_before_the_default() {
    let ann = caller("ann", &[], &[]);
    let tool = (Kind::Tool, "pay");
    let (allow, deny) = (json!({"name": "a", "effect": "allow"}), json!({"name": "d", "effect": "deny"}));
    let other = json!({"name": "o", "effect": "deny", "tools": ["other"]});
    for (list, default, want) in [
        (json!([]), Effect::Allow, (true, "default")),
        (json!([]), Effect::Deny, (false, "default")),
        (json!([allow]), Effect::Deny, (true, "a")),
        (json!([deny]), Effect::Allow, (false, "d")),
        (json!([allow, deny]), Effect::Allow, (false, "d")),
        (json!([deny, allow]), Effect::Allow, (false, "d")),
        (json!([other, allow]), Effect::Deny, (true, "a")),
        (json!([other]), Effect::Allow, (true, "default")),
    ] {
        check(&rules(list, default), &ann, tool, want);
    }
    check(&Rules::empty(), &Principal::anonymous(), tool, (true, "default"));
}

#[test]
fn a_rule_speaks_of_the_items_that_it_names() {
    let ann = caller("ann", &[], &[]);
    let rules = rules(
        json!([
            {"name": "tools", "effect": "allow", "tools": ["db_*", "echo"]},
            {"name": "files", "effect": "allow", "resources": ["file:///public/*"]},
            {"name": "prompts", "effect": "allow", "prompts": ["p?"]},
            {"name": "secret", "effect": "deny", "tools": ["*_secret"], "resources": ["*secret*"]},
        ]),
        Effect::Deny,
    );
    for (item, want) in [
        ((Kind::Tool, "db_read"), (true, "tools")),
        ((Kind::Tool, "echo"), (true, "tools")),
        ((Kind::Tool, "echo2"), (false, "default")),
        ((Kind::Tool, "db_secret"), (false, "secret")),
        ((Kind::Prompt, "db_read"), (false, "default")),
        ((Kind::Prompt, "p1"), (true, "prompts")),
        ((Kind::Prompt, "a_secret"), (false, "default")),
        ((Kind::Resource, "file:///public/a/b"), (true, "files")),
        ((Kind::Resource, "file:///public/secret"), (false, "secret")),
        ((Kind::Resource, "file:///private/a"), (false, "default")),
        ((Kind::Template, "file:///public/{name}"), (true, "files")),
        ((Kind::Template, "file:///{+path}"), (false, "default")),
        ((Kind::Template, "file:///public/secret/{name}"), (false, "secret")),
    ] {
        check(&rules, &ann, item, want);
    }
}

#[test]
fn a_name_of_any_length_is_decided_soon() {
    let ann = caller("ann", &[], &[]);
    let (longest, longer) = ("x".repeat(ITEM_BYTES_MAX), "x".repeat(ITEM_BYTES_MAX + 1));
    let one = rules(json!([{"name": "r", "effect": "deny", "resources": ["*secret*"]}]), Effect::Allow);
    check(&one, &ann, (Kind::Resource, &longest), (true, "default"));
    check(&one, &ann, (Kind::Resource, &longer), (false, "default"));
    check(&Rules::empty(), &ann, (Kind::Resource, &longer), (true, "default"));
}

#[test]
fn a_rule_speaks_of_the_callers_that_it_names() {
    let tool = (Kind::Tool, "t");
    #[track_caller]
    fn speaks_of(fields: Value, callers: &[(&Principal, bool)]) {
        let mut rule = object(json!({"name": "r", "effect": "allow"}));
        rule.extend(object(fields.clone()));
        let rules = rules(json!([rule]), Effect::Deny);
        for (principal, want) in callers {
            assert_eq!(decided(&rules, principal, Kind::Tool, "t", json!({})).0, *want, "{fields} of {principal:?}");
        }
    }
    let ann = caller("ann", &["dev", "ops"], &["db:read", "x"]);
    let bob = caller("bob", &["dev"], &[]);
    let key = Principal { kind: CredentialKind::ApiKey, ..caller("ann", &[], &[]) };
    let nobody = Principal::anonymous();
    speaks_of(json!({}), &[(&ann, true), (&bob, true), (&key, true), (&nobody, true)]);
    speaks_of(json!({"principals": ["a??"]}), &[(&ann, true), (&bob, false), (&key, true), (&nobody, false)]);
    speaks_of(json!({"principals": ["jwt:ann", "bob"]}), &[(&ann, true), (&bob, true), (&key, false)]);
    speaks_of(json!({"principals": ["api_key:*"]}), &[(&ann, false), (&key, true), (&nobody, false)]);
    speaks_of(json!({"roles": ["ops", "admin"]}), &[(&ann, true), (&bob, false), (&nobody, false)]);
    speaks_of(json!({"scopes": ["db:*"]}), &[(&ann, true), (&bob, false)]);
    speaks_of(json!({"roles": ["dev"], "scopes": ["db:*"]}), &[(&ann, true), (&bob, false)]);
    speaks_of(json!({"roles": ["dev"], "principals": ["bob"]}), &[(&ann, false), (&bob, true)]);
    check(&rules(json!([{"name": "r", "effect": "deny", "roles": ["ops"]}]), Effect::Allow), &ann, tool, (false, "r"));
}

#[test]
fn conditions_decide_each_call() {
    let rules = rules(
        json!([
            {"name": "small", "effect": "allow", "tools": ["pay"], "when": "args.amount < 100"},
            {"name": "local", "effect": "allow", "tools": ["admin"], "when": "address.startsWith('10.')"},
            {"name": "own", "effect": "allow", "tools": ["note"], "when": "principal.name == 'ann'"},
        ]),
        Effect::Deny,
    );
    let (ann, bob) = (caller("ann", &[], &[]), caller("bob", &[], &[]));
    assert_eq!(rules.sees(&ann, Kind::Tool, "pay"), Sight::Depends);
    assert!(Sight::Depends.is_visible());
    assert_eq!(decided(&rules, &ann, Kind::Tool, "pay", json!({"amount": 99})), (true, "small".to_owned()));
    assert_eq!(decided(&rules, &ann, Kind::Tool, "pay", json!({"amount": 100})), (false, "default".to_owned()));
    assert_eq!(rules.sees(&ann, Kind::Tool, "admin"), Sight::Depends);
    let from = |address: Option<&str>| {
        let address: Option<IpAddr> = address.map(|address| address.parse().expect(address));
        rules.decide(&ann, Kind::Tool, "admin", address, &Map::new()).allowed
    };
    assert_eq!(
        [from(Some("10.0.0.1")), from(Some("::ffff:10.0.0.1")), from(Some("11.0.0.1")), from(None)],
        [true, true, false, false]
    );
    check(&rules, &ann, (Kind::Tool, "note"), (true, "own"));
    check(&rules, &bob, (Kind::Tool, "note"), (false, "default"));
    assert!(rules.depends_on_arguments() && rules.depends_on_address() && !rules.allow_everything());
    assert!(Rules::empty().allow_everything() && !Rules::empty().depends_on_arguments());
}

#[test]
fn what_cannot_be_evaluated_opens_no_door() {
    let ann = caller("ann", &[], &[]);
    let deny = rules(json!([{"name": "large", "effect": "deny", "when": "args.amount > 100"}]), Effect::Allow);
    let allow = rules(json!([{"name": "small", "effect": "allow", "when": "args.amount < 100"}]), Effect::Deny);
    let first = match deny.sees(&ann, Kind::Prompt, "p") {
        Sight::Depends => {
            deny.decide(&ann, Kind::Tool, "t", None, &object(json!({"amount": 101}))).rule.expect("a rule")
        }
        other => panic!("{other:?} whatever the call"),
    };
    assert_eq!((first.index(), deny.rule_name(first)), (0, "large"));
    for (arguments, failure) in [
        (json!({}), Failure::NoSuchField),
        (json!({"amount": "50"}), Failure::WrongTypes),
        (json!({"amount": serde_json::from_str::<Value>("1e999").expect("a number")}), Failure::NumberTooLarge),
    ] {
        let arguments = object(arguments);
        let denied = deny.decide(&ann, Kind::Tool, "t", None, &arguments);
        let because = Some(Unevaluated { rule: first, failure });
        assert_eq!(denied, Decision { allowed: false, rule: Some(first), because });
        let not_allowed = allow.decide(&ann, Kind::Tool, "t", None, &arguments);
        assert_eq!(not_allowed, Decision { allowed: false, rule: None, because });
        assert!(!failure.text().is_empty());
    }
    // The same when nothing depends on the call.
    let claim = |effect| json!([{"name": "c", "effect": effect, "when": "principal.claims.tenant == 'acme'"}]);
    check(&rules(claim("deny"), Effect::Allow), &ann, (Kind::Tool, "t"), (false, "c"));
    check(&rules(claim("allow"), Effect::Deny), &ann, (Kind::Tool, "t"), (false, "default"));
    // What did not matter is not said.
    let both = json!([{"name": "a", "effect": "allow", "when": "args.x"}, {"name": "b", "effect": "allow"}]);
    let decision = rules(both, Effect::Deny).decide(&ann, Kind::Tool, "t", None, &Map::new());
    assert_eq!((decision.allowed, decision.because), (true, None));
}

#[test]
fn what_cannot_differ_is_decided_before_the_call() {
    let ann = caller("ann", &[], &[]);
    let (dynamic, never) = ("args.a == 1", "principal.name == 'bob'");
    let sight = |list: Value, default| rules(list, default).sees(&ann, Kind::Tool, "t");
    let rule = |name: &str, effect: &str, when: Option<&str>| json!({"name": name, "effect": effect, "when": when});
    let (maybe_allow, maybe_deny) = (rule("ma", "allow", Some(dynamic)), rule("md", "deny", Some(dynamic)));
    let (allow, deny) = (rule("a", "allow", None), rule("d", "deny", None));
    let never_allow = rule("na", "allow", Some(never));
    for (list, default, want) in [
        (json!([maybe_allow]), Effect::Allow, "allowed"),
        (json!([maybe_allow]), Effect::Deny, "depends"),
        (json!([maybe_deny]), Effect::Allow, "depends"),
        (json!([maybe_deny]), Effect::Deny, "denied"),
        (json!([maybe_deny, allow]), Effect::Deny, "depends"),
        (json!([maybe_deny, maybe_allow]), Effect::Deny, "depends"),
        (json!([maybe_allow, allow]), Effect::Deny, "allowed"),
        (json!([maybe_allow, maybe_deny, deny]), Effect::Allow, "denied"),
        (json!([never_allow, maybe_deny]), Effect::Deny, "denied"),
    ] {
        let sight = sight(list.clone(), default);
        let word = match sight {
            Sight::Allowed(_) => "allowed",
            Sight::Denied(_) => "denied",
            Sight::Depends => "depends",
        };
        assert_eq!(word, want, "{list} with {default:?}");
    }
}

#[test]
fn what_is_wrong_is_said_all_at_once() {
    let bad = Rules::compile(
        specs(json!([
            {"name": "good", "effect": "allow"},
            {"name": "Bad Name", "effect": "allow", "tools": ["", "a"], "when": "arg.a == 1"},
            {"name": "good", "effect": "deny", "principals": ["jwt:"], "resources": vec!["a"; 257]},
        ])),
        Effect::Deny,
    )
    .expect_err("bad rules");
    let said: Vec<String> = bad.iter().map(BadRule::to_string).collect();
    for (line, starts) in [
        "rules[1] \"Bad Name\", field `name`: a name is 1 to 64 characters",
        "rules[1] \"Bad Name\", field `tools`: an empty pattern",
        "rules[1] \"Bad Name\", field `when`: unknown variable \"arg\"; did you mean \"args\"?",
        "rules[2] \"good\", field `name`: another rule has this name",
        "rules[2] \"good\", field `principals`: an empty pattern",
        "rules[2] \"good\", field `resources`: 257 entries; a list has at most 256",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(said.get(line).is_some_and(|said| said.starts_with(starts)), "{line}: {said:#?}");
    }
    assert_eq!(said.len(), 6);
    let many: Vec<RuleSpec> =
        (0..257).flat_map(|index| specs(json!([{"name": format!("r{index}"), "effect": "deny"}]))).collect();
    assert!(Rules::compile(many[..256].to_vec(), Effect::Allow).is_ok());
    let bad = Rules::compile(many, Effect::Allow).expect_err("one too many");
    assert_eq!(bad[0].to_string(), "rules: 257 rules; there may be 256");
}

#[test]
fn a_rule_is_read_as_it_is_written() {
    let read = |text: &str| serde_json::from_str::<RuleSpec>(text);
    assert!(read(r#"{"name": "r", "effect": "deny", "tools": ["a"]}"#).is_ok());
    for (text, says) in [
        (r#"{"name": "r", "effect": "deny", "tool": ["a"]}"#, "tool"),
        (r#"{"name": "r", "effect": "Deny"}"#, "allow"),
        (r#"{"name": "r"}"#, "effect"),
        (r#"{"effect": "deny"}"#, "name"),
    ] {
        assert!(read(text).expect_err(text).to_string().contains(says), "{text}");
    }
}

fn some_rule() -> impl Strategy<Value = RuleSpec> {
    let list = |words: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(words).prop_map(str::to_owned), 0..3)
    };
    let conditions = &[
        "true",
        "false",
        "args.a == 1",
        "args.a < 2",
        "address == \"10.0.0.1\"",
        "principal.name == \"ann\"",
        "principal.claims.x",
        "item.name == \"a1\"",
        "args.a == 1 && false",
        "args.b",
        "item.kind == \"tool\" || args.a == 1",
    ];
    let when = prop::option::of(prop::sample::select(&conditions[..]).prop_map(str::to_owned));
    let effect = prop::sample::select(&[Effect::Allow, Effect::Deny][..]);
    let callers = (list(&["ann", "b*", "jwt:*", "api_key:*"]), list(&["dev", "ops"]), list(&["read", "w*"]));
    let items = (list(&["a*", "b1", "*"]), list(&["a*", "b1"]), list(&["a1", "c?"]));
    (effect, callers, items, when).prop_map(
        |(effect, (principals, roles, scopes), (tools, resources, prompts), when)| RuleSpec {
            name: String::new(),
            effect,
            principals,
            roles,
            scopes,
            tools,
            resources,
            prompts,
            when,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_seen_is_what_is_decided(
        mut specs in prop::collection::vec(some_rule(), 0..6),
        default in prop::sample::select(&[Effect::Allow, Effect::Deny][..]),
        name in prop::sample::select(&["ann", "bob"][..]),
        roles in prop::sample::subsequence(&["dev", "ops"][..], 0..=2),
        scopes in prop::sample::subsequence(&["read", "write"][..], 0..=2),
        kind in prop::sample::select(&[Kind::Tool, Kind::Resource, Kind::Template, Kind::Prompt][..]),
        item in prop::sample::select(&["a1", "b1", "c1"][..]),
        calls in prop::collection::vec((
            prop::sample::select(&["{}", r#"{"a": 1}"#, r#"{"a": 5, "b": true}"#, r#"{"a": "1", "b": 2}"#][..]),
            prop::sample::select(&[None, Some("10.0.0.1"), Some("::1")][..]),
        ), 1..6),
    ) {
        for (index, spec) in specs.iter_mut().enumerate() {
            spec.name = format!("r{index}");
        }
        let rules = Rules::compile(specs, default).expect("good rules");
        let principal = caller(name, &roles, &scopes);
        let sight = rules.sees(&principal, kind, item);
        for (arguments, address) in calls {
            let arguments = serde_json::from_str(arguments).expect("an object");
            let address = address.map(|address: &str| address.parse().expect("an address"));
            let decision = rules.decide(&principal, kind, item, address, &arguments);
            match sight {
                Sight::Allowed(_) => prop_assert!(decision.allowed, "{:?} and {:?}", sight, decision),
                Sight::Denied(_) => prop_assert!(!decision.allowed, "{:?} and {:?}", sight, decision),
                Sight::Depends => prop_assert!(rules.depends_on_arguments() || rules.depends_on_address()),
            }
        }
    }
}
