//! How a server wants to be called, and a workload changed to that. Pure.

use crate::workload::{BodyLength, Era, Face, Operation, Share, Tls, Workload};

/// What differs from a server that behaves as Ringway does; the default is no difference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manners {
    pub path: Option<String>,
    pub era: Option<Era>,
    /// Name of the echo tool's argument.
    pub echo_argument: Option<String>,
    /// Answers everybody alike, whatever was asked.
    pub is_constant: bool,
    pub is_tls: bool,
}

impl Manners {
    pub fn suited(&self, workload: &Workload) -> Result<Workload, String> {
        let mut suited = workload.clone();
        let share_count = suited.clients.iter().map(|clients| clients.mix.len()).sum::<usize>();
        if self.is_constant && share_count > 1 {
            return Err(format!("it has one answer, and workload {} has {share_count} operations", workload.name));
        }
        for clients in &mut suited.clients {
            if clients.path.is_none() && clients.face != Face::Http {
                clients.path.clone_from(&self.path);
            }
            if let Some(era) = self.era
                && clients.face == Face::Mcp
                && !self.is_constant
            {
                clients.era = era;
            }
            if self.is_tls && clients.tls.is_none() {
                // A peer's certificate is made for the test, and so is trusted by nobody.
                clients.tls = Some(Tls { ca: None, server_name: None, verify: false, resume: true });
            }
            for share in &mut clients.mix {
                self.suit(share);
            }
        }
        Ok(suited)
    }

    fn suit(&self, share: &mut Share) {
        let is_echo = share.operation == Operation::Call && share.tool.as_deref().is_none_or(|tool| tool == "echo");
        if let Some(argument) = &self.echo_argument
            && is_echo
            && share.arguments.is_none()
        {
            let name = serde_json::Value::String(argument.clone());
            share.arguments = Some(format!(r#"{{{name}:"{{{{_text}}}}"}}"#));
        }
        if self.is_constant {
            share.expect.constant = true;
            // A length that somebody wrote down is another server's.
            if matches!(share.expect.body_bytes, Some(BodyLength::Exactly(_))) {
                share.expect.body_bytes = Some(BodyLength::First);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(text: &str) -> Workload {
        toml::from_str(text).unwrap()
    }

    fn echo() -> Workload {
        workload("name = 'echo'\n[[clients]]\n[[clients.mix]]\noperation = 'call'")
    }

    #[test]
    fn a_server_without_manners_gets_the_workload_as_it_is() {
        assert_eq!(Manners::default().suited(&echo()), Ok(echo()));
    }

    #[test]
    fn a_peers_manners_are_kept() {
        let manners = Manners {
            path: Some("/other".into()),
            era: Some(Era::Legacy),
            echo_argument: Some("message".into()),
            is_constant: false,
            is_tls: true,
        };
        let clients = &manners.suited(&echo()).unwrap().clients[0];
        assert_eq!(clients.path.as_deref(), Some("/other"));
        assert_eq!(clients.era, Era::Legacy);
        assert_eq!(clients.mix[0].arguments.as_deref(), Some(r#"{"message":"{{_text}}"}"#));
        assert!(clients.tls.as_ref().is_some_and(|tls| !tls.verify));
        assert!(!clients.mix[0].expect.constant);
    }

    /// Goal: what the workload says itself is not overruled.
    #[test]
    fn the_workload_has_the_last_word() {
        let manners =
            Manners { path: Some("/other".into()), echo_argument: Some("message".into()), ..Manners::default() };
        let own = workload("[[clients]]\npath = '/own'\n[[clients.mix]]\noperation = 'call'\narguments = '{}'");
        assert_eq!(manners.suited(&own), Ok(own.clone()));
        let tool = workload("[[clients]]\npath = '/own'\n[[clients.mix]]\noperation = 'call'\ntool = 'add'");
        assert_eq!(manners.suited(&tool), Ok(tool.clone()));
    }

    #[test]
    fn a_constant_is_expected_and_only_of_one_operation() {
        let manners = Manners { is_constant: true, ..Manners::default() };
        assert!(manners.suited(&echo()).unwrap().clients[0].mix[0].expect.constant);
        let mixed = workload(
            "name = 'mixed'\n[[clients]]\n[[clients.mix]]\noperation = 'call'\n[[clients.mix]]\noperation = 'list'",
        );
        assert!(manners.suited(&mixed).unwrap_err().contains("mixed has 2 operations"));
    }
}
