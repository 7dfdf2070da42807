//! What a value may be: how it is read from a file, the environment or a flag, how it is written, what it is called. It
//! never knows which key it is for.

use std::time::Duration;

use ringway_dataplane::{AddressList, AllowList, CpuList};
use zeroize::Zeroizing;

use super::secret::{self, Secret};
use super::state_key;
use super::units::{size, size_text, time, time_text};

/// A value, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A count, or bytes.
    Number(u64),
    /// A time.
    Time(Duration),
    /// What nobody is shown.
    Secret(Secret),
    /// Anything else, in its canonical form.
    Text(String),
    /// Several of these.
    List(Vec<String>),
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds.
    Count(u64, u64),
    /// Bytes within bounds: a number, or a size with a unit.
    Bytes(u64, u64),
    /// A time within bounds, in milliseconds.
    Time(u64, u64),
    /// One of these words; each with what it means.
    Choice(&'static [(&'static str, &'static str)]),
    /// Any of these words.
    Choices(&'static [(&'static str, &'static str)]),
    /// An IP address and a port.
    Address,
    /// Cores, as a list or as text like `2-5`.
    Cpus,
    /// Host names this server answers for.
    Hosts,
    /// Origins whose pages may call.
    Origins,
    /// A path.
    Path,
    /// One word.
    Word,
    /// Words, each as it is.
    Words,
    /// Addresses and networks.
    Networks,
    /// An absolute http or https URL without a fragment.
    Url,
    /// A secret, never shown.
    Secret,
    /// Files of certificates, each with that of its key.
    Certificates,
    /// 32 secret bytes.
    StateKey,
}

/// One scalar, before its meaning is known: it may be a secret.
#[derive(Clone)]
pub struct Scalar {
    /// Its text.
    pub text: Zeroizing<String>,
    /// How it was written.
    pub style: Style,
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scalar({:?}, {} bytes)", self.style, self.text.len())
    }
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// In a file without quotes: YAML 1.2 says what it is.
    Plain,
    /// In a file with quotes: text.
    Quoted,
    /// In the environment or a flag, where all is text: it is what its key wants.
    Outside,
}

/// What a value is before it is read.
#[derive(Clone, Debug)]
pub enum Raw {
    /// One scalar.
    Scalar(Scalar),
    /// A list of scalars.
    List(Vec<Scalar>),
}

fn quoted(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{:?}", format!("{shown}{more}"))
}

fn words(choices: &[(&str, &str)]) -> String {
    choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

/// What YAML 1.2 takes an unquoted scalar for, when it is not text.
pub fn plain_type(text: &str) -> Option<&'static str> {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some("nothing"),
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some("true or false"),
        _ if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') && number.parse::<f64>().is_ok() => {
            Some("a number")
        }
        _ => None,
    }
}

impl Kind {
    /// Reads a value. An error says what is wrong and how to mend it.
    pub fn read(&self, raw: &Raw) -> Result<Value, String> {
        match (self, raw) {
            (_, Raw::List(items)) if self.is_list() => self.read_list(items),
            (_, Raw::List(_)) => Err(format!("a list is not {}; write one value", self.noun())),
            (_, Raw::Scalar(scalar)) if self.is_list() && !matches!(self, Kind::Cpus) => match scalar.style {
                Style::Outside => self.read_list(&split(&scalar.text)?),
                _ => Err(format!("{} is not a list; write [{}]", quoted(&scalar.text), *scalar.text)),
            },
            (_, Raw::Scalar(scalar)) => self.read_scalar(scalar),
        }
    }

