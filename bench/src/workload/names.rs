//! What reports call a workload, its groups and its operations, where nobody gave a name.

use std::collections::BTreeSet;

use super::model::{Clients, Era, Face, Operation, Share, Workload};

impl Face {
    /// As TOML has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::WebSocket => "web_socket",
            Self::Rest => "rest",
            Self::Command => "command",
            Self::Http => "http",
        }
    }

    /// What can be asked of it.
    pub fn operations(self) -> &'static [Operation] {
        use Operation::{Call, Discover, Get, List, Request, Stream};
        match self {
            Self::Mcp | Self::WebSocket => &[Discover, List, Call, Stream],
            Self::Rest => &[List, Call],
            Self::Command => &[Call],
            Self::Http => &[Get, Request],
        }
    }

    /// The eras differ in MCP alone.
    pub fn has_eras(self) -> bool {
        matches!(self, Self::Mcp | Self::WebSocket)
    }
}

impl Era {
    /// As TOML has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Legacy => "legacy",
        }
    }
}

impl Operation {
    /// As TOML has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::List => "list",
            Self::Call => "call",
            Self::Stream => "stream",
            Self::Get => "get",
            Self::Request => "request",
        }
    }
}

/// Names whatever has no name. Names that were given stay; a made one that is taken gets a number.
pub fn fill(workload: &mut Workload, name: &str) {
    if workload.name.is_empty() {
        let file = name.rsplit('/').next().unwrap_or(name);
        file.strip_suffix(".toml").unwrap_or(file).clone_into(&mut workload.name);
    }
    fill_each(&mut workload.clients, |clients| &mut clients.name, of_clients);
    for clients in &mut workload.clients {
        fill_each(&mut clients.mix, |share| &mut share.name, of_share);
    }
}

fn fill_each<T>(items: &mut [T], name_of: fn(&mut T) -> &mut String, made_of: fn(&T) -> String) {
    let mut taken: BTreeSet<String> = items.iter_mut().map(|item| name_of(item).clone()).collect();
    for item in items {
        if name_of(item).is_empty() {
            let made = made_of(item);
            let numbered = (2..).map(|number| format!("{made} {number}"));
            let free = std::iter::once(made.clone()).chain(numbered).find(|name| !taken.contains(name));
            // The numbers never run out.
            *name_of(item) = free.unwrap_or(made);
            taken.insert(name_of(item).clone());
        }
    }
}

fn of_clients(clients: &Clients) -> String {
    let face = clients.face.name();
    if clients.face.has_eras() { format!("{face} {}", clients.era.name()) } else { face.to_owned() }
}

fn of_share(share: &Share) -> String {
    let operation = share.operation.name();
    match share.operation {
        Operation::Call | Operation::Stream => {
            let sizes: Vec<String> = share.text_bytes.iter().map(usize::to_string).collect();
            let sizes = if sizes.is_empty() { String::new() } else { format!(" {} B", sizes.join("/")) };
            format!("{operation} {}{sizes}", share.tool.as_deref().unwrap_or("echo"))
        }
        Operation::Get => format!("{operation} {}", share.path.as_deref().unwrap_or("/livez")),
        Operation::Request => {
            let file = share.file.as_deref().and_then(|file| file.file_name());
            format!("{operation} {}", file.unwrap_or_default().to_string_lossy())
        }
        Operation::Discover | Operation::List => operation.to_owned(),
    }
}
