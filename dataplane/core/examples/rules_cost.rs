//! What the operator's rules cost a call, in nanoseconds: `cargo run --release -p ringway-core --example rules_cost`. Each
//! case is run in rounds, and the fastest and the middle round are printed; on a busy machine only the fastest says much.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use ringway_core::authorize::{Effect, Failure, Kind, RuleSpec, Rules};
use ringway_core::identify::Principal;
use serde_json::{Map, Value, json};

const ROUNDS: usize = 15;
/// Of a question that takes some ns, and of one that takes the most that a condition may.
const CALLS_PER_ROUND: u32 = 200_000;
const CALLS_PER_ROUND_OF_THE_LONGEST: u32 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let principal = Principal { name: "ann".into(), roles: ["dev".into()].into(), ..Principal::anonymous() };
    let Value::Object(arguments) = json!({"amount": 50, "to": "bob", "note": "for the coffee"}) else {
        return Err("an object is written".into());
    };
    let globs = json!([
        {"name": "no-admin", "effect": "deny", "tools": ["admin_*", "*_secret"]},
        {"name": "db", "effect": "allow", "tools": ["db_*"]},
        {"name": "dev", "effect": "allow", "roles": ["dev"], "tools": ["pay", "echo"]},
    ]);
    let own =
        json!([{"name": "own", "effect": "allow", "when": "principal.name == 'ann' && 'dev' in principal.roles"}]);
    let small = json!([{"name": "small", "effect": "allow", "when": "args.amount < 100"}]);
    let long = json!([{"name": "long", "effect": "allow", "when":
        "args.amount < 100 && args.to in ['al', 'bob'] && args.note.startsWith('for') && !has(args.force)"}]);
    let pattern = json!([{"name": "pattern", "effect": "allow", "when": "args.note.matches('^[a-z ]+$')"}]);
    measure("decide, 3 rules of globs", &compile(globs)?, &principal, &arguments, Question::Decide)?;
    measure("sees, 1 static condition", &compile(own)?, &principal, &arguments, Question::Sees)?;
    measure("decide, args.amount < 100", &compile(small)?, &principal, &arguments, Question::Decide)?;
    measure("decide, 4 terms over args", &compile(long)?, &principal, &arguments, Question::Decide)?;
    measure("decide, args.note.matches(…)", &compile(pattern)?, &principal, &arguments, Question::Decide)?;
    let mut longest = arguments;
    longest.insert("many".to_owned(), (0..50_000).collect());
    let every = json!([
        {"name": "every", "effect": "deny", "when": "args.many.exists(i, i in [-1, -2, -3, -4] || i < 0)"},
        {"name": "rest", "effect": "allow"},
    ]);
    measure("decide, 100,000 steps in vain", &compile(every)?, &principal, &longest, Question::Longest)?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Question {
    Sees,
    Decide,
    /// A call that is denied since its condition takes more steps than it may.
    Longest,
}

fn compile(rules: Value) -> Result<Rules, Box<dyn std::error::Error>> {
    let specs: Vec<RuleSpec> = serde_json::from_value(rules)?;
    Rules::compile(specs, Effect::Deny).map_err(|bad| bad.iter().map(ToString::to_string).collect::<String>().into())
}

fn measure(
    what: &str,
    rules: &Rules,
    principal: &Principal,
    arguments: &Map<String, Value>,
    question: Question,
) -> std::io::Result<()> {
    let calls = match question {
        Question::Longest => CALLS_PER_ROUND_OF_THE_LONGEST,
        _ => CALLS_PER_ROUND,
    };
    let mut rounds_ns: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..calls {
                let (rules, principal, name) = (black_box(rules), black_box(principal), black_box("pay"));
                let is_right = match question {
                    Question::Sees => rules.sees(principal, Kind::Tool, name).is_visible(),
                    Question::Decide => rules.decide(principal, Kind::Tool, name, None, black_box(arguments)).allowed,
                    Question::Longest => {
                        rules
                            .decide(principal, Kind::Tool, name, None, arguments)
                            .because
                            .map(|because| because.failure)
                            == Some(Failure::TooManySteps)
                    }
                };
                assert!(is_right, "a wrong answer may be a cheap one");
            }
            began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .collect();
    rounds_ns.sort_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{what:<32} {:>9.1} ns fastest, {:>9.1} ns middle", rounds_ns[0], rounds_ns[ROUNDS / 2])
}
