//! URI templates (RFC 6570), read backwards: which values of its variables make a template into a given URI.
//!
//! It serves the resource templates of MCP. Everything of a template must be there in the URI, except the parameters
//! of `{?a,b}` and `{&a,b}`, which may be absent and stand in any order. Where several readings exist, an earlier
//! variable takes as much as it can. Matching takes time and memory proportional to template times URI, whatever
//! either says; there are no regular expressions here (CVE-2026-0621 was one).
//! It never expands a template, and never judges a value: a value is decoded, so it may hold `/`, `..` or NUL, and
//! whoever opens a file or a database with it must check it. Start at [`UriTemplate::parse`].

use std::fmt;

use memchr::{memchr, memchr2};

/// A template is at most so long.
pub const TEMPLATE_BYTES_MAX: usize = 2048;
/// A template has at most so many variables.
pub const VARIABLES_MAX: usize = 32;
/// A longer URI matches no template. The request target over HTTP ends at the same length.
pub const URI_BYTES_MAX: usize = 8192;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Variable {
        name: Box<str>,
        charset: Charset,
    },
    /// `{?a,b}`: everything from `lead` on up to a fragment, as `name=value` pairs.
    Parameters {
        lead: u8,
        names: Vec<Box<str>>,
    },
}

/// What the value of a variable may hold as it stands in the URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// `{var}`, `{/var}` and `{.var}`: what can end a segment is percent-encoded in it.
    Segment,
    /// `{+var}` and `{#var}`.
    Any,
}

impl Charset {
    fn allows(self, byte: u8) -> bool {
        match self {
            Charset::Segment => !matches!(byte, b'/' | b'?' | b'#' | b'&'),
            Charset::Any => true,
        }
    }
}

impl UriTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// Says which part of the template is wrong or unsupported.
    pub fn parse(template: &str) -> Result<UriTemplate, UriTemplateError> {
        if template.len() > TEMPLATE_BYTES_MAX {
            return Err(UriTemplateError::TooLong);
        }
        let mut builder = Builder::default();
        let mut rest = template;
        while !rest.is_empty() {
            let end = memchr2(b'{', b'}', rest.as_bytes()).unwrap_or(rest.len());
            builder.literal(&rest[..end])?;
            rest = &rest[end..];
            let Some(inside) = rest.strip_prefix('{') else {
                if rest.is_empty() {
                    break;
                }
                return Err(UriTemplateError::Unbalanced);
            };
            let end = memchr(b'}', inside.as_bytes()).ok_or(UriTemplateError::Unbalanced)?;
            builder.expression(&inside[..end])?;
            rest = &inside[end + 1..];
        }
        Ok(UriTemplate { parts: builder.parts })
    }

    /// The variables of the template, in its order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Literal(_) => [].iter(),
                Part::Variable { name, .. } => std::slice::from_ref(name).iter(),
                Part::Parameters { names, .. } => names.iter(),
            })
            .map(|name| &**name)
    }

    /// The values of the variables, percent-decoded, in the template's order; absent parameters are left out.
    /// `None` where the URI does not match, or has a value whose percent-encoding is broken or no UTF-8.
    #[must_use]
    pub fn matches(&self, uri: &str) -> Option<Vec<(String, String)>> {
        let bytes = uri.as_bytes();
        if bytes.len() > URI_BYTES_MAX {
            return None;
        }
        if let Some(Part::Literal(first)) = self.parts.first()
            && !uri.starts_with(&**first)
        {
            return None; // Most templates that do not match end here.
        }
        let ends = self.ends(bytes)?;
        let (mut values, mut at) = (Vec::new(), 0);
        for (part, ends) in self.parts.iter().zip(&ends) {
            let end = ends[at] as usize;
            let text = uri.get(at..end)?;
            match part {
                Part::Literal(_) => {}
                Part::Variable { name, .. } => values.push((name.to_string(), decode(text)?)),
                Part::Parameters { names, .. } => {
                    let found = parameters(text, names)?;
                    values.extend(names.iter().zip(found).filter_map(|(name, value)| Some((name.to_string(), value?))));
                }
            }
            at = end;
        }
        Some(values)
    }

    /// For each part, and each place where it may begin, where it ends so that the rest matches too; [`NO_END`] where
    /// it cannot begin. Works from the last part to the first, so that no choice is ever taken back.
    fn ends(&self, uri: &[u8]) -> Option<Vec<Vec<u32>>> {
        let mut all: Vec<Vec<u32>> = Vec::with_capacity(self.parts.len());
        for part in self.parts.iter().rev() {
            let next = all.last();
            let can_go_on = |at: usize| match next {
                Some(next) => next[at] != NO_END,
                None => at == uri.len(),
            };
            let mut ends = vec![NO_END; uri.len() + 1];
            match part {
                Part::Literal(literal) => {
                    let literal = literal.as_bytes();
                    for at in 0..=uri.len().saturating_sub(literal.len()) {
                        if can_go_on((at + literal.len()).min(uri.len())) && uri[at..].starts_with(literal) {
                            ends[at] = to_end(at + literal.len());
                        }
                    }
                }
                Part::Variable { charset, .. } => {
                    for at in (0..uri.len()).rev().filter(|&at| charset.allows(uri[at])) {
                        // The furthest end, which is that of a value begun one byte later, if there is one.
                        ends[at] = match ends[at + 1] {
                            NO_END if can_go_on(at + 1) => to_end(at + 1),
                            further => further,
                        };
                    }
                }
                Part::Parameters { lead, .. } => {
                    let end = memchr(b'#', uri).unwrap_or(uri.len());
                    for at in (0..=end).filter(|&at| at == end || uri[at] == *lead) {
                        if can_go_on(end) {
                            ends[at] = to_end(end);
                        }
                    }
                }
            }
            all.push(ends);
        }
        all.reverse();
        let begins = all.first().map_or(uri.is_empty(), |first| first[0] != NO_END);
        begins.then_some(all)
    }
}

