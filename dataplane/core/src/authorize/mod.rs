//! Who may see and use which tool, resource, resource template and prompt: the operator's rules, checked and compiled once,
//! and asked for every list and every call. It reads no clock, file or socket, and no rule ever waits.
//!
//! Start at [`Rules`]: any deny that applies decides, else any allow, else the default. A rule applies when its lists fit the
//! caller and the item, and its condition (`condition/mod.rs`) is true. What cannot be evaluated never opens a door: an allow rule
//! with such a condition does not apply, a deny rule with one does.

mod compiled;
mod condition;
pub mod glob;
mod rule;
mod rules;
#[cfg(test)]
mod tests;

pub use condition::Failure;
pub use rule::{BadRule, Effect, RuleSpec};
pub use rules::{Decision, ITEM_BYTES_MAX, RULES_MAX, RuleId, Rules, Sight, Unevaluated};

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tool, by its name.
    Tool,
    /// A resource, by its URI.
    Resource,
    /// A resource template, by its URI template. Rules speak of it in their list of resources: the text of the template is
    /// matched for lists, and the URI that a caller makes of it is a resource of its own.
    Template,
    /// A prompt, by its name.
    Prompt,
}

impl Kind {
    /// Its word in conditions (`item.kind`) and logs.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Tool => "tool",
            Kind::Resource => "resource",
            Kind::Template => "template",
            Kind::Prompt => "prompt",
        }
    }
}
