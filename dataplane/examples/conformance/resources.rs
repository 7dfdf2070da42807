//! Resources: text, bytes, one to follow, and a family behind a template.

use ringway_dataplane::{
    Resource, ResourceContents, ResourceDefinition, ServerBuilder, TemplateDefinition, resource_fn, template_fn,
};
use serde_json::json;

use crate::content::PNG_BASE64;

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    builder
        .resource(constant(
            "Static text",
            ResourceContents::text(
                "test://static-text",
                "text/plain",
                "This is the content of the static text resource.",
            ),
        ))
        .resource(constant("Static bytes", ResourceContents::blob("test://static-binary", "image/png", PNG_BASE64)))
        .resource(constant(
            "Resource to follow",
            ResourceContents::text("test://watched-resource", "text/plain", "Nothing yet."),
        ))
        .template(template_fn(
            TemplateDefinition {
                uri_template: "test://template/{id}/data".into(),
                name: "Data by id".into(),
                description: Some("Data made up for any id.".into()),
                mime_type: Some("application/json".into()),
                ..TemplateDefinition::default()
            },
            None,
            |uri, variables, _context| async move {
                let id = variables.into_iter().find(|(name, _)| name == "id");
                Ok(id.map(|(_, id)| vec![data_of(&uri, &id)]))
            },
        ))
}

fn constant(name: &str, contents: ResourceContents) -> impl Resource {
    let definition = ResourceDefinition {
        uri: contents.uri.clone(),
        name: name.into(),
        mime_type: contents.mime_type.clone(),
        ..ResourceDefinition::default()
    };
    resource_fn(definition, move |_context| {
        let contents = vec![contents.clone()];
        async move { Ok(contents) }
    })
}

fn data_of(uri: &str, id: &str) -> ResourceContents {
    let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
    ResourceContents::text(uri, "application/json", data.to_string())
}
