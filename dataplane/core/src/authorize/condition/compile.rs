//! From the text of a condition to its compiled form, or to what its author has to fix. The grammar and its macros are the
//! crate `cel`'s. Everything is refused here that could not work in any call: names that nobody knows, patterns that are
//! not written out, and texts too large or too deep to run on a shard.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::parser::Parser;
use regex::RegexBuilder;

use super::Reads;
use super::names::{FUNCTIONS, ITEM_FIELDS, PRINCIPAL_FIELDS, VARIABLES};
use super::names::{binary, known_field, listed, unary, unknown_name, usage};
use super::node::{Binary, Fact, Fold, Node, Step, Unary};
use super::value::{List, Text, Value};

/// The longest condition: more than anybody reads.
pub(super) const TEXT_BYTES_MAX: usize = 4096;
/// The most nodes of one, counted as its macros are written out.
const NODES_MAX: usize = 512;
/// The deepest one. Evaluation takes a frame of the stack for each level.
const DEPTH_MAX: usize = 64;
/// How deep expressions may be bracketed in each other. The grammar's parser takes some ten frames for each level.
const BRACKETS_MAX: u16 = 32;
/// How deep loops may lie in each other: over a list, and over a list in each of its items.
pub(super) const LOOPS_MAX: usize = 2;
/// What a compiled pattern of `matches` may take, and its cache again.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// Compiles a condition; the error says what to fix.
pub(super) fn compile(text: &str) -> Result<(Node, Reads), String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("a condition of {} bytes; the longest has {TEXT_BYTES_MAX}", text.len()));
    }
    if text.trim().is_empty() {
        return Err("an empty condition; leave `when` out for a rule that always applies".to_owned());
    }
    let parser = Parser::new().max_recursion_depth(BRACKETS_MAX);
    let expression = parser.parse(text).map_err(|errors| match errors.errors.first() {
        Some(error) => format!("{} (line {}, column {})", error.msg, error.pos.0, error.pos.1),
        None => "not a CEL expression".to_owned(),
    })?;
    let mut compiler = Compiler { nodes: 0, depth: 0, loops: Vec::new(), reads: Reads::default() };
    let root = compiler.node(&expression)?;
    if !may_be_bool(&root) {
        return Err("this is never true or false; compare it with something".to_owned());
    }
    Ok((root, compiler.reads))
}

fn may_be_bool(node: &Node) -> bool {
    match node {
        Node::Constant(value) => matches!(value, Value::Bool(_)),
        Node::Text(_) | Node::Constants(_) | Node::List(_) | Node::Map(_) => false,
        Node::Fact(_) => false,
        Node::Unary(unary, _) => *unary == Unary::Not,
        Node::Binary(binary, _) => !matches!(binary, Binary::Number(_)),
        Node::Fold(fold) => matches!(fold.step, Step::Replace(_)),
        _ => true,
    }
}

/// The variables of a loop that the compiler is in.
struct Loop {
    item: Box<str>,
    sum: Box<str>,
    /// Whether the item is in force; behind the last item only the sum is.
    has_item: bool,
}

struct Compiler {
    nodes: usize,
    depth: usize,
    loops: Vec<Loop>,
    reads: Reads,
}

