//! Tools that give back each kind of content.

use ringway_dataplane::{Content, ResourceContents, ServerBuilder, Tool, ToolDefinition, ToolResult, tool_fn};

/// A red picture of one pixel.
pub const PNG_BASE64: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A sound of one sample.
const WAV_BASE64: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    builder
        .tool(gives(
            "test_simple_text",
            "Gives back one text.",
            vec![Content::text("This is a simple text response for testing.")],
        ))
        .tool(gives("test_image_content", "Gives back a picture.", vec![Content::image(PNG_BASE64, "image/png")]))
        .tool(gives("test_audio_content", "Gives back a sound.", vec![Content::audio(WAV_BASE64, "audio/wav")]))
        .tool(gives(
            "test_embedded_resource",
            "Gives back a resource.",
            vec![Content::resource(ResourceContents::text(
                "test://embedded-resource",
                "text/plain",
                "This is an embedded resource content.",
            ))],
        ))
        .tool(gives(
            "test_multiple_content_types",
            "Gives back a text, a picture and a resource.",
            vec![
                Content::text("Multiple content types test:"),
                Content::image(PNG_BASE64, "image/png"),
                Content::resource(ResourceContents::text(
                    "test://mixed-content-resource",
                    "application/json",
                    r#"{"test":"data","value":123}"#,
                )),
            ],
        ))
}

fn gives(name: &str, description: &str, content: Vec<Content>) -> impl Tool {
    tool_fn(ToolDefinition::new(name, description), move |_arguments, _context| {
        let result = ToolResult::contents(content.clone());
        async move { Ok(result) }
    })
}
