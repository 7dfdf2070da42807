//! What one operation of a mix may say: which keys go with it, and which operations a face has. Changes nothing.

use super::arguments;
use super::check::{Tell, request_target};
use super::model::{Face, Operation, Share};

/// Ringway takes bodies of 1 MiB by default, and so do most servers.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Sizes are taken in turn; each is rendered once, ahead of the load.
const TEXT_SIZES_MAX: usize = 64;

pub fn check(share: &Share, face: Face, path: &str, tell: &mut Tell<'_>) {
    let operation = share.operation;
    if !face.operations().contains(&operation) {
        let known: Vec<_> = face.operations().iter().map(|operation| operation.name()).collect();
        let what = format!("face `{}` has no `{}`; it has {}", face.name(), operation.name(), known.join(", "));
        tell(format!("{path}.operation"), what);
    }
    strangers(share, path, tell);
    texts(share, path, tell);
    if let Some(wrong) = share.arguments.as_deref().and_then(arguments::mistake) {
        tell(format!("{path}.arguments"), wrong);
    }
    if share.tool.as_ref().is_some_and(|tool| tool.is_empty() || tool.contains(char::is_control)) {
        tell(format!("{path}.tool"), "a tool's name is neither empty nor has control characters".to_owned());
    }
    if let Some(target) = &share.path {
        request_target(target, &format!("{path}.path"), tell);
    }
    if operation == Operation::Request && share.file.is_none() {
        tell(path.to_owned(), "operation `request` needs `file`, the HTTP/1.1 request to send".to_owned());
    }
    let expect = &share.expect;
    if let Some(status) = expect.status
        && !(200..=599).contains(&status)
    {
        tell(format!("{path}.expect.status"), format!("{status}; a final status is from 200 to 599"));
    }
    if expect.contains.iter().flatten().any(String::is_empty) {
        tell(format!("{path}.expect.contains"), "an empty text is in every body; take it out".to_owned());
    }
}

/// Keys that belong to other operations: they would have no effect, and whoever wrote them believes they have.
fn strangers(share: &Share, path: &str, tell: &mut Tell<'_>) {
    use Operation::{Call, Get, Request, Stream};
    let rows: [(&str, bool, &[Operation]); 6] = [
        ("tool", share.tool.is_some(), &[Call, Stream]),
        ("arguments", share.arguments.is_some(), &[Call, Stream]),
        ("text_bytes", !share.text_bytes.is_empty(), &[Call, Stream]),
        ("file", share.file.is_some(), &[Request]),
        ("path", share.path.is_some(), &[Get]),
        ("expect.events_min", share.expect.events_min.is_some(), &[Stream]),
    ];
    for (key, is_there, operations) in rows {
        if is_there && !operations.contains(&share.operation) {
            let names: Vec<_> = operations.iter().map(|operation| format!("`{}`", operation.name())).collect();
            let what = format!("goes with {} and not with `{}`", names.join(" and "), share.operation.name());
            tell(format!("{path}.{key}"), what);
        }
    }
}

fn texts(share: &Share, path: &str, tell: &mut Tell<'_>) {
    let sizes = &share.text_bytes;
    if sizes.len() > TEXT_SIZES_MAX {
        tell(format!("{path}.text_bytes"), format!("{} sizes; {TEXT_SIZES_MAX} at most", sizes.len()));
    }
    let low = arguments::COUNTER_DIGITS;
    for (index, bytes) in sizes.iter().enumerate().filter(|(_, bytes)| !(low..=TEXT_BYTES_MAX).contains(*bytes)) {
        let what = format!("{bytes} bytes; from {low}, for the counter, to {TEXT_BYTES_MAX} are possible");
        tell(format!("{path}.text_bytes[{index}]"), what);
    }
    let is_echo = share.tool.as_deref().is_none_or(|tool| tool == "echo");
    let takes_text = share.arguments.as_deref().map_or(is_echo, arguments::has_text);
    let calls = matches!(share.operation, Operation::Call | Operation::Stream);
    if calls && !sizes.is_empty() && !takes_text {
        let what = "has no effect without `{{_text}}` in `arguments`".to_owned();
        tell(format!("{path}.text_bytes"), what);
    }
}