impl Compiler {
    fn node(&mut self, expression: &IdedExpr) -> Result<Node, String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("more than {NODES_MAX} operators, names and constants; split it into several rules"));
        }
        if self.depth >= DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} levels deep; split it into several rules"));
        }
        self.depth += 1;
        let node = match &expression.expr {
            Expr::Literal(literal) => constant(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.field(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(constants(items))
            }
            Expr::Map(map) => self.map(&map.entries.iter().map(|entry| &entry.expr).collect::<Vec<_>>()),
            Expr::Comprehension(comprehension) => self.fold(comprehension),
            Expr::Struct(message) => Err(format!("messages such as {:?} are not supported", message.type_name)),
            Expr::Unspecified => Err("an expression is missing".to_owned()),
        }?;
        self.depth -= 1;
        Ok(node)
    }

    fn boxed(&mut self, expression: &IdedExpr) -> Result<Box<Node>, String> {
        self.node(expression).map(Box::new)
    }

    fn pair(&mut self, [one, other]: [&IdedExpr; 2]) -> Result<Box<[Node; 2]>, String> {
        Ok(Box::new([self.node(one)?, self.node(other)?]))
    }

    /// Which local a name is, from the innermost loop outwards.
    fn local(&self, name: &str) -> Option<usize> {
        self.loops.iter().enumerate().rev().find_map(|(level, inner)| match name {
            _ if *inner.sum == *name => Some(2 * level + 1),
            _ if inner.has_item && *inner.item == *name => Some(2 * level),
            _ => None,
        })
    }

    fn variable(&mut self, name: &str) -> Result<Node, String> {
        if let Some(local) = self.local(name) {
            return Ok(Node::Local(local));
        }
        Ok(Node::Fact(match name {
            "args" => {
                self.reads.arguments = true;
                Fact::Arguments
            }
            "address" => {
                self.reads.address = true;
                Fact::Address
            }
            "principal" => return Err(format!("`principal` is used by its fields: {}", listed(&PRINCIPAL_FIELDS))),
            "item" => return Err(format!("`item` is used by its fields: {}", listed(&ITEM_FIELDS))),
            unknown => return Err(unknown_name("variable", unknown, &VARIABLES)),
        }))
    }

    fn field(&mut self, select: &SelectExpr) -> Result<Node, String> {
        let SelectExpr { operand, field, test } = select;
        if let Expr::Ident(name) = &operand.expr
            && self.local(name).is_none()
            && matches!(name.as_str(), "principal" | "item")
        {
            let fact = known_field(name, field)?;
            return Ok(if *test { Node::Constant(Value::Bool(true)) } else { Node::Fact(fact) });
        }
        let of = self.boxed(operand)?;
        let name = field.as_str().into();
        Ok(if *test { Node::Has { of, name } } else { Node::Field { of, name } })
    }

    fn map(&mut self, entries: &[&EntryExpr]) -> Result<Node, String> {
        let mut compiled = Vec::with_capacity(entries.len());
        for entry in entries {
            let EntryExpr::MapEntry(entry) = entry else {
                return Err("messages are not supported".to_owned());
            };
            compiled.push((self.node(&entry.key)?, self.node(&entry.value)?));
        }
        Ok(Node::Map(compiled.into()))
    }

    fn call(&mut self, call: &CallExpr) -> Result<Node, String> {
        let operands: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let (name, is_method) = (call.func_name.as_str(), call.target.is_some());
        match (name, operands.as_slice()) {
            (operators::LOGICAL_AND, &[one, other]) => return Ok(Node::And(self.pair([one, other])?)),
            (operators::LOGICAL_OR, &[one, other]) => return Ok(Node::Or(self.pair([one, other])?)),
            (operators::NOT_STRICTLY_FALSE, &[one]) => return Ok(Node::NotStrictlyFalse(self.boxed(one)?)),
            (operators::CONDITIONAL, &[test, one, other]) => {
                return Ok(Node::Choose(Box::new([self.node(test)?, self.node(one)?, self.node(other)?])));
            }
            ("matches", &[text, pattern]) => return self.matches(text, pattern),
            _ => {}
        }
        if let &[one] = operands.as_slice()
            && let Some(unary) = unary(name, is_method)
        {
            return Ok(Node::Unary(unary, self.boxed(one)?));
        }
        if let &[one, other] = operands.as_slice()
            && let Some(binary) = binary(name, is_method)
        {
            return Ok(Node::Binary(binary, self.pair([one, other])?));
        }
        if FUNCTIONS.contains(&name) {
            return Err(format!("`{name}` is called in another way, such as {}", usage(name)));
        }
        Err(unknown_name("function", name, &FUNCTIONS))
    }

    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr) -> Result<Node, String> {
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err("the pattern of `matches` must be written out, not computed".to_owned());
        };
        let pattern = RegexBuilder::new(pattern.inner())
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|error| format!("the pattern of `matches`: {error}"))?;
        Ok(Node::Matches { text: self.boxed(text)?, pattern: Box::new(pattern) })
    }

    fn fold(&mut self, comprehension: &ComprehensionExpr) -> Result<Node, String> {
        if comprehension.iter_var2.is_some() {
            return Err("loops over two variables are not supported".to_owned());
        }
        // What the loop runs over does not lie in it.
        let range = self.node(&comprehension.iter_range)?;
        let start = self.node(&comprehension.accu_init)?;
        let level = self.loops.len();
        if level >= LOOPS_MAX {
            return Err(format!("more than {LOOPS_MAX} loops (all, exists, exists_one, map, filter) in each other"));
        }
        let (item, sum) = (comprehension.iter_var.as_str().into(), comprehension.accu_var.as_str().into());
        self.loops.push(Loop { item, sum, has_item: true });
        let goes_on = self.node(&comprehension.loop_cond)?;
        let step = self.step(&comprehension.loop_step, &comprehension.accu_var)?;
        if let Some(innermost) = self.loops.last_mut() {
            innermost.has_item = false;
        }
        let result = self.node(&comprehension.result)?;
        self.loops.pop();
        Ok(Node::Fold(Box::new(Fold { range, start, goes_on, step, result, item: 2 * level, sum: 2 * level + 1 })))
    }

    /// `sum + [item]`, or `when ? sum + [item] : sum`, or anything else.
    fn step(&mut self, step: &IdedExpr, sum: &str) -> Result<Step, String> {
        if let Some(item) = appended(step, sum) {
            return Ok(Step::Append { when: None, item: self.node(item)? });
        }
        if let Expr::Call(call) = &step.expr
            && call.func_name == operators::CONDITIONAL
            && let [when, then, otherwise] = call.args.as_slice()
            && let Some(item) = appended(then, sum)
            && matches!(&otherwise.expr, Expr::Ident(name) if name == sum)
        {
            return Ok(Step::Append { when: Some(self.node(when)?), item: self.node(item)? });
        }
        self.node(step).map(Step::Replace)
    }
}

