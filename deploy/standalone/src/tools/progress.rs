//! What a long call says while it runs, on one line of a terminal's standard error. It never writes anywhere else.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::text;

/// What of a message fits one line of most terminals.
const MESSAGE_CHARS_MAX: usize = 60;

/// The line.
pub struct Progress {
    /// Whether anybody watches.
    pub is_watched: bool,
    is_shown: bool,
}

impl Progress {
    pub fn new(is_quiet: bool) -> Progress {
        Progress { is_watched: !is_quiet && io::stderr().is_terminal(), is_shown: false }
    }

    /// Shows a `notifications/progress`.
    pub fn show(&mut self, params: &Value) {
        if self.is_watched {
            self.is_shown = true;
            let _ = write!(io::stderr(), "\r\x1b[K{}", line(params));
        }
    }

    /// Makes room for what is said next.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(params: &Value) -> String {
    let number = |name: &str| params[name].as_f64();
    let count = match (number("progress"), number("total")) {
        (Some(progress), Some(total)) if total > 0.0 => {
            format!("{:3.0} %  {progress}/{total}", (100.0 * progress / total).clamp(0.0, 100.0))
        }
        (Some(progress), _) => format!("{progress}"),
        _ => String::new(),
    };
    let message = params["message"].as_str().unwrap_or_default();
    format!("{count}  {}", text::cut(&text::one_line(message), MESSAGE_CHARS_MAX)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Goal: a line says how far a call is, and no message can leave it. Method: a row a kind of progress.
    #[test]
    fn progress_is_one_line() {
        for (params, want) in [
            (json!({ "progress": 1, "total": 4, "message": "first" }), " 25 %  1/4  first"),
            (json!({ "progress": 9, "total": 4 }), "100 %  9/4"),
            (json!({ "progress": 0.5 }), "0.5"),
            (json!({ "progress": 3, "total": 0, "message": "a\nb\u{1b}[2J" }), "3  a b\u{fffd}[2J"),
            (json!({}), ""),
        ] {
            assert_eq!(line(&params), want);
        }
    }
}
