//! A glob over names and URIs: `*` is any run of characters, also an empty one and across `/`; `?` is one character; all
//! else is itself, in its own case. No escapes, no classes, no regular expressions.
//!
//! A match passes over the name once: its cost is at most the name's length times [`GLOB_BYTES_MAX`], whatever the glob.

/// The longest glob: the longest URI that anybody would write into a rule by hand, twice.
pub const GLOB_BYTES_MAX: usize = 512;

/// A compiled glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Shape);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// `*`.
    Any,
    /// No star and no question mark.
    Exact(Box<str>),
    /// One star, at the end, and no question mark.
    Prefix(Box<str>),
    /// No star, some question mark.
    Masked(Box<str>),
    /// Some star: what is before the first, between them and behind the last.
    Starred { first: Box<str>, middle: Box<[Box<str>]>, last: Box<str> },
}

impl Glob {
    /// Reads a glob; the error says what to fix.
    pub fn new(text: &str) -> Result<Glob, String> {
        if text.is_empty() {
            return Err("an empty pattern fits nothing; write \"*\" for everything, or leave the list out".to_owned());
        }
        if text.len() > GLOB_BYTES_MAX {
            return Err(format!("a pattern of {} bytes; the longest has {GLOB_BYTES_MAX}", text.len()));
        }
        if let Some(control) = text.chars().find(|character| character.is_control()) {
            return Err(format!("{text:?} contains the control character {control:?}"));
        }
        let mut parts = text.split('*');
        let first = parts.next().unwrap_or_default();
        let mut rest: Vec<&str> = parts.collect();
        let Some(last) = rest.pop() else {
            let shape = if first.contains('?') { Shape::Masked } else { Shape::Exact };
            return Ok(Glob(shape(first.into())));
        };
        let middle: Box<[Box<str>]> = rest.into_iter().filter(|part| !part.is_empty()).map(Box::from).collect();
        Ok(Glob(if !middle.is_empty() || !last.is_empty() || first.contains('?') {
            Shape::Starred { first: first.into(), middle, last: last.into() }
        } else if first.is_empty() {
            Shape::Any
        } else {
            Shape::Prefix(first.into())
        }))
    }

    /// Whether `name` as a whole fits.
    pub fn fits(&self, name: &str) -> bool {
        match &self.0 {
            Shape::Any => true,
            Shape::Exact(text) => **text == *name,
            Shape::Prefix(text) => name.starts_with(&**text),
            Shape::Masked(mask) => taken(mask, name) == Some(name.len()),
            Shape::Starred { first, middle, last } => starred(first, middle, last, name),
        }
    }
}

fn starred(first: &str, middle: &[Box<str>], last: &str, name: &str) -> bool {
    let Some(head) = taken(first, name) else { return false };
    let rest = &name[head..];
    let Some(tail) = tail_at(last, rest) else { return false };
    // The earliest place for each part leaves the most for the others, so nothing is ever tried twice.
    let mut between = &rest[..tail];
    for part in middle {
        let Some(end) = found(part, between) else { return false };
        between = &between[end..];
    }
    true
}

/// How many bytes of `text` the mask takes from its beginning, if it fits there.
fn taken(mask: &str, text: &str) -> Option<usize> {
    let mut rest = text.chars();
    for wanted in mask.chars() {
        let character = rest.next()?;
        if wanted != '?' && wanted != character {
            return None;
        }
    }
    Some(text.len() - rest.as_str().len())
}

/// Where the end of `text` begins that the mask fits.
fn tail_at(mask: &str, text: &str) -> Option<usize> {
    let Some(last) = mask.chars().count().checked_sub(1) else { return Some(text.len()) };
    let (at, _) = text.char_indices().rev().nth(last)?;
    taken(mask, &text[at..]).map(|_| at)
}

/// Where the first place ends that the mask fits.
fn found(mask: &str, text: &str) -> Option<usize> {
    if mask.contains('?') {
        return text.char_indices().find_map(|(at, _)| taken(mask, &text[at..]).map(|bytes| at + bytes));
    }
    text.find(mask).map(|at| at + mask.len())
}

#[cfg(test)]
mod tests {
    //! Goal: each shape fits what its definition says, and nothing else. Method: a table, and a model by recursion that is
    //! too simple to be wrong.

    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(glob: &str, fitting: &[&str], others: &[&str]) {
        let compiled = Glob::new(glob).expect(glob);
        for name in fitting {
            assert!(compiled.fits(name), "{glob:?} should fit {name:?}");
        }
        for name in others {
            assert!(!compiled.fits(name), "{glob:?} should not fit {name:?}");
        }
    }

    #[test]
    fn globs_fit_what_they_say() {
        check("*", &["", "a", "file:///x?y=1"], &[]);
        check("echo", &["echo"], &["", "Echo", "echo2", "an echo"]);
        check("db_*", &["db_", "db_read"], &["db", "DB_read", "a db_read"]);
        check("*_admin", &["_admin", "db_admin"], &["db_admins", "admin"]);
        check("a?c", &["abc", "a?c", "aéc", "a*c"], &["ac", "abbc"]);
        check("?", &["x", "é"], &["", "xy"]);
        check("a*b*c", &["abc", "a-b-c", "abbcc", "aXbcbc"], &["ab", "acb", "xabc", "abcx"]);
        check("*a*a", &["aa", "xaxa"], &["a", "aab"]);
        check("a*a", &["aa", "aba"], &["a"]);
        check("a?*", &["ab", "abc"], &["a", "ba"]);
        check("*?b?*", &["xbx", "éxxbxx"], &["bx", "xb"]);
        check("file:///public/**", &["file:///public/", "file:///public/a/b"], &["file:///private/a"]);
    }

    #[test]
    fn what_is_no_glob_is_said() {
        assert!(Glob::new("").expect_err("empty").contains("\"*\""));
        assert!(Glob::new(&"a".repeat(GLOB_BYTES_MAX)).is_ok());
        assert!(Glob::new(&"a".repeat(GLOB_BYTES_MAX + 1)).expect_err("long").contains("512"));
        assert!(Glob::new("a\nb").expect_err("control").contains("\\n"));
    }

    fn model(glob: &[char], name: &[char]) -> bool {
        match (glob.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => model(rest, name) || (!name.is_empty() && model(glob, &name[1..])),
            (Some((wanted, glob)), Some((character, name))) => {
                (*wanted == '?' || wanted == character) && model(glob, name)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_glob_fits_as_its_definition(glob in "[ab?*é]{1,8}", name in "[abé]{0,10}") {
            let (glob_characters, name_characters): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
            prop_assert_eq!(Glob::new(&glob).expect("short").fits(&name), model(&glob_characters, &name_characters));
        }
    }
}
