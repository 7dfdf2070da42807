//! One rule, checked and compiled: whom and what it speaks of, and when. It decides nothing alone.

use super::condition::Condition;
use super::glob::Glob;
use super::{BadRule, Effect, Kind, RuleSpec};
use crate::identify::{CredentialKind, Principal};

/// The most entries of one list of a rule.
pub(super) const GLOBS_MAX: usize = 256;
/// The longest name of a rule.
const NAME_BYTES_MAX: usize = 64;

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Box<str>,
    pub(super) effect: Effect,
    pub(super) condition: Option<Condition>,
    principals: Box<[Caller]>,
    roles: Box<[Glob]>,
    scopes: Box<[Glob]>,
    tools: Box<[Glob]>,
    resources: Box<[Glob]>,
    prompts: Box<[Glob]>,
    /// No list of items says anything.
    is_about_everything: bool,
}

/// Names of callers, with one kind of credential or with any.
#[derive(Clone, Debug)]
struct Caller {
    kind: Option<CredentialKind>,
    name: Glob,
}

impl Rule {
    /// Compiles a rule. What is wrong with it goes to `bad`, all of it at once; then there is no rule.
    pub(super) fn compile(index: usize, spec: RuleSpec, bad: &mut Vec<BadRule>) -> Option<Rule> {
        let RuleSpec { name, effect, principals, roles, scopes, tools, resources, prompts, when } = spec;
        let bad_before = bad.len();
        let mut complain = |field, problem| bad.push(BadRule { index, name: name.clone(), field, problem });
        if let Err(problem) = check_name(&name) {
            complain("name", problem);
        }
        let principals = compiled("principals", &principals, Caller::new, &mut complain);
        let mut globs = |field, texts: &[String]| compiled(field, texts, Glob::new, &mut complain);
        let (roles, scopes) = (globs("roles", &roles), globs("scopes", &scopes));
        let (tools, resources) = (globs("tools", &tools), globs("resources", &resources));
        let prompts = globs("prompts", &prompts);
        let condition = when.and_then(|text| match Condition::compile(&text) {
            Ok(condition) => Some(condition),
            Err(problem) => {
                complain("when", problem);
                None
            }
        });
        let is_about_everything = tools.is_empty() && resources.is_empty() && prompts.is_empty();
        let name = name.as_str().into();
        let rule =
            Rule { name, effect, condition, principals, roles, scopes, tools, resources, prompts, is_about_everything };
        (bad.len() == bad_before).then_some(rule)
    }

    /// Whether its lists fit the caller and the item; its condition is asked after that.
    pub(super) fn fits(&self, principal: &Principal, kind: Kind, name: &str) -> bool {
        self.fits_item(kind, name) && self.fits_caller(principal)
    }

    fn fits_item(&self, kind: Kind, name: &str) -> bool {
        let list = match kind {
            Kind::Tool => &self.tools,
            Kind::Resource | Kind::Template => &self.resources,
            Kind::Prompt => &self.prompts,
        };
        self.is_about_everything || list.iter().any(|glob| glob.fits(name))
    }

    fn fits_caller(&self, principal: &Principal) -> bool {
        let callers = &self.principals;
        (callers.is_empty() || callers.iter().any(|caller| caller.fits(principal)))
            && fits_some(&self.roles, &principal.roles)
            && fits_some(&self.scopes, &principal.scopes)
    }
}

/// Whether one of the words fits one of the globs. No globs ask for nothing.
fn fits_some(globs: &[Glob], words: &[Box<str>]) -> bool {
    globs.is_empty() || words.iter().any(|word| globs.iter().any(|glob| glob.fits(word)))
}

impl Caller {
    fn new(text: &str) -> Result<Caller, String> {
        const KINDS: [CredentialKind; 4] =
            [CredentialKind::Anonymous, CredentialKind::Jwt, CredentialKind::ApiKey, CredentialKind::Certificate];
        for kind in KINDS {
            if let Some(name) = text.strip_prefix(kind.word()).and_then(|rest| rest.strip_prefix(':')) {
                return Ok(Caller { kind: Some(kind), name: Glob::new(name)? });
            }
        }
        Ok(Caller { kind: None, name: Glob::new(text)? })
    }

    fn fits(&self, principal: &Principal) -> bool {
        self.kind.is_none_or(|kind| kind == principal.kind) && self.name.fits(&principal.name)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_good) {
        return Err(format!("a name is 1 to {NAME_BYTES_MAX} characters of a-z, 0-9, \".\", \"_\" and \"-\""));
    }
    Ok(())
}

fn compiled<T>(
    field: &'static str,
    texts: &[String],
    compile: impl Fn(&str) -> Result<T, String>,
    complain: &mut impl FnMut(&'static str, String),
) -> Box<[T]> {
    if texts.len() > GLOBS_MAX {
        complain(field, format!("{} entries; a list has at most {GLOBS_MAX}", texts.len()));
        return Box::default();
    }
    let mut entries = Vec::with_capacity(texts.len());
    for text in texts {
        match compile(text) {
            Ok(entry) => entries.push(entry),
            Err(problem) => complain(field, problem),
        }
    }
    entries.into()
}