fn appended<'a>(step: &'a IdedExpr, sum: &str) -> Option<&'a IdedExpr> {
    let Expr::Call(call) = &step.expr else { return None };
    let [list, more] = call.args.as_slice() else { return None };
    let Expr::List(more) = &more.expr else { return None };
    let fits = call.func_name == operators::ADD && matches!(&list.expr, Expr::Ident(name) if name == sum);
    match more.elements.as_slice() {
        [item] if fits => Some(item),
        _ => None,
    }
}

fn constant(literal: &LiteralValue) -> Result<Node, String> {
    Ok(Node::Constant(match literal {
        LiteralValue::Boolean(bool) => Value::Bool(*bool.inner()),
        LiteralValue::Int(int) => Value::Int(*int.inner()),
        LiteralValue::UInt(uint) => Value::Uint(*uint.inner()),
        LiteralValue::Double(double) => Value::Double(*double.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(text) => return Ok(Node::Text(text.inner().into())),
        LiteralValue::Bytes(_) => return Err("bytes (b\"…\") are not supported; arguments are texts".to_owned()),
    }))
}

/// A list is built once when nothing in it can change.
fn constants(items: Vec<Node>) -> Node {
    if !items.iter().all(|item| matches!(item, Node::Constant(_) | Node::Text(_))) {
        return Node::List(items.into());
    }
    Node::Constants(
        items
            .into_iter()
            .map(|item| match item {
                Node::Constant(value) => value,
                Node::Text(text) => Value::Text(Text::Made(text.into())),
                _ => Value::List(List::Json(&[])),
            })
            .collect(),
    )
}
