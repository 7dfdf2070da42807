//! Prompts: without and with arguments, with a resource, with a picture.

use ringway_dataplane::{
    Completer, Content, PromptArgument, PromptDefinition, PromptMessage, PromptResult, ResourceContents, Role,
    ServerBuilder, prompt_fn,
};

use crate::content::PNG_BASE64;

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    let completer: Completer = Box::new(|_argument, prefix| {
        let known = ["testValue1", "testValue2"];
        let fitting = known.into_iter().filter(|value| value.starts_with(prefix));
        fitting.map(str::to_owned).collect()
    });
    builder
        .prompt(prompt_fn(define("test_simple_prompt", "A prompt without arguments.", &[]), None, |_, _| async {
            Ok(from_user(vec![Content::text("This is a simple prompt for testing.")]))
        }))
        .prompt(prompt_fn(
            define("test_prompt_with_arguments", "A prompt with two arguments.", &["arg1", "arg2"]),
            Some(completer),
            |arguments, _| async move {
                Ok(from_user(vec![Content::text(format!(
                    "Prompt with arguments: arg1='{}', arg2='{}'",
                    arguments.str("arg1")?,
                    arguments.str("arg2")?
                ))]))
            },
        ))
        .prompt(prompt_fn(
            define("test_prompt_with_embedded_resource", "A prompt that holds a resource.", &["resourceUri"]),
            None,
            |arguments, _| async move {
                let contents = ResourceContents::text(
                    arguments.str("resourceUri")?,
                    "text/plain",
                    "Embedded resource content for testing.",
                );
                Ok(from_user(vec![
                    Content::resource(contents),
                    Content::text("Please process the embedded resource above."),
                ]))
            },
        ))
        .prompt(prompt_fn(
            define("test_prompt_with_image", "A prompt that holds a picture.", &[]),
            None,
            |_, _| async {
                Ok(from_user(vec![
                    Content::image(PNG_BASE64, "image/png"),
                    Content::text("Please analyze the image above."),
                ]))
            },
        ))
}

fn define(name: &str, description: &str, arguments: &[&str]) -> PromptDefinition {
    let argument = |name: &&str| PromptArgument {
        name: (*name).into(),
        description: Some(format!("The value of {name}.")),
        required: true,
    };
    PromptDefinition {
        name: name.into(),
        title: None,
        description: Some(description.into()),
        arguments: arguments.iter().map(argument).collect(),
    }
}

fn from_user(contents: Vec<Content>) -> PromptResult {
    let message = |content| PromptMessage { role: Role::User, content };
    PromptResult { description: None, messages: contents.into_iter().map(message).collect() }
}