const NO_END: u32 = u32::MAX;

fn to_end(at: usize) -> u32 {
    const { assert!(URI_BYTES_MAX < NO_END as usize) };
    u32::try_from(at).unwrap_or(NO_END)
}

/// The decoded values of `?a=1&b=2`, in the order of `names`. An unknown or repeated name is no match.
fn parameters(text: &str, names: &[Box<str>]) -> Option<Vec<Option<String>>> {
    let mut found = vec![None; names.len()];
    let Some(pairs) = text.get(1..) else {
        return Some(found);
    }; // Absent altogether.
    for pair in pairs.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let index = names.iter().position(|known| &**known == name)?;
        if found[index].replace(decode(value)?).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Percent-decodes; `+` stays what it is, since RFC 6570 writes a blank as `%20`.
fn decode(text: &str) -> Option<String> {
    if memchr(b'%', text.as_bytes()).is_none() {
        return Some(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16).map(|digit| digit as u8);
            decoded.push((digit()? << 4) | digit()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[derive(Default)]
struct Builder {
    parts: Vec<Part>,
    names: Vec<Box<str>>,
}

impl Builder {
    fn literal(&mut self, text: &str) -> Result<(), UriTemplateError> {
        if text.is_empty() {
            return Ok(());
        }
        if let Some(bad) = text.chars().find(|&char| char.is_control() || " \"'<>\\^`|".contains(char)) {
            return Err(UriTemplateError::Literal { bad });
        }
        match self.parts.last_mut() {
            Some(Part::Parameters { .. }) if !text.starts_with('#') => Err(UriTemplateError::AfterParameters),
            // The literal that an operator implies, as the `/` of `{/var}`, may follow another.
            Some(Part::Literal(before)) => {
                *before = format!("{before}{text}").into();
                Ok(())
            }
            _ => {
                self.parts.push(Part::Literal(text.into()));
                Ok(())
            }
        }
    }

    fn expression(&mut self, text: &str) -> Result<(), UriTemplateError> {
        let operator =
            text.bytes().next().filter(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_' && *byte != b'%');
        let names = if operator.is_some_and(|byte| byte.is_ascii()) { &text[1..] } else { text };
        match operator {
            Some(lead @ (b'?' | b'&')) => self.parameters(lead, names),
            None => self.variable("", names, Charset::Segment),
            Some(b'+') => self.variable("", names, Charset::Any),
            Some(b'#') => self.variable("#", names, Charset::Any),
            Some(b'/') => self.variable("/", names, Charset::Segment),
            Some(b'.') => self.variable(".", names, Charset::Segment),
            Some(_) => Err(UriTemplateError::Operator { expression: text.into() }),
        }
    }

    fn variable(&mut self, lead: &str, name: &str, charset: Charset) -> Result<(), UriTemplateError> {
        if name.contains(',') {
            return Err(UriTemplateError::SeveralVariables { expression: name.into() });
        }
        let name = self.name(name)?;
        self.literal(lead)?;
        match self.parts.last() {
            Some(Part::Variable { .. }) => return Err(UriTemplateError::Adjacent { name }),
            Some(Part::Parameters { .. }) => return Err(UriTemplateError::AfterParameters),
            _ => {}
        }
        self.parts.push(Part::Variable { name, charset });
        Ok(())
    }

    fn parameters(&mut self, lead: u8, names: &str) -> Result<(), UriTemplateError> {
        let mut added = names.split(',').map(|name| self.name(name)).collect::<Result<Vec<_>, _>>()?;
        match self.parts.last_mut() {
            // `{?a}{&b}` is `{?a,b}` to whoever allows any order.
            Some(Part::Parameters { names, .. }) if lead == b'&' => names.append(&mut added),
            Some(Part::Parameters { .. }) => return Err(UriTemplateError::AfterParameters),
            // It takes all up to the fragment, so that nothing is left for the variable to share.
            Some(Part::Variable { charset: Charset::Any, name }) => {
                return Err(UriTemplateError::Adjacent { name: name.clone() });
            }
            _ => self.parts.push(Part::Parameters { lead, names: added }),
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<Box<str>, UriTemplateError> {
        let mut words = name.split('.');
        let is_word = |word: &str| {
            let encoded = word.replace('%', "");
            !encoded.is_empty() && encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if !words.all(is_word) || decode(name).is_none() {
            return Err(UriTemplateError::Name { name: name.into() });
        }
        if self.names.iter().any(|known| &**known == name) {
            return Err(UriTemplateError::Repeated { name: name.into() });
        }
        if self.names.len() == VARIABLES_MAX {
            return Err(UriTemplateError::TooManyVariables);
        }
        self.names.push(name.into());
        Ok(name.into())
    }
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriTemplateError {
    /// Longer than [`TEMPLATE_BYTES_MAX`].
    TooLong,
    /// More variables than [`VARIABLES_MAX`].
    TooManyVariables,
    /// A brace is open or closed that has no partner.
    Unbalanced,
    /// A character outside braces that no URI can hold.
    Literal {
        /// The character.
        bad: char,
    },
    /// An operator that RFC 6570 does not have, or reserves.
    Operator {
        /// What stands in the braces.
        expression: Box<str>,
    },
    /// `{a,b}` without `?` or `&`.
    SeveralVariables {
        /// What stands in the braces.
        expression: Box<str>,
    },
    /// Not a name; `*` and `:3` after a name are not supported.
    Name {
        /// What should have been a name.
        name: Box<str>,
    },
    /// The same name twice.
    Repeated {
        /// The name.
        name: Box<str>,
    },
    /// Two variables with nothing between them.
    Adjacent {
        /// One of them.
        name: Box<str>,
    },
    /// `{?a}` is followed by something else than a fragment.
    AfterParameters,
}

impl fmt::Display for UriTemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(formatter, "the URI template is longer than {TEMPLATE_BYTES_MAX} bytes"),
            Self::TooManyVariables => write!(formatter, "the URI template has more than {VARIABLES_MAX} variables"),
            Self::Unbalanced => formatter.write_str("the URI template has a `{` or `}` without its partner"),
            Self::Literal { bad } => {
                write!(formatter, "the URI template has {bad:?} outside braces; percent-encode it")
            }
            Self::Operator { expression } => {
                write!(
                    formatter,
                    "`{{{expression}}}` in the URI template has an unknown operator; use one of + # / . ? &"
                )
            }
            Self::SeveralVariables { expression } => write!(
                formatter,
                "`{{{expression}}}` in the URI template has several variables; only `{{?a,b}}` and `{{&a,b}}` may"
            ),
            Self::Name { name } => write!(
                formatter,
                "`{name}` in the URI template is no variable name (letters, digits, `_`); `*` and `:3` are not supported"
            ),
            Self::Repeated { name } => write!(formatter, "`{name}` is in the URI template twice"),
            Self::Adjacent { name } => {
                write!(
                    formatter,
                    "`{name}` stands next to another variable in the URI template; put a literal between them"
                )
            }
            Self::AfterParameters => {
                formatter.write_str("only a fragment may follow `{?a}` or `{&a}` in the URI template")
            }
        }
    }
}

impl std::error::Error for UriTemplateError {}

#[cfg(test)]
mod tests;
