//! A number for each name that a tool ever had, so that counting a call hashes nothing. Names come from whoever offers
//! tools, never from a caller. Asked when what is offered changes, never by a request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The number of a name.
pub type ToolId = u16;

/// No tool.
pub const NONE: ToolId = 0;
/// All tools without a number of their own.
pub const OTHER: ToolId = ToolId::MAX;
/// Names that get a number. Metrics have room for fewer: see `metrics::series`.
const NAMES_MAX: usize = 4096;

/// All names so far. A name keeps its number when its tool goes, since what was counted stays.
#[derive(Default)]
pub struct ToolNames(Mutex<Names>);

#[derive(Default)]
struct Names {
    ids: HashMap<String, ToolId>,
    names: Vec<String>,
}

impl ToolNames {
    /// The number of a name.
    pub fn id(&self, name: &str) -> ToolId {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = all.ids.get(name) {
            return *id;
        }
        if all.names.len() >= NAMES_MAX {
            return OTHER;
        }
        all.names.push(name.to_owned());
        let id = all.names.len() as ToolId;
        all.ids.insert(name.to_owned(), id);
        id
    }

    /// The name of a number.
    pub fn name(&self, id: ToolId) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = usize::from(id).checked_sub(1).and_then(|index| all.names.get(index));
        name.map_or_else(|| "other".to_owned(), String::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let names = ToolNames::default();
        let (echo, add) = (names.id("echo"), names.id("add"));
        assert!(echo != add && echo != NONE);
        assert_eq!(names.id("echo"), echo);
        assert_eq!((names.name(echo).as_str(), names.name(OTHER).as_str()), ("echo", "other"));
    }

    #[test]
    fn names_beyond_the_bound_are_one() {
        let names = ToolNames::default();
        let last = (0..=NAMES_MAX).map(|number| names.id(&number.to_string())).last();
        assert_eq!(last, Some(OTHER));
        assert_eq!(names.id("0"), 1);
    }
}
