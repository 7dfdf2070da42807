//! A tool call, whatever face it goes through: the tool, its arguments as JSON, and the text that an echo gives back.

use crate::wire::stamp::{COUNTER_BYTES, COUNTER_FIRST, COUNTER_MARK};
use crate::workload::Share;

/// Stands in `arguments` for a text that begins with the counter.
const TEXT_MARK: &str = "{{_text}}";
const ECHO: &str = "echo";

/// About what an agent sends to a small tool.
const TEXT_BYTES: usize = 100;
/// The words keep clear of anything JSON would escape. With the counter before them they are `TEXT_BYTES` long.
const WORDS: &str = " and every core goes around its own ring, answers what it was asked, then listens again.";
const _: () = assert!(COUNTER_MARK.len() + WORDS.len() == TEXT_BYTES);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub tool: String,
    /// A JSON object with marks in it.
    pub arguments: String,
    /// What the answer repeats; other tools than echo do as they like.
    pub echoed: Option<String>,
}

/// The calls of a share, one for each of its sizes.
pub fn of_share(share: &Share) -> Result<Vec<Call>, String> {
    let tool = share.tool.as_deref().unwrap_or(ECHO);
    let default = if tool == ECHO { r#"{"text":"{{_text}}"}"# } else { "{}" };
    let arguments = share.arguments.as_deref().unwrap_or(default);
    let sizes = if share.text_bytes.is_empty() { &[TEXT_BYTES][..] } else { &share.text_bytes };
    sizes.iter().map(|&text_bytes| of_size(tool, arguments, text_bytes)).collect()
}

fn of_size(tool: &str, arguments: &str, text_bytes: usize) -> Result<Call, String> {
    if text_bytes < COUNTER_BYTES {
        return Err(format!("text_bytes: {text_bytes} bytes have no room for the counter; at least {COUNTER_BYTES}"));
    }
    let text = text(text_bytes);
    let filled = arguments.replace(TEXT_MARK, &text);
    let sample = filled.replace(COUNTER_MARK, &COUNTER_FIRST.to_string());
    if let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&sample) {
        return Err(format!("arguments: not a JSON object once its marks are filled: {error}"));
    }
    let echoed = (tool == ECHO && arguments.contains(TEXT_MARK)).then_some(text);
    Ok(Call { tool: tool.into(), arguments: filled, echoed })
}

fn text(text_bytes: usize) -> String {
    let words = WORDS.chars().cycle().take(text_bytes - COUNTER_BYTES);
    COUNTER_MARK.chars().chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Clients;

    fn share(toml: &str) -> Share {
        let toml = format!("[[mix]]\noperation = \"call\"\n{toml}");
        toml::from_str::<Clients>(&toml).expect("a group").mix.remove(0)
    }

    #[test]
    fn a_text_is_as_long_as_asked_and_begins_with_the_counter() {
        for text_bytes in [12, 13, 100, 101, 65_536] {
            let text = text(text_bytes);
            assert_eq!(text.len(), text_bytes);
            assert!(text.starts_with(COUNTER_MARK));
            assert_eq!(serde_json::to_string(&text).expect("a string").len(), text_bytes + 2, "nothing is escaped");
        }
    }

    #[test]
    fn only_echo_is_expected_to_give_back_its_text() {
        let calls = |toml: &str| of_share(&share(toml)).expect("calls");
        let echo = calls("text_bytes = [12, 20]");
        assert_eq!(echo[0].arguments, r#"{"text":"{{_counter}}"}"#);
        assert_eq!(echo[1].echoed.as_deref(), Some("{{_counter}} and eve"));
        let other_name = calls("text_bytes = [12]\narguments = '{\"message\":\"{{_text}}\",\"n\":{{_counter}}}'");
        assert_eq!(other_name[0].arguments, r#"{"message":"{{_counter}}","n":{{_counter}}}"#);
        assert!(other_name[0].echoed.is_some());
        let other_tool = calls("tool = \"search\"\narguments = '{\"q\":\"{{_text}}\"}'");
        assert_eq!((other_tool[0].tool.as_str(), &other_tool[0].echoed), ("search", &None));
        assert_eq!(calls("tool = \"now\"")[0].arguments, "{}");
    }

    #[test]
    fn what_cannot_be_sent_is_told_by_its_key() {
        #[track_caller]
        fn check(toml: &str, want: &str) {
            let told = of_share(&share(toml)).expect_err("a mistake");
            assert!(told.starts_with(want), "{told}");
        }
        check("text_bytes = [100, 11]", "text_bytes: 11 bytes have no room for the counter");
        check("arguments = '[1]'", "arguments: not a JSON object");
        check("arguments = '{\"a\":{{_text}}}'", "arguments: not a JSON object");
    }
}
