//! Which cores the servers and the generator run on. Decides; moves nothing there.

use crate::cores;

/// Options that every measuring verb has.
#[derive(clap::Args, Clone, Debug)]
pub struct Cores {
    /// Cores for the server, like 0 or 0-3,8. Absent: the first this process may use.
    #[arg(long, value_name = "LIST", value_parser = list)]
    server_cpus: Option<List>,
    /// Cores for the generator, one thread each. Absent: the first that the server does not have.
    #[arg(long, value_name = "LIST", value_parser = list)]
    cpus: Option<List>,
}

/// A type of its own, since clap reads a bare `Vec` as an option that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List(Vec<usize>);

/// The outcome; the server's are empty where it is not ours to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub server: Vec<usize>,
    pub generator: Vec<usize>,
}

impl Cores {
    /// `is_ours`: the server is started by us, on a core of its own where there are two.
    pub fn resolve(&self, is_ours: bool) -> Result<Placed, String> {
        self.place(&cores::allowed()?, is_ours)
    }

    fn place(&self, allowed: &[usize], is_ours: bool) -> Result<Placed, String> {
        for list in [&self.server_cpus, &self.cpus].into_iter().flatten() {
            if let Some(cpu) = list.0.iter().find(|cpu| !allowed.contains(cpu)) {
                return Err(format!("core {cpu} is not one of those this process may use: {allowed:?}"));
            }
        }
        let first = |taken: &[usize]| allowed.iter().copied().find(|cpu| !taken.contains(cpu));
        let given = |list: &Option<List>| list.as_ref().map(|list| list.0.clone());
        let generator_given = given(&self.cpus);
        let server = match given(&self.server_cpus) {
            Some(server) => server,
            None if is_ours => first(generator_given.as_deref().unwrap_or(&[])).into_iter().collect(),
            None => Vec::new(),
        };
        let generator = match generator_given {
            Some(generator) => generator,
            None => first(&server).or_else(|| first(&[])).into_iter().collect(),
        };
        Ok(Placed { server, generator })
    }
}

fn list(text: &str) -> Result<List, String> {
    cores::parse(text).map(List)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_generator_keep_out_of_each_others_way() {
        #[track_caller]
        fn check(server: Option<&str>, generator: Option<&str>, allowed: &[usize], is_ours: bool, want: [&[usize]; 2]) {
            let list = |text: Option<&str>| text.map(|text| list(text).expect("it is a list"));
            let placed = Cores { server_cpus: list(server), cpus: list(generator) }.place(allowed, is_ours);
            assert_eq!(placed, Ok(Placed { server: want[0].into(), generator: want[1].into() }));
        }
        check(None, None, &[0, 1], true, [&[0], &[1]]);
        check(None, None, &[4, 5, 6], true, [&[4], &[5]]);
        check(None, Some("0"), &[0, 1], true, [&[1], &[0]]);
        check(Some("0-2"), None, &[0, 1, 2, 3], true, [&[0, 1, 2], &[3]]);
        check(None, None, &[0, 1], false, [&[], &[0]]);
        // One core: both share it, and the result says what it is worth.
        check(None, None, &[0], true, [&[0], &[0]]);
    }

    #[test]
    fn a_core_that_is_not_ours_is_named() {
        let cores = Cores { server_cpus: None, cpus: Some(List(vec![7])) };
        assert!(cores.place(&[0, 1], true).is_err_and(|why| why.contains('7')));
    }
}
