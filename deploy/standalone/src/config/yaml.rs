//! YAML 1.2, and JSON as a part of it, as a tree whose every node knows its place. It never knows a key, and it never
//! builds what would grow: aliases, anchors, tags and merges are refused, and the depth is bounded.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::kind::{Scalar, Style};

/// A line and a column, both from 1.
pub type Place = (usize, usize);

/// A node and where it begins.
#[derive(Debug)]
pub struct Node {
    /// Where it begins.
    pub at: Place,
    /// What it is.
    pub body: Body,
}

/// What a node is.
#[derive(Debug)]
pub enum Body {
    /// Nothing, `null` or `~`.
    Null,
    /// One scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of its entries.
    Map(Vec<Entry>),
    /// What was refused already: nothing more is said of it.
    Refused,
}

/// An entry of a mapping.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Where the key is.
    pub at: Place,
    /// Its value.
    pub value: Node,
}

/// A mistake and its place.
pub type Mistake = (Place, String);

/// Levels of lists and mappings; a configuration has three.
const DEPTH_MAX: usize = 16;

/// A list or mapping that is not finished, and where it begins.
enum Open {
    List(Place, Vec<Node>),
    /// The entries so far, and a key that waits for its value.
    Map(Place, Vec<Entry>, Option<(String, Place)>),
}

/// What a text holds.
#[derive(Debug)]
pub struct Document {
    /// Its tree, `None` when it has nothing but comments.
    pub root: Option<Node>,
    /// Everything wrong with it as YAML.
    pub mistakes: Vec<Mistake>,
    /// The line after which nothing was read, since it is not YAML; what stands in it was not read well either.
    pub stopped: Option<usize>,
}

fn place(span: &Span) -> Place {
    (span.start.line(), span.start.col() + 1)
}

/// Reads a text. After a mistake of syntax nothing more is read; what came before it is still in the tree.
pub fn parse(text: &str) -> Document {
    let mut builder = Builder { open: Vec::new(), root: None, documents: 0, mistakes: Vec::new() };
    let mut stopped = None;
    for event in Parser::new_from_str(text) {
        let goes_on = match event {
            Ok((event, span)) => builder.take(event, place(&span)),
            Err(error) => {
                builder.mistakes.push(syntax(text, &error));
                false
            }
        };
        if !goes_on {
            stopped = builder.mistakes.last().map(|((line, _), _)| *line);
            break;
        }
    }
    while !builder.open.is_empty() {
        builder.close();
    }
    Document { root: builder.root, mistakes: builder.mistakes, stopped }
}

/// What the scanner says, or what is usually behind it.
fn syntax(text: &str, error: &ScanError) -> Mistake {
    let line = error.marker().line();
    let tabbed = |line: &str| line.trim_start_matches(' ').starts_with('\t');
    let mut near = text.lines().enumerate().skip(line.saturating_sub(1)).take(2);
    if let Some((index, text)) = near.find(|(_, line)| tabbed(line)) {
        let column = text.find('\t').map_or(1, |column| column + 1);
        return ((index + 1, column), "a tab indents this line; YAML wants spaces, two a level".into());
    }
    let place = (line, error.marker().col() + 1);
    let fix = match error.info() {
        info if info.contains("end of stream") => "close the quote",
        info if info.contains("flow mapping") => "close the { with a }, and put commas between its entries",
        info if info.contains("flow sequence") => "close the [ with a ], and put commas between its items",
        info if info.contains("mapping values are not allowed") => {
            "put a value that contains `: ` in quotes, and indent keys of one section alike"
        }
        info if info.contains("expected key") || info.contains("expected block end") => {
            "indent keys of one section alike"
        }
        info if info.contains("expect ':'") => "write `key: value`, with a space after the colon",
        info if info.contains("illegal placement of ':'") => {
            "close the [ or { that was opened before, or put a value that contains a colon in quotes"
        }
        info if info.contains("unexpected character") => "put the value in quotes",
        info if info.contains("unknown anchor") => "write the value itself; aliases are not read here",
        _ => "mend it, or put the value in quotes",
    };
    (place, format!("this is not YAML: {}; {fix}", error.info()))
}

struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    mistakes: Vec<Mistake>,
}

