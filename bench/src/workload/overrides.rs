//! What the command line changes of a workload: the few things one varies from run to run. The result is checked as a
//! file is.

use super::check;
use super::model::{Face, Operation, Workload};
use super::problem::{Problem, Problems};

/// Absent is: as the workload says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub rate_rps: Option<u64>,
    /// Takes the workload's rate away.
    pub is_closed: bool,
    /// Of the one group there is.
    pub connections: Option<usize>,
    pub seconds: Option<f64>,
    pub warmup_s: Option<f64>,
    /// Added to every group's, or in place of the one of that name.
    pub headers: Vec<(String, String)>,
    /// Of the one group there is; on face `http`, of its `get`.
    pub path: Option<String>,
}

impl Workload {
    pub fn override_with(mut self, overrides: &Overrides) -> Result<Self, Problems> {
        let mut found = Vec::new();
        let file = self.name.clone();
        let mut tell = |path: String, what: String| found.push(Problem { file: file.clone(), place: None, path, what });

        if overrides.is_closed && overrides.rate_rps.is_some() {
            tell("load.rate_rps".to_owned(), "a closed loop has no rate; give one or the other".to_owned());
        }
        if overrides.is_closed {
            self.load.rate_rps = None;
        }
        self.load.rate_rps = overrides.rate_rps.or(self.load.rate_rps);
        self.load.seconds = overrides.seconds.unwrap_or(self.load.seconds);
        self.load.warmup_s = overrides.warmup_s.unwrap_or(self.load.warmup_s);
        for clients in &mut self.clients {
            for (header, value) in &overrides.headers {
                clients.headers.retain(|name, _| !name.eq_ignore_ascii_case(header));
                clients.headers.insert(header.clone(), value.clone());
            }
        }
        if overrides.connections.is_some() || overrides.path.is_some() {
            self.override_group(overrides, &mut tell);
        }
        check::check(&self, &mut tell);
        if found.is_empty() { Ok(self) } else { Err(Problems(found)) }
    }

    fn override_group(&mut self, overrides: &Overrides, tell: &mut check::Tell<'_>) {
        let [clients] = self.clients.as_mut_slice() else {
            let which = if overrides.path.is_some() { "path" } else { "connections" };
            let what = format!(
                "has {} groups of clients, and `{which}` does not say which; change it in a copy of the file",
                self.clients.len()
            );
            return tell("clients".to_owned(), what);
        };
        clients.connections = overrides.connections.unwrap_or(clients.connections);
        let Some(path) = &overrides.path else { return };
        if clients.face != Face::Http {
            clients.path = Some(path.clone());
            return;
        }
        let mut gets = clients.mix.iter_mut().filter(|share| share.operation == Operation::Get);
        match (gets.next(), gets.next()) {
            (Some(get), None) => get.path = Some(path.clone()),
            _ => tell("clients[0].mix".to_owned(), "`path` is for a mix with exactly one `get`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(name: &str) -> Workload {
        Workload::by_name_or_file(name).expect("it is built in")
    }

    #[test]
    fn what_is_given_replaces_and_the_rest_stays() {
        let overrides = Overrides {
            rate_rps: Some(500),
            connections: Some(3),
            seconds: Some(0.5),
            warmup_s: Some(0.0),
            headers: vec![("X-A".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())],
            path: Some("/other".to_owned()),
            ..Overrides::default()
        };
        let got = built_in("echo").override_with(&overrides).expect("all of it is possible");
        assert_eq!((got.load.rate_rps, got.load.seconds, got.load.warmup_s), (Some(500), 0.5, 0.0));
        let clients = &got.clients[0];
        assert_eq!((clients.connections, clients.path.as_deref()), (3, Some("/other")));
        assert_eq!(clients.headers.iter().collect::<Vec<_>>(), [(&"x-a".to_owned(), &"2".to_owned())]);
        assert_eq!(clients.mix, built_in("echo").clients[0].mix);

        let got = built_in("get").override_with(&overrides).expect("all of it is possible");
        assert_eq!((got.clients[0].mix[0].path.as_deref(), got.clients[0].path.as_deref()), (Some("/other"), None));
        let nothing = built_in("agents").override_with(&Overrides::default());
        assert_eq!(nothing, Ok(built_in("agents")));
        let closed = Overrides { is_closed: true, ..Overrides::default() };
        assert_eq!(built_in("open-10k").override_with(&closed).map(|workload| workload.load.rate_rps), Ok(None));
    }

    #[test]
    fn what_cannot_be_is_named() {
        #[track_caller]
        fn check(name: &str, overrides: &Overrides, want: &str) {
            let found = built_in(name).override_with(overrides).expect_err(want).to_string();
            assert!(found.contains(want), "{found}");
        }
        let default = Overrides::default;
        check("agents", &Overrides { connections: Some(9), ..default() }, "`connections` does not say which");
        check("agents", &Overrides { path: Some("/x".into()), ..default() }, "`path` does not say which");
        check("echo", &Overrides { connections: Some(0), ..default() }, "clients[0].connections: 0 connections");
        check("echo", &Overrides { path: Some("x".into()), ..default() }, "must begin with `/`");
        check("echo", &Overrides { seconds: Some(f64::NAN), ..default() }, "load.seconds: NaN s");
        check("echo", &Overrides { is_closed: true, rate_rps: Some(1), ..default() }, "a closed loop has no rate");
        let header = ("X\r\nY".to_owned(), String::new());
        check("echo", &Overrides { headers: vec![header], ..default() }, "is no header name");
    }
}
