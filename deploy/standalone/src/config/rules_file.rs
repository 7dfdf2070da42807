//! The file of rules: a list in YAML or JSON, read strictly, each mistake with its place. It never compiles a rule.

use ringway_dataplane::authorize::RuleSpec;
use serde_json::{Map, Value};

use super::kind::{Scalar, Style};
use super::yaml::{self, Body, Node};

/// Reads the rules of a text. Every mistake is told, by its line.
pub fn read(text: &str) -> Result<Vec<RuleSpec>, Vec<String>> {
    let document = yaml::parse(text);
    let mut mistakes: Vec<String> =
        document.mistakes.iter().map(|((line, column), text)| format!("line {line}:{column}: {text}")).collect();
    let mut rules = Vec::new();
    match document.root.map(|root| (root.at, root.body)) {
        None => {}
        Some((_, Body::List(items))) => {
            for item in items {
                let (line, _) = item.at;
                match serde_json::from_value(value(item)) {
                    Ok(rule) => rules.push(rule),
                    Err(error) => mistakes.push(format!("the rule at line {line}: {error}")),
                }
            }
        }
        Some(((line, _), _)) => {
            mistakes.push(format!("line {line}: rules are a list, each with `- name:` and what it allows or denies"));
        }
    }
    if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
}

fn value(node: Node) -> Value {
    match node.body {
        Body::Null | Body::Refused => Value::Null,
        Body::Scalar(scalar) => scalar_value(&scalar),
        Body::List(items) => items.into_iter().map(value).collect(),
        Body::Map(entries) => {
            Value::Object(entries.into_iter().map(|entry| (entry.key, value(entry.value))).collect::<Map<_, _>>())
        }
    }
}

/// Everything in a rule is text, so that `yes` or `1` in a list of names is what it looks like.
fn scalar_value(scalar: &Scalar) -> Value {
    match (scalar.style, scalar.text.as_str()) {
        (Style::Plain, "null" | "~") => Value::Null,
        (_, text) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_in_either_spelling() {
        let yaml = "- name: agents\n  effect: allow\n  roles: [agent]\n  tools: ['get_*', echo]\n- name: small\n  effect: deny\n  when: args.amount > 1000\n";
        let json = r#"[{"name":"agents","effect":"allow","roles":["agent"],"tools":["get_*","echo"]},
            {"name":"small","effect":"deny","when":"args.amount > 1000"}]"#;
        let names = |text: &str| -> Vec<String> {
            read(text).expect("good rules").iter().map(|rule| format!("{rule:?}")).collect()
        };
        assert_eq!(names(yaml), names(json));
        assert!(read("").expect("nothing is no rules").is_empty());
    }

    #[test]
    fn mistakes_are_told_by_their_place() {
        let told = |text: &str| read(text).expect_err("a mistake").join("; ");
        assert!(told("name: x\n").contains("line 1: rules are a list"));
        assert!(
            told("- name: x\n  effect: allow\n- name: y\n  effekt: deny\n")
                .contains("the rule at line 3: unknown field `effekt`")
        );
        assert!(told("- name: x\n  effect: perhaps\n").contains("line 1"));
    }
}