    fn read_scalar(&self, scalar: &Scalar) -> Result<Value, String> {
        let text = scalar.text.as_str();
        let said = quoted(text);
        let not = |fix: &str| Err(format!("{said} is not {}; {fix}", self.noun()));
        let is_quoted = scalar.style == Style::Quoted;
        match self {
            Kind::Flag => match text {
                "true" | "True" | "TRUE" if !is_quoted => Ok(Value::Flag(true)),
                "false" | "False" | "FALSE" if !is_quoted => Ok(Value::Flag(false)),
                "true" | "false" => not(&format!("write {text} without quotes")),
                "yes" | "Yes" | "YES" | "y" | "on" | "On" | "ON" | "1" => not("write true"),
                "no" | "No" | "NO" | "n" | "off" | "Off" | "OFF" | "0" => not("write false"),
                _ => not("write true or false"),
            },
            Kind::Count(least, most) => match text.parse::<u64>() {
                Ok(_) if is_quoted => not(&format!("write {text} without quotes")),
                Ok(count) => within(count, *least, *most, |count| count.to_string()).map(Value::Number),
                Err(_) => not(&format!("write a whole number from {least} to {most}")),
            },
            Kind::Bytes(least, most) => {
                let number = text.parse::<u64>().ok().filter(|_| !is_quoted);
                match number.or_else(|| size(text)) {
                    Some(bytes) => within(bytes, *least, *most, size_text).map(Value::Number),
                    None => not("write bytes, or a size like 512KiB or 4MiB"),
                }
            }
            Kind::Time(least, most) => match time(text) {
                Some(millis) => {
                    let millis = within(millis, *least, *most, |millis| time_text(Duration::from_millis(millis)))?;
                    Ok(Value::Time(Duration::from_millis(millis)))
                }
                None if text.parse::<u64>().is_ok() => not(&format!("write its unit: {text}s or {text}ms")),
                None => not("write a time like 500ms, 30s, 5m or 1h30m"),
            },
            Kind::Cpus => match text.parse::<CpuList>() {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(_) => not("write cores once each, like 0, 2-5 or 0,2,4-7"),
            },
            // Words that look like numbers are words all the same.
            Kind::Choice(choices) if choices.iter().all(|(word, _)| plain_type(word).is_some()) => self.read_text(text),
            _ => match plain_type(text).filter(|_| scalar.style == Style::Plain) {
                Some(what) => Err(format!("{said} without quotes is {what}; write \"{text}\" if it is meant so")),
                None => self.read_text(text),
            },
        }
    }

    fn read_text(&self, text: &str) -> Result<Value, String> {
        let said = quoted(text);
        match self {
            Kind::Choice(choices) | Kind::Choices(choices) => {
                if choices.iter().any(|(word, _)| *word == text) {
                    return Ok(Value::Text(text.to_owned()));
                }
                let near = super::nearest::nearest(text, choices.iter().map(|(word, _)| *word));
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                Err(format!("{said} is none of {}{near}", words(choices)))
            }
            Kind::Address => match text.parse::<std::net::SocketAddr>() {
                Ok(address) => Ok(Value::Text(address.to_string())),
                Err(_) => Err(format!("{said} is not {}; {}", self.noun(), address_fix(text))),
            },
            Kind::Hosts => match AllowList::default().allow_host(text) {
                Ok(()) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(format!(
                    "{said} is not a host; write a name like mcp.example.com, with a port if need be, or *"
                )),
            },
            Kind::Origins => match AllowList::default().allow_origin(text) {
                Ok(()) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(format!("{said} is not an origin; write one like https://app.example.com, or *")),
            },
            Kind::Certificates if super::tls::files(text).is_none() => {
                Err(format!("{said} is not a certificate and its key; write CERTIFICATE:KEY, two paths without colons"))
            }
            Kind::Word | Kind::Words
                if text.is_empty() || text.contains(char::is_whitespace) || text.contains(char::is_control) =>
            {
                Err(format!("{said} is not one word"))
            }
            Kind::Networks => match AddressList::parse(&[text]) {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(error) => Err(error.to_string()),
            },
            Kind::Url if !is_url(text) => {
                Err(format!("{said} is not a URL; write one like https://mcp.example.com/mcp"))
            }
            Kind::Secret if text.is_empty() => Err("an empty secret is none; leave it out".into()),
            Kind::Path if text.is_empty() || text.contains('\0') => Err(format!("{said} is not a path")),
            Kind::StateKey => state_key::read(text).map(|_| Value::Secret(Secret::new(text))),
            Kind::Secret => Ok(Value::Secret(Secret::new(text))),
            _ => Ok(Value::Text(text.to_owned())),
        }
    }

    fn read_list(&self, items: &[Scalar]) -> Result<Value, String> {
        if matches!(self, Kind::Cpus) {
            let text = items.iter().map(|item| item.text.trim()).collect::<Vec<_>>().join(",");
            return self.read_scalar(&Scalar { text: Zeroizing::new(text), style: Style::Outside });
        }
        let mut list: Vec<String> = Vec::with_capacity(items.len());
        for item in items {
            let what = plain_type(&item.text).filter(|_| item.style == Style::Plain);
            if let Some(what) = what {
                return Err(format!("{} without quotes is {what}, and the list wants texts", quoted(&item.text)));
            }
            let Value::Text(text) = self.read_text(&item.text)? else { continue };
            if list.contains(&text) {
                return Err(format!("{} is in the list twice; write it once", quoted(&text)));
            }
            list.push(text);
        }
        Ok(Value::List(list))
    }

