//! Everything a server offers, checked and rendered once: an immutable snapshot that shards swap between requests. It
//! never runs a tool.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ringway_core::header_params::HeaderPlan;
use ringway_core::json::write;
use ringway_core::mcp::render::ServerIdentity;
use ringway_core::mcp::types::{PromptDefinition, ResourceDefinition, TemplateDefinition, ToolDefinition};
use ringway_core::mcp::{Era, Version, cursor, render};
use ringway_core::schema::Schema;
use ringway_core::uri_template::UriTemplate;

use crate::face::Rendered;
use crate::tool::{Prompt, Resource, ResourceTemplate, Tool, Variables};
use crate::tool_names::{ToolId, ToolNames};

/// How long a client may keep a list (2026-07-28): changes are announced, so this only bounds what a client misses.
const LIST_TTL_MS: u64 = 60_000;

/// Why something cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError(pub String);

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CatalogError {}

/// A tool, ready to be called.
pub struct ToolEntry {
    /// What it is.
    pub definition: ToolDefinition,
    /// Its code.
    pub tool: Arc<dyn Tool>,
    /// Checks arguments.
    pub input: Schema,
    /// Checks structured results.
    pub output: Option<Schema>,
    /// Headers that mirror arguments.
    pub headers: HeaderPlan,
    /// Whether legacy clients get the structured result under `result`.
    pub wraps_output: bool,
    /// What metrics know its name by.
    pub id: ToolId,
}

impl ToolEntry {
    /// Checks and compiles a tool's definition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(tool: Arc<dyn Tool>, names: &ToolNames) -> Result<Arc<ToolEntry>, CatalogError> {
        let definition = tool.definition();
        let name = &definition.name;
        let fail = |what: String| CatalogError(format!("tool `{name}`: {what}"));
        if !is_name(name) {
            return Err(fail("a name is 1 to 128 of A-Z a-z 0-9 _ . -".into()));
        }
        if definition.input_schema.get("type").and_then(serde_json::Value::as_str) != Some("object") {
            return Err(fail("the input schema must have \"type\": \"object\" at its root".into()));
        }
        let input = Schema::compile(&definition.input_schema).map_err(|e| fail(format!("input schema: {e}")))?;
        let output = definition.output_schema.as_ref().map(Schema::compile).transpose();
        let output = output.map_err(|e| fail(format!("output schema: {e}")))?;
        let headers = HeaderPlan::from_schema(&definition.input_schema).map_err(|e| fail(e.to_string()))?;
        let wraps_output = render::wraps_output(&definition);
        let id = names.id(name);
        Ok(Arc::new(ToolEntry { definition, tool, input, output, headers, wraps_output, id }))
    }
}

/// MCP 2025-11-25, "Tool names".
fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(good)
}

/// A resource, ready to be read.
pub struct ResourceEntry {
    /// What it is.
    pub definition: ResourceDefinition,
    /// Its code.
    pub resource: Arc<dyn Resource>,
}

/// A family of resources, ready to be read.
pub struct TemplateEntry {
    /// What it is.
    pub definition: TemplateDefinition,
    /// Matches URIs.
    pub template: UriTemplate,
    /// Its code.
    pub resources: Arc<dyn ResourceTemplate>,
}

/// A prompt, ready to be filled in.
pub struct PromptEntry {
    /// What it is.
    pub definition: PromptDefinition,
    /// Its code.
    pub prompt: Arc<dyn Prompt>,
}

/// What a catalog is made of, in the order in which it is listed.
#[derive(Clone, Default)]
pub struct Parts {
    /// Tools.
    pub tools: Vec<Arc<ToolEntry>>,
    /// Resources.
    pub resources: Vec<Arc<ResourceEntry>>,
    /// Families of resources.
    pub templates: Vec<Arc<TemplateEntry>>,
    /// Prompts.
    pub prompts: Vec<Arc<PromptEntry>>,
    /// Every name that a tool had.
    pub names: Arc<ToolNames>,
}

