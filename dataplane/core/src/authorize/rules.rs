//! All rules together, and the two questions to them: what may this caller see, and may it make this call. Immutable once
//! compiled. Shards may share one, without a lock unless a condition uses `matches`: a pattern keeps its working memory in a
//! pool, so each shard had better have a clone of its own then.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::compiled::Rule;
use super::condition::{Facts, Failure};
use super::{BadRule, Effect, Kind, RuleSpec};
use crate::identify::Principal;

/// The most rules. Each costs every call some 10 ns at most when it is about something else.
pub const RULES_MAX: usize = 256;

/// The longest name that rules are asked of, in bytes: what common servers take as a URI. With rules, a longer one is denied
/// unread, so that no name makes a shard search for long.
pub const ITEM_BYTES_MAX: usize = 8192;

/// The operator's rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// In the operator's order.
    rules: Box<[Rule]>,
    default: Effect,
    depends_on_arguments: bool,
    depends_on_address: bool,
}

/// A rule of these [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(u16);

impl RuleId {
    /// Its place in the operator's list, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What is decided for a caller and an item before any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Every call is allowed, by the rule or by the default; a call with particular arguments may be by an earlier rule too.
    Allowed(Option<RuleId>),
    /// Every call is denied, by the rule or by the default.
    Denied(Option<RuleId>),
    /// It depends on the call: the item is in lists, and each call is decided.
    Depends,
}

impl Sight {
    /// Whether the item is in the caller's lists.
    pub fn is_visible(self) -> bool {
        !matches!(self, Sight::Denied(_))
    }
}

/// What is decided for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call is made.
    pub allowed: bool,
    /// The rule that decided; `None` is the default.
    pub rule: Option<RuleId>,
    /// The first rule whose condition could not be evaluated, if one mattered: a deny rule that denied for that, or an allow
    /// rule that did not apply for that.
    pub because: Option<Unevaluated>,
}

/// A rule whose condition has no answer for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unevaluated {
    /// The rule.
    pub rule: RuleId,
    /// Why there is no answer.
    pub failure: Failure,
}

impl Rules {
    /// No rules: everybody may see and do everything.
    pub fn empty() -> Rules {
        Rules { rules: Box::default(), default: Effect::Allow, depends_on_arguments: false, depends_on_address: false }
    }

    /// Compiles the operator's rules. Every mistake of every rule is reported, and with one there are no rules.
    pub fn compile(specs: Vec<RuleSpec>, default: Effect) -> Result<Rules, Vec<BadRule>> {
        let mut bad = Vec::new();
        if specs.len() > RULES_MAX {
            let problem = format!("{} rules; there may be {RULES_MAX}", specs.len());
            return Err(vec![BadRule { index: RULES_MAX, name: String::new(), field: "", problem }]);
        }
        let mut names = BTreeSet::new();
        let mut rules = Vec::with_capacity(specs.len());
        for (index, spec) in specs.into_iter().enumerate() {
            let name = spec.name.clone();
            if !names.insert(name.clone()) {
                let problem = "another rule has this name; names tell rules apart in logs and audit".to_owned();
                bad.push(BadRule { index, name, field: "name", problem });
            }
            rules.extend(Rule::compile(index, spec, &mut bad));
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        let reads = || rules.iter().filter_map(|rule| rule.condition.as_ref()).map(|condition| condition.reads());
        let depends_on_arguments = reads().any(|reads| reads.arguments);
        let depends_on_address = reads().any(|reads| reads.address);
        Ok(Rules { rules: rules.into(), default, depends_on_arguments, depends_on_address })
    }

    /// Whether there are none and everything is allowed, so that nobody need be asked.
    pub fn allow_everything(&self) -> bool {
        self.rules.is_empty() && self.default == Effect::Allow
    }

    /// Whether some condition asks for arguments. Otherwise any stand for all.
    pub fn depends_on_arguments(&self) -> bool {
        self.depends_on_arguments
    }

    /// Whether some condition asks for the caller's address.
    pub fn depends_on_address(&self) -> bool {
        self.depends_on_address
    }

    /// The name of a rule.
    pub fn rule_name(&self, id: RuleId) -> &str {
        self.rules.get(id.index()).map_or("", |rule| &rule.name)
    }

    /// What is decided for a caller and an item whatever the call: good for as long as the principal and these rules are.
    pub fn sees(&self, principal: &Principal, kind: Kind, name: &str) -> Sight {
        if self.denies_unread(name) {
            return Sight::Denied(None);
        }
        let arguments = Map::new();
        let facts = Facts { principal, kind, name, address: None, arguments: &arguments };
        let mut may_deny = false;
        let mut may_allow = false;
        let mut allowed_by = None;
        for (id, rule) in self.about(&facts) {
            let applies = match &rule.condition {
                Some(condition) if condition.is_dynamic() => None,
                Some(condition) => Some(condition.holds(&facts).unwrap_or(rule.effect == Effect::Deny)),
                None => Some(true),
            };
            match (rule.effect, applies) {
                (Effect::Deny, Some(true)) => return Sight::Denied(Some(id)),
                (Effect::Deny, None) => may_deny = true,
                (Effect::Allow, Some(true)) => allowed_by = allowed_by.or(Some(id)),
                (Effect::Allow, None) => may_allow = true,
                (_, Some(false)) => {}
            }
        }
        let is_allowed = allowed_by.is_some() || self.default == Effect::Allow;
        match is_allowed {
            true if may_deny => Sight::Depends,
            true => Sight::Allowed(allowed_by),
            false if may_allow => Sight::Depends,
            false => Sight::Denied(None),
        }
    }

    /// Decides a call.
    pub fn decide(
        &self,
        principal: &Principal,
        kind: Kind,
        name: &str,
        address: Option<IpAddr>,
        arguments: &Map<String, Value>,
    ) -> Decision {
        if self.denies_unread(name) {
            return Decision { allowed: false, rule: None, because: None };
        }
        let facts = Facts { principal, kind, name, address, arguments };
        let mut allowed_by = None;
        let mut because = None;
        for (id, rule) in self.about(&facts) {
            if rule.effect == Effect::Allow && allowed_by.is_some() {
                continue;
            }
            let holds = rule.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&facts));
            let unevaluated = |failure| Unevaluated { rule: id, failure };
            match (rule.effect, holds) {
                (Effect::Deny, Ok(true)) => return Decision { allowed: false, rule: Some(id), because: None },
                (Effect::Deny, Err(failure)) => {
                    return Decision { allowed: false, rule: Some(id), because: Some(unevaluated(failure)) };
                }
                (Effect::Allow, Ok(true)) => allowed_by = Some(id),
                (Effect::Allow, Err(failure)) => because = because.or(Some(unevaluated(failure))),
                (_, Ok(false)) => {}
            }
        }
        let allowed = allowed_by.is_some() || self.default == Effect::Allow;
        Decision { allowed, rule: allowed_by, because: because.filter(|_| !allowed) }
    }

    fn denies_unread(&self, name: &str) -> bool {
        name.len() > ITEM_BYTES_MAX && !self.rules.is_empty()
    }

    /// The rules whose lists fit, in order.
    fn about<'a>(&'a self, facts: &'a Facts<'a>) -> impl Iterator<Item = (RuleId, &'a Rule)> {
        let Facts { principal, kind, name, .. } = *facts;
        // There are at most `RULES_MAX`, so the count fits.
        (0u16..).map(RuleId).zip(&self.rules).filter(move |(_, rule)| rule.fits(principal, kind, name))
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::empty()
    }
}

const _: () = assert!(RULES_MAX <= u16::MAX as usize);
const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Rules>();
};
