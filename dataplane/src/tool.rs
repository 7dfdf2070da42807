//! The library face: what a tool, a resource and a prompt must offer. Implement the traits, or wrap a closure with
//! [`tool_fn`] and its like. It never sees a connection or a revision.

use std::future::Future;
use std::pin::Pin;

use ringway_core::mcp::RpcError;
use ringway_core::mcp::types::{
    Content, PromptDefinition, PromptResult, ResourceContents, ResourceDefinition, TemplateDefinition, ToolDefinition,
    ToolResult,
};
use serde_json::{Map, Value};

use crate::context::Context;

/// A future that stays on its shard: it may hold `Rc` and await glommio I/O.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A tool. One value serves all shards, so it is `Sync`; its futures are not moved between threads.
///
/// A call runs on the shard that took the request. It must not block the thread: use `glommio::executor()
/// .spawn_blocking` for that. It is dropped when the client cancels or leaves (2026-07-28), or its time is up.
pub trait Tool: Send + Sync + 'static {
    /// Name, description, schemas. Asked once, when the tool is added.
    fn definition(&self) -> ToolDefinition;

    /// Does the work. `arguments` satisfy the input schema.
    ///
    /// In 2026-07-28 a question ([`Context::ask`]) ends the call and the client calls again with the answer, so that
    /// the code before a question may run once for every round and should have no effect that repeats.
    fn call<'a>(&'a self, arguments: Arguments, context: Context) -> LocalFuture<'a, Result<ToolResult, ToolError>>;

    /// The same tool as one that answers at once, when it is such. Where nothing more is asked for than an answer it is
    /// called that way, which allocates nothing.
    fn at_once(&self) -> Option<&dyn AtOnce> {
        None
    }
}

/// A tool that only computes: it waits for nothing, asks nobody, and gives back texts. See [`text_fn`].
pub trait AtOnce {
    /// Does the work. `arguments` satisfy the input schema, and serve the next call when this one is done.
    ///
    /// # Errors
    /// As [`Tool::call`]. What was given before is not sent then.
    fn answer(&self, arguments: &Arguments, texts: &mut Texts<'_>) -> Result<(), ToolError>;
}

/// Where a tool that answers at once gives its texts.
pub struct Texts<'t>(pub(crate) &'t mut dyn FnMut(&str));

impl Texts<'_> {
    /// Gives one more.
    pub fn give(&mut self, text: &str) {
        (self.0)(text);
    }
}

/// A resource at a fixed URI.
pub trait Resource: Send + Sync + 'static {
    /// URI, name, description.
    fn definition(&self) -> ResourceDefinition;
    /// Reads it.
    fn read<'a>(&'a self, context: Context) -> LocalFuture<'a, Result<Vec<ResourceContents>, ToolError>>;
}

/// What a template found in a URI: names and values, percent-decoded. A value may be anything, `..` and `/` included.
pub type Variables = Vec<(String, String)>;

/// A family of resources.
pub trait ResourceTemplate: Send + Sync + 'static {
    /// URI template, name, description.
    fn definition(&self) -> TemplateDefinition;
    /// Reads the member at `uri`; `variables` are what the template found in it. `Ok(None)`: there is no such resource.
    fn read<'a>(
        &'a self,
        uri: String,
        variables: Variables,
        context: Context,
    ) -> LocalFuture<'a, Result<Option<Vec<ResourceContents>>, ToolError>>;
    /// Values for `variable` that begin with `prefix`.
    fn complete(&self, _variable: &str, _prefix: &str) -> Vec<String> {
        Vec::new()
    }
}