impl Parts {
    /// Adds a tool.
    ///
    /// # Errors
    /// When its definition is bad or its name is taken: names are never shadowed.
    pub fn add_tool(&mut self, tool: Arc<dyn Tool>) -> Result<(), CatalogError> {
        let entry = ToolEntry::new(tool, &self.names)?;
        refuse_twice("tool", &entry.definition.name, self.tools.iter().map(|tool| &tool.definition.name))?;
        self.tools.push(entry);
        Ok(())
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// When its URI is taken.
    pub fn add_resource(&mut self, resource: Arc<dyn Resource>) -> Result<(), CatalogError> {
        let definition = resource.definition();
        refuse_twice("resource", &definition.uri, self.resources.iter().map(|entry| &entry.definition.uri))?;
        self.resources.push(Arc::new(ResourceEntry { definition, resource }));
        Ok(())
    }

    /// Adds a family of resources.
    ///
    /// # Errors
    /// When its template is bad or taken.
    pub fn add_template(&mut self, resources: Arc<dyn ResourceTemplate>) -> Result<(), CatalogError> {
        let definition = resources.definition();
        let text = &definition.uri_template;
        refuse_twice("template", text, self.templates.iter().map(|entry| &entry.definition.uri_template))?;
        let template = UriTemplate::parse(text).map_err(|e| CatalogError(format!("template `{text}`: {e}")))?;
        self.templates.push(Arc::new(TemplateEntry { definition, template, resources }));
        Ok(())
    }

    /// Adds a prompt.
    ///
    /// # Errors
    /// When its name is taken.
    pub fn add_prompt(&mut self, prompt: Arc<dyn Prompt>) -> Result<(), CatalogError> {
        let definition = prompt.definition();
        refuse_twice("prompt", &definition.name, self.prompts.iter().map(|entry| &entry.definition.name))?;
        self.prompts.push(Arc::new(PromptEntry { definition, prompt }));
        Ok(())
    }
}

fn refuse_twice<'a>(kind: &str, name: &str, mut taken: impl Iterator<Item = &'a String>) -> Result<(), CatalogError> {
    if taken.any(|other| other == name) {
        return Err(CatalogError(format!("{kind} `{name}` is there already; names are not shadowed")));
    }
    Ok(())
}

/// The four lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
    /// `prompts/list`
    Prompts,
}

/// One list, rendered page by page as the members of its result.
struct Pages {
    legacy: Vec<Vec<u8>>,
    modern: Vec<Vec<u8>>,
    count: usize,
}

/// The snapshot.
pub struct Catalog {
    parts: Parts,
    tools_by_name: HashMap<String, usize>,
    pages: [Pages; 4],
    page_items_max: usize,
    faces: OnceLock<Rendered>,
}

impl Catalog {
    /// Renders `parts`. `generation` goes into cursors.
    pub fn new(parts: Parts, generation: u64, page_items_max: usize) -> Arc<Catalog> {
        let tools_by_name =
            parts.tools.iter().enumerate().map(|(index, tool)| (tool.definition.name.clone(), index)).collect();
        let paginate = |name: &str, legacy: Vec<Vec<u8>>, modern: Vec<Vec<u8>>| Pages {
            count: modern.len(),
            legacy: pages(name, legacy, generation, page_items_max, Era::Legacy),
            modern: pages(name, modern, generation, page_items_max, Era::Modern),
        };
        let tools = |version| parts.tools.iter().map(|tool| render::tool(&tool.definition, version)).collect();
        let plain = |name, items: Vec<Vec<u8>>| paginate(name, items.clone(), items);
        let pages = [
            paginate("tools", tools(Version::LEGACY_LATEST), tools(Version::V2026_07_28)),
            plain("resources", parts.resources.iter().map(|entry| text(&entry.definition)).collect()),
            plain("resourceTemplates", parts.templates.iter().map(|entry| text(&entry.definition)).collect()),
            plain("prompts", parts.prompts.iter().map(|entry| text(&entry.definition)).collect()),
        ];
        Arc::new(Catalog { parts, tools_by_name, pages, page_items_max, faces: OnceLock::new() })
    }

