//! Text of a server, made fit for a terminal or a reader. It never changes what JSON means, and never prints.

/// Text that cannot move a terminal's cursor, clear it, or reorder what it shows: a server wrote it, and the person who
/// reads it trusts their terminal.
pub fn tame(text: &str) -> String {
    text.chars().map(|c| if is_unruly(c) && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// The same on one line.
pub fn one_line(text: &str) -> String {
    tame(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Controls, and what turns the direction of writing.
fn is_unruly(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON indented by two spaces. Members, numbers and strings stay as they came; what could move a terminal is escaped.
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut is_text, mut is_escaped) = (0usize, false, false);
    let mut chars = json.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = chars.next() {
        if is_text {
            if is_unruly(c) {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                out.push(c);
            }
            is_text = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\n' | '\r' | '\t' => {}
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                match chars.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                is_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, want: &str) {
        assert_eq!(indented(json), want);
        let meaning = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(meaning(want), meaning(json));
    }

    /// Goal: indented JSON means the same, in the same order and digits. Method: a row a shape.
    #[test]
    fn json_is_indented_and_unchanged() {
        check("{}", "{}");
        check("[ ]", "[]");
        check(
            r#"{"b":1.50,"a":[1,{"c":[]}]}"#,
            "{\n  \"b\": 1.50,\n  \"a\": [\n    1,\n    {\n      \"c\": []\n    }\n  ]\n}",
        );
        check(r#" [ "a,b:{", "\"", "\\" ] "#, "[\n  \"a,b:{\",\n  \"\\\"\",\n  \"\\\\\"\n]");
        check("[\"\u{9b}2J\u{202e}\"]", "[\n  \"\\u009b2J\\u202e\"\n]");
    }

    /// Goal: a server cannot steer the terminal of who calls it. Method: what would, beside what would not.
    #[test]
    fn text_is_tame() {
        assert_eq!(tame("é\tb\n\u{1b}[2J\r\u{7f}\u{202e}x"), "é\tb\n\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}x");
        assert_eq!(one_line(" a\n b\t\u{1b}c "), "a b \u{fffd}c");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