/// A prompt.
pub trait Prompt: Send + Sync + 'static {
    /// Name, description, arguments.
    fn definition(&self) -> PromptDefinition;
    /// Fills it in. Required arguments are present.
    fn fill<'a>(&'a self, arguments: Arguments, context: Context) -> LocalFuture<'a, Result<PromptResult, ToolError>>;
    /// Values for `argument` that begin with `prefix`.
    fn complete(&self, _argument: &str, _prefix: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Completes arguments of prompts and templates that were made from closures: `(argument, prefix) -> values`.
pub type Completer = Box<dyn Fn(&str, &str) -> Vec<String> + Send + Sync>;

/// Why a call gives no result.
#[derive(Clone, Debug)]
pub enum ToolError {
    /// It failed; the model gets the text as an `isError` result.
    Failed(String),
    /// A JSON-RPC error.
    Rpc(RpcError),
    /// The client lacks a capability, given in the shape of MCP `ClientCapabilities`.
    Unsupported(Value),
    /// The client was asked and will call again. Made by [`Context::ask`]; pass it on with `?`.
    InputRequired,
}

impl ToolError {
    /// A failure that the model should see.
    pub fn failed(text: impl Into<String>) -> ToolError {
        ToolError::Failed(text.into())
    }
}

impl From<RpcError> for ToolError {
    fn from(error: RpcError) -> ToolError {
        ToolError::Rpc(error)
    }
}

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub struct Arguments(pub Map<String, Value>);

impl Arguments {
    /// The argument as text.
    ///
    /// # Errors
    /// An `isError` result that names the argument.
    pub fn str(&self, name: &str) -> Result<&str, ToolError> {
        self.0.get(name).and_then(Value::as_str).ok_or_else(|| ToolError::failed(format!("`{name}` must be a string")))
    }

    /// The argument, when it is there.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The argument as a whole number: `300.0` is one, as JSON Schema has it.
    ///
    /// # Errors
    /// An `isError` result that names the argument.
    pub fn integer(&self, name: &str) -> Result<i64, ToolError> {
        // Beyond 2^53 a number with a point may have been another one.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let whole = |value: &f64| value.fract() == 0.0 && value.abs() <= EXACT_MAX;
        let value = self
            .0
            .get(name)
            .and_then(|value| value.as_i64().or_else(|| value.as_f64().filter(whole).map(|value| value as i64)));
        value.ok_or_else(|| ToolError::failed(format!("`{name}` must be a whole number")))
    }

    /// The argument as a number.
    ///
    /// # Errors
    /// An `isError` result that names the argument.
    pub fn number(&self, name: &str) -> Result<f64, ToolError> {
        let value = self.0.get(name).and_then(Value::as_f64);
        value.ok_or_else(|| ToolError::failed(format!("`{name}` must be a number")))
    }

    /// All arguments as a type of yours.
    ///
    /// # Errors
    /// An `isError` result that says what does not fit.
    pub fn parse<T: serde::de::DeserializeOwned>(self) -> Result<T, ToolError> {
        serde_json::from_value(Value::Object(self.0)).map_err(|error| ToolError::failed(error.to_string()))
    }
}

/// A tool from a definition and an async closure.
pub fn tool_fn<F, Fut>(definition: ToolDefinition, call: F) -> impl Tool
where
    F: Fn(Arguments, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<ToolResult, ToolError>> + 'static,
{
    struct ToolFn<F>(ToolDefinition, F);
    impl<F, Fut> Tool for ToolFn<F>
    where
        F: Fn(Arguments, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ToolResult, ToolError>> + 'static,
    {
        fn definition(&self) -> ToolDefinition {
            self.0.clone()
        }
        fn call<'a>(
            &'a self,
            arguments: Arguments,
            context: Context,
        ) -> LocalFuture<'a, Result<ToolResult, ToolError>> {
            Box::pin((self.1)(arguments, context))
        }
    }
    ToolFn(definition, call)
}

/// A tool from a definition and a closure that answers at once with texts. It must not block, nor compute for long.
pub fn text_fn<F>(definition: ToolDefinition, answer: F) -> impl Tool
where
    F: Fn(&Arguments, &mut Texts<'_>) -> Result<(), ToolError> + Send + Sync + 'static,
{
    struct TextFn<F>(ToolDefinition, F);
    impl<F> AtOnce for TextFn<F>
    where
        F: Fn(&Arguments, &mut Texts<'_>) -> Result<(), ToolError> + Send + Sync + 'static,
    {
        fn answer(&self, arguments: &Arguments, texts: &mut Texts<'_>) -> Result<(), ToolError> {
            (self.1)(arguments, texts)
        }
    }
    impl<F> Tool for TextFn<F>
    where
        F: Fn(&Arguments, &mut Texts<'_>) -> Result<(), ToolError> + Send + Sync + 'static,
    {
        fn definition(&self) -> ToolDefinition {
            self.0.clone()
        }
        fn call<'a>(&'a self, arguments: Arguments, _: Context) -> LocalFuture<'a, Result<ToolResult, ToolError>> {
            Box::pin(async move {
                let mut content = Vec::new();
                self.answer(&arguments, &mut Texts(&mut |text| content.push(Content::text(text))))?;
                Ok(ToolResult::contents(content))
            })
        }
        fn at_once(&self) -> Option<&dyn AtOnce> {
            Some(self)
        }
    }
    TextFn(definition, answer)
}

/// A resource from a definition and an async closure.
pub fn resource_fn<F, Fut>(definition: ResourceDefinition, read: F) -> impl Resource
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<ResourceContents>, ToolError>> + 'static,
{
    struct ResourceFn<F>(ResourceDefinition, F);
    impl<F, Fut> Resource for ResourceFn<F>
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<ResourceContents>, ToolError>> + 'static,
    {
        fn definition(&self) -> ResourceDefinition {
            self.0.clone()
        }
        fn read<'a>(&'a self, context: Context) -> LocalFuture<'a, Result<Vec<ResourceContents>, ToolError>> {
            Box::pin((self.1)(context))
        }
    }
    ResourceFn(definition, read)
}