impl Builder {
    /// Takes an event; false when there is no use in more.
    fn take(&mut self, event: Event<'_>, at: Place) -> bool {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.mistake(at, "a second document begins here; keep one, without `---` between");
                    return false;
                }
            }
            Event::Alias(_) => {
                self.mistake(at, "aliases are not read here; write the value itself");
                self.add(Node { at, body: Body::Refused });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(at, anchor, tag.is_some());
                self.scalar(&text, style, at);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(at, anchor, tag.is_some());
                return self.push(Open::List(at, Vec::new()), at);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(at, anchor, tag.is_some());
                return self.push(Open::Map(at, Vec::new(), None), at);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        true
    }

    fn mistake(&mut self, at: Place, text: &str) {
        let told = |(place, said): &Mistake| place.0 == at.0 && said == text;
        if self.mistakes.last().is_some_and(told) {
            // Once a line is enough: a file may have thousands.
            return;
        }
        self.mistakes.push((at, text.to_owned()));
    }

    fn refuse_extras(&mut self, at: Place, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.mistake(at, "anchors are not read here; write the value where it is needed");
        }
        if tagged {
            self.mistake(at, "tags are not read here; remove it, and use quotes where text is meant");
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Place) {
        if let Some(Open::Map(_, _, key @ None)) = self.open.last_mut() {
            *key = Some((text.to_owned(), at));
            return;
        }
        let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
        let body = match text {
            "" | "~" | "null" | "Null" | "NULL" if style == Style::Plain => Body::Null,
            _ => Body::Scalar(Scalar { text: text.to_owned().into(), style }),
        };
        self.add(Node { at, body });
    }

    fn push(&mut self, open: Open, at: Place) -> bool {
        if let Some(Open::Map(_, _, None)) = self.open.last() {
            self.mistake(at, "a key must be text; write `key: value`");
            return false;
        }
        if self.open.len() == DEPTH_MAX {
            self.mistake(at, "this is nested too deeply; no key is");
            return false;
        }
        self.open.push(open);
        true
    }

    fn close(&mut self) {
        let node = match self.open.pop() {
            Some(Open::List(at, items)) => Node { at, body: Body::List(items) },
            Some(Open::Map(at, entries, _)) => Node { at, body: Body::Map(entries) },
            None => return,
        };
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        let clash = match self.open.last_mut() {
            None => {
                self.root = Some(node);
                None
            }
            Some(Open::List(_, items)) => {
                items.push(node);
                None
            }
            Some(Open::Map(_, entries, key)) => {
                let Some((key, at)) = key.take() else { return };
                let earlier = entries.iter().find(|entry| entry.key == key).map(|entry| entry.at.0);
                match earlier {
                    Some(line) => Some((at, format!("`{key}` is here twice, first in line {line}; keep one"))),
                    None => {
                        entries.push(Entry { key, at, value: node });
                        None
                    }
                }
            }
        };
        self.mistakes.extend(clash);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_grows_or_hides_is_refused() {
        let check = |text: &str, want: Place, part: &str| {
            let mistakes = parse(text).mistakes;
            assert_eq!(mistakes.len(), 1, "{text}: {mistakes:?}");
            assert_eq!(mistakes[0].0, want, "{text}: {mistakes:?}");
            assert!(mistakes[0].1.contains(part), "{text}: {mistakes:?}");
        };
        check("a: &x 1\n", (1, 4), "anchors");
        check("a: 1\nb: !!str 2\n", (2, 4), "tags");
        check("a: 1\n---\nb: 2\n", (2, 1), "second document");
        check("a: 1\n\tb: 2\n", (2, 1), "tab");
        check("a: 1\nb: 2\na: 3\n", (3, 1), "first in line 1");
        check("? [a]\n: 1\n", (1, 3), "key must be text");
        check(&"[".repeat(40), (1, 17), "deeply");
        check("a: \"x\n", (1, 4), "close the quote");
    }

    #[test]
    fn json_is_read_too() {
        let Document { root, mistakes, .. } = parse("{\n\t\"a\": {\"b\": [1, \"2\"]}, \"c\": null}\n");
        assert_eq!(mistakes, []);
        let Some(Node { body: Body::Map(entries), .. }) = root else { panic!("a mapping") };
        assert_eq!(
            entries.iter().map(|entry| (entry.key.as_str(), entry.at)).collect::<Vec<_>>(),
            [("a", (2, 2)), ("c", (2, 24))]
        );
        assert!(matches!(entries[1].value.body, Body::Null));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[-:?\\[\\]{},&*!|>'\"%@`# \t\na1~.]{0,200}") {
            let mistakes = parse(&text).mistakes;
            prop_assert!(mistakes.len() <= text.len() + 1);
        }
    }
}