    /// What it is made of.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The place in [`Catalog::tools`] of the tool of that name.
    pub fn tool_index(&self, name: &str) -> Option<usize> {
        self.tools_by_name.get(name).copied()
    }

    /// The prompt of that name.
    pub fn prompt(&self, name: &str) -> Option<&Arc<PromptEntry>> {
        self.parts.prompts.iter().find(|entry| entry.definition.name == name)
    }

    /// The resource at that URI.
    pub fn resource(&self, uri: &str) -> Option<&Arc<ResourceEntry>> {
        self.parts.resources.iter().find(|entry| entry.definition.uri == uri)
    }

    /// The first family that has that URI, with what its template found in it.
    pub fn template(&self, uri: &str) -> Option<(&Arc<TemplateEntry>, Variables)> {
        self.parts.templates.iter().find_map(|entry| Some((entry, entry.template.matches(uri)?)))
    }

    /// The family with exactly that template.
    pub fn template_named(&self, uri_template: &str) -> Option<&Arc<TemplateEntry>> {
        self.parts.templates.iter().find(|entry| entry.definition.uri_template == uri_template)
    }

    /// The members of a list's page; `None` for a cursor that leads nowhere.
    pub fn page(&self, kind: ListKind, era: Era, from: Option<&str>) -> Option<&[u8]> {
        let pages = &self.pages[kind as usize];
        let index = match from {
            None => 0,
            Some(text) => {
                let item = cursor::read(text, pages.count)?;
                if item % self.page_items_max != 0 {
                    return None;
                }
                item / self.page_items_max
            }
        };
        let pages = if era == Era::Modern { &pages.modern } else { &pages.legacy };
        pages.get(index).map(Vec::as_slice)
    }

    /// Whether there are resources or families of them.
    pub fn has_resources(&self) -> bool {
        !self.parts.resources.is_empty() || !self.parts.templates.is_empty()
    }

    /// Whether there are prompts.
    pub fn has_prompts(&self) -> bool {
        !self.parts.prompts.is_empty()
    }

    /// All tools, in their order.
    pub fn tools(&self) -> &[Arc<ToolEntry>] {
        &self.parts.tools
    }

    /// What other faces show of the tools, when somebody has asked for it before.
    pub fn rendered(&self) -> Option<&Rendered> {
        self.faces.get()
    }

    /// The same, rendered once if nobody has. It takes milliseconds for hundreds of tools: not to be called on a shard.
    pub fn render(&self, identity: &ServerIdentity) -> &Rendered {
        self.faces.get_or_init(|| Rendered::new(self, identity))
    }

    /// The names of all tools.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.parts.tools.iter().map(|tool| tool.definition.name.as_str())
    }
}

fn text<T: serde::Serialize>(definition: &T) -> Vec<u8> {
    let mut out = Vec::new();
    write::value(&mut out, definition);
    out
}

fn pages(name: &str, items: Vec<Vec<u8>>, generation: u64, page_items_max: usize, era: Era) -> Vec<Vec<u8>> {
    let count = items.len();
    let mut pages = Vec::new();
    let mut start = 0;
    loop {
        let end = (start + page_items_max).min(count);
        let mut page = format!("\"{name}\":[").into_bytes();
        page.extend_from_slice(&items[start..end].join(&b","[..]));
        page.push(b']');
        if end < count {
            page.extend_from_slice(format!(",\"nextCursor\":\"{}\"", cursor::write(generation, end)).as_bytes());
        }
        if era == Era::Modern {
            page.extend_from_slice(format!(",\"ttlMs\":{LIST_TTL_MS},\"cacheScope\":\"private\"").as_bytes());
        }
        pages.push(page);
        if end == count {
            return pages;
        }
        start = end;
    }
}