    /// Whether a list can be one.
    pub fn is_list(&self) -> bool {
        matches!(
            self,
            Kind::Choices(_)
                | Kind::Cpus
                | Kind::Hosts
                | Kind::Origins
                | Kind::Certificates
                | Kind::Words
                | Kind::Networks
        )
    }

    /// What it is called, after "is not".
    pub fn noun(&self) -> &'static str {
        match self {
            Kind::Flag => "true or false",
            Kind::Count(..) => "a count",
            Kind::Bytes(..) => "a size",
            Kind::Time(..) => "a time",
            Kind::Choice(_) => "one of its words",
            Kind::Choices(_) => "a list of words",
            Kind::Address => "an IP address and a port",
            Kind::Cpus => "a list of cores",
            Kind::Hosts => "a list of hosts",
            Kind::Origins => "a list of origins",
            Kind::Path => "a path",
            Kind::Certificates => "a list of certificates",
            Kind::Word => "a word",
            Kind::Words => "a list of words",
            Kind::Networks => "a list of networks",
            Kind::Url => "a URL",
            Kind::Secret => "a secret",
            Kind::StateKey => "a key",
        }
    }

    /// What stands for its value in help.
    pub fn value_name(&self) -> &'static str {
        match self {
            Kind::Flag => "true|false",
            Kind::Count(..) => "N",
            Kind::Bytes(..) => "BYTES",
            Kind::Time(..) => "TIME",
            Kind::Choice(_) | Kind::Choices(_) => "WORD",
            Kind::Address => "ADDRESS",
            Kind::Cpus => "LIST",
            Kind::Hosts => "HOST",
            Kind::Origins => "ORIGIN",
            Kind::Path => "FILE",
            Kind::Certificates => "CERTIFICATE:KEY",
            Kind::Word | Kind::Words => "WORD",
            Kind::Networks => "NETWORK",
            Kind::Url => "URL",
            Kind::Secret => "SECRET",
            Kind::StateKey => "KEY",
        }
    }

    /// A value as it is written in a file and shown to people.
    pub fn text(&self, value: &Value) -> String {
        match (self, value) {
            (_, Value::Flag(on)) => on.to_string(),
            (Kind::Bytes(..), Value::Number(bytes)) => size_text(*bytes),
            (_, Value::Number(count)) => count.to_string(),
            (_, Value::Time(time)) => time_text(*time),
            (_, Value::Secret(_)) => secret::SHOWN.to_owned(),
            (_, Value::Text(text)) => scalar_text(text),
            (_, Value::List(items)) => {
                let items: Vec<String> = items.iter().map(|item| scalar_text(item)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }
}

/// Text as YAML: in quotes when it would not be read back as this text.
pub fn scalar_text(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let plain = text.chars().all(safe) && !text.starts_with(['-', ':', '.']) && !text.ends_with(':');
    if plain && plain_type(text).is_none() && !text.contains(": ") { text.to_owned() } else { json_text(text) }
}

/// Text in the double quotes of JSON, which are those of YAML.
pub fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An absolute http or https URL without a fragment (RFC 8707 section 2).
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_clean = !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '#' | '"' | '\\'));
    is_clean && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn address_fix(text: &str) -> String {
    let port = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => format!("write 127.0.0.1:{port}"),
        Err(_) if text.parse::<std::net::IpAddr>().is_ok() => "write its port too".into(),
        Err(_) => "write one like 127.0.0.1:9999 or [::1]:9999".into(),
    }
}

fn within(value: u64, least: u64, most: u64, text: impl Fn(u64) -> String) -> Result<u64, String> {
    if value < least {
        Err(format!("{} is too little; at least {} makes sense", text(value), text(least)))
    } else if value > most {
        Err(format!("{} is too much; at most {} makes sense", text(value), text(most)))
    } else {
        Ok(value)
    }
}

/// A list from the environment or a flag: texts between commas, or a JSON array.
fn split(text: &str) -> Result<Vec<Scalar>, String> {
    let outside = |text: &str| Scalar { text: text.to_owned().into(), style: Style::Outside };
    if !text.trim_start().starts_with('[') {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Ok(items.map(outside).collect());
    }
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(items) => Ok(items.iter().map(|item| outside(item)).collect()),
        Err(_) => Err(format!("{} is not a JSON array of texts; write [\"a\",\"b\"] or a,b", quoted(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_yaml_would_take_for_something_else_is_quoted() {
        for text in ["true", "null", "1", "1.5", "", "*", "a: b", "- a", "#x", "é"] {
            assert!(scalar_text(text).starts_with('"'), "{text}");
        }
        for text in ["127.0.0.1:9999", "https://a.example:1", "no", "logs/a.log", "2-5"] {
            assert_eq!(scalar_text(text), text);
        }
    }
}
