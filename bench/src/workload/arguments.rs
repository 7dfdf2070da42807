//! The arguments of a call as a workload writes them: JSON with `{{_counter}}` and `{{_text}}` in it. Judges the text;
//! what is sent is made by `wire`.

/// As long as the counter that each request carries.
pub const COUNTER_DIGITS: usize = 12;

/// What is wrong with `arguments`, if anything.
pub fn mistake(arguments: &str) -> Option<String> {
    if let Some(name) = unknown_placeholder(arguments) {
        return Some(format!("`{{{{{name}}}}}` is no placeholder; `{{{{_counter}}}}` and `{{{{_text}}}}` are"));
    }
    // Any twelve digits will do, and any text: neither holds what JSON would escape.
    let filled = arguments.replace("{{_counter}}", "100000000000").replace("{{_text}}", "100000000000 a text");
    match serde_json::from_str::<serde_json::Value>(&filled) {
        Ok(serde_json::Value::Object(_)) => None,
        Ok(_) => Some(r#"must be a JSON object, as in '{"text":"{{_text}}"}'"#.to_owned()),
        Err(error) => Some(format!("is not JSON once its placeholders are filled: {error}")),
    }
}

pub fn has_text(arguments: &str) -> bool {
    arguments.contains("{{_text}}")
}

/// Braces close objects in JSON too, so that only what looks like one of ours is one.
fn unknown_placeholder(text: &str) -> Option<String> {
    let names = text.split("{{_").skip(1).filter_map(|after| {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        after[end..].starts_with("}}").then(|| &after[..end])
    });
    let mut unknown = names.filter(|name| !["counter", "text"].contains(name));
    unknown.next().map(|name| format!("_{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_judged_as_they_will_be_sent() {
        for right in [
            "{}",
            r#"{"text":"{{_text}}"}"#,
            r#"{"id":{{_counter}},"in":{"deep":{}}}"#,
            r#"{"text":"{{_counter}} and {{_text}}"}"#,
        ] {
            assert_eq!(mistake(right), None, "{right}");
        }
        for (wrong, want) in [
            (r#"{"text":{{_text}}}"#, "is not JSON"),
            ("[1]", "must be a JSON object"),
            ("", "is not JSON"),
            (r#"{"a":"{{_time}}"}"#, "`{{_time}}` is no placeholder"),
        ] {
            let found = mistake(wrong).expect(wrong);
            assert!(found.contains(want), "{wrong}: {found}");
        }
    }
}
