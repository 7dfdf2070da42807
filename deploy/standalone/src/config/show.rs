//! The configuration in force, key by key, with who said so; secrets as stars. It never changes anything.

use serde_json::{Map, Value as Json, json};

use super::problem::Origin;
use super::schema::json_of;
use super::{Config, InForce};

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// As a configuration file, with who said so in comments.
    #[default]
    Yaml,
    /// An object with a member for each key.
    Json,
    /// For people.
    Table,
}

/// The configuration as text.
pub fn text(config: &Config, format: Format) -> String {
    match format {
        Format::Yaml => yaml(&config.values),
        Format::Json => json(&config.values),
        Format::Table => table(&config.values),
    }
}

fn yaml(values: &[InForce]) -> String {
    let mut text = String::new();
    let mut open = None;
    for row in values {
        let (section, name) = row.key.parts();
        if let Some(section) = section.filter(|_| section != open) {
            text.push_str(&format!("{section}:\n"));
        }
        open = section;
        let indent = if section.is_some() { "  " } else { "" };
        text.push_str(&format!("{indent}{name}: {}  # {}\n", row.key.shown(row.value.as_ref()), row.origin));
    }
    text
}

fn json(values: &[InForce]) -> String {
    let member = |row: &InForce| {
        let source = match row.origin {
            Origin::Default => "default",
            Origin::Profile(_) => "profile",
            Origin::File { .. } => "file",
            Origin::Environment(_) => "environment",
            Origin::Flag(_) => "flag",
        };
        let shown = json!({
            "value": json_of(row.key, row.value.as_ref()),
            "source": source,
            "from": row.origin.to_string(),
            "live": row.key.live,
        });
        (row.key.path.to_owned(), shown)
    };
    let members: Map<String, Json> = values.iter().map(member).collect();
    format!("{:#}\n", Json::Object(members))
}

fn table(values: &[InForce]) -> String {
    let rows: Vec<[String; 3]> = std::iter::once(["KEY", "VALUE", "FROM"].map(String::from))
        .chain(
            values
                .iter()
                .map(|row| [row.key.path.to_owned(), row.key.shown(row.value.as_ref()), row.origin.to_string()]),
        )
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (key, value) = (width(0), width(1));
    rows.iter().map(|row| format!("{:key$}  {:value$}  {}\n", row[0], row[1], row[2])).collect()
}