/// A template from a definition, optionally a completer of its variables, and an async closure over the URI and its
/// variables.
pub fn template_fn<F, Fut>(
    definition: TemplateDefinition,
    completer: Option<Completer>,
    read: F,
) -> impl ResourceTemplate
where
    F: Fn(String, Variables, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Vec<ResourceContents>>, ToolError>> + 'static,
{
    struct TemplateFn<F>(TemplateDefinition, Option<Completer>, F);
    impl<F, Fut> ResourceTemplate for TemplateFn<F>
    where
        F: Fn(String, Variables, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Vec<ResourceContents>>, ToolError>> + 'static,
    {
        fn definition(&self) -> TemplateDefinition {
            self.0.clone()
        }
        fn read<'a>(
            &'a self,
            uri: String,
            variables: Variables,
            context: Context,
        ) -> LocalFuture<'a, Result<Option<Vec<ResourceContents>>, ToolError>> {
            Box::pin((self.2)(uri, variables, context))
        }
        fn complete(&self, variable: &str, prefix: &str) -> Vec<String> {
            self.1.as_ref().map_or_else(Vec::new, |completer| completer(variable, prefix))
        }
    }
    TemplateFn(definition, completer, read)
}

/// A prompt from a definition, an async closure, and optionally a completer of its arguments.
pub fn prompt_fn<F, Fut>(definition: PromptDefinition, completer: Option<Completer>, fill: F) -> impl Prompt
where
    F: Fn(Arguments, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<PromptResult, ToolError>> + 'static,
{
    struct PromptFn<F>(PromptDefinition, Option<Completer>, F);
    impl<F, Fut> Prompt for PromptFn<F>
    where
        F: Fn(Arguments, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<PromptResult, ToolError>> + 'static,
    {
        fn definition(&self) -> PromptDefinition {
            self.0.clone()
        }
        fn fill<'a>(
            &'a self,
            arguments: Arguments,
            context: Context,
        ) -> LocalFuture<'a, Result<PromptResult, ToolError>> {
            Box::pin((self.2)(arguments, context))
        }
        fn complete(&self, argument: &str, prefix: &str) -> Vec<String> {
            self.1.as_ref().map_or_else(Vec::new, |completer| completer(argument, prefix))
        }
    }
    PromptFn(definition, completer, fill)
}
