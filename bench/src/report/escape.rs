//! Text inside HTML. Whatever came from a server, a file or a command line goes through here. Pure.

use super::figures::one_line;

/// For element content and for quoted attributes alike; on one line, harmless letters only.
pub fn escape(text: &str) -> String {
    escape_markup(&one_line(text))
}

/// Markup alone: for what we made ourselves and must keep whole, such as JSON in an attribute.
pub fn escape_markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escape("<b a='x' c=\"&\">\u{0}"), "&lt;b a=&#39;x&#39; c=&quot;&amp;&quot;&gt;\\u{0}");
    }
}
