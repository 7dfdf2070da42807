//! What faces show of all tools, rendered once for each catalog and gone with it. It never looks at a request.

use ring::digest::{SHA256, digest};
use ringway_core::face::{openapi, rest};
use ringway_core::mcp::Version;
use ringway_core::mcp::render::{self, ServerIdentity};
use serde_json::{Map, Value};

use crate::catalog::Catalog;

/// A JSON text with its entity tag.
pub struct Text {
    /// The text.
    pub json: Vec<u8>,
    /// The tag, the same for the same text on every shard and replica.
    pub tag: String,
}

/// The texts.
pub struct Rendered {
    /// All tools.
    pub tools: Text,
    /// The OpenAPI document.
    pub openapi: Text,
}

impl Rendered {
    /// Renders what `catalog` offers.
    pub fn new(catalog: &Catalog, identity: &ServerIdentity) -> Rendered {
        let tools: Vec<Vec<u8>> =
            catalog.tools().iter().map(|entry| render::tool(&entry.definition, Version::V2026_07_28)).collect();
        let info: Value = serde_json::from_str(&identity.info).unwrap_or_default();
        let said = |member: &str| info.get(member).and_then(Value::as_str).unwrap_or("").to_owned();
        let nothing = Value::Object(Map::new());
        let listed = catalog.tools().iter().map(|entry| openapi::Listed {
            definition: &entry.definition,
            takes_nothing: entry.input.check(&nothing).is_ok(),
        });
        Rendered {
            tools: Text::new(rest::list(&tools)),
            openapi: Text::new(openapi::document(&said("name"), &said("version"), listed)),
        }
    }
}

impl Text {
    fn new(json: Vec<u8>) -> Text {
        const TAG_BYTES: usize = 12;
        let digest = digest(&SHA256, &json);
        let hex: String = digest.as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Text { json, tag: format!("\"{hex}\"") }
    }
}
