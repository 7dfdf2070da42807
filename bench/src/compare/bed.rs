//! The test bed: servers and generator on their cores, for real. Starts what it is asked to measure, and asks the load to
//! measure it. Never compares.

use std::net::TcpStream;
use std::time::Duration;

use crate::compare::figure::Sample;
use crate::compare::rounds::Measure;
use crate::load::{self, Plan, Target, Wait};
use crate::servers::{Prepared, Running};
use crate::wire::response::Answer;
use crate::wire::script::{Opened, Script};
use crate::wire::stamp::{COUNTER_FIRST, Digits};
use crate::workload::Workload;

/// For the one request whose answer a constant peer repeats.
const ANSWER_S_MAX: u64 = 10;
const READ_BYTES: usize = 64 * 1024;

pub struct Bed {
    sides: Vec<Prepared>,
    running: Vec<Option<Started>>,
    server_cpus: Vec<usize>,
    cpus: Vec<usize>,
}

struct Started {
    server: Running,
    /// Constant peers answer one workload only.
    workload: String,
}

impl Bed {
    pub fn new(sides: Vec<Prepared>, server_cpus: Vec<usize>, cpus: Vec<usize>) -> Self {
        let running = sides.iter().map(|_| None).collect();
        Self { sides, running, server_cpus, cpus }
    }

    /// Its index, for `measure`.
    pub fn add(&mut self, side: Prepared) -> usize {
        self.sides.push(side);
        self.running.push(None);
        self.sides.len() - 1
    }

    /// The side's server and its start, which is `None` where it ran already, or is not ours to start.
    fn running(&mut self, side: usize, workload: &Workload) -> Result<Option<Duration>, String> {
        let is_constant = self.sides[side].is_constant();
        if let Some(started) = &self.running[side]
            && (!is_constant || started.workload == workload.name)
        {
            return Ok(None);
        }
        self.running[side] = None;
        if is_constant {
            let answer = self.answer_for(workload)?;
            self.sides[side].answers_with(answer);
        }
        let (server, cold_start) = self.sides[side].start(&self.server_cpus)?;
        let cold_start = server.is_ours().then_some(cold_start);
        self.running[side] = Some(Started { server, workload: workload.name.clone() });
        Ok(cold_start)
    }

    /// What a side that is not constant answers: a yardstick is to answer as many bytes as what it stands beside.
    fn answer_for(&self, workload: &Workload) -> Result<Vec<u8>, String> {
        let Some(other) = self.sides.iter().position(|side| !side.is_constant()) else {
            return Err("only constant peers: one side has to be a server that answers by itself".into());
        };
        match &self.running[other] {
            Some(started) => first_answer(&self.sides[other].suited(workload)?, &started.server.target),
            None => answer_to(&self.sides[other], workload, &self.server_cpus),
        }
    }
}

impl Measure for Bed {
    fn end(&mut self, side: usize) {
        self.running[side] = None;
    }

    fn measure(&mut self, side: usize, workload: &Workload) -> Result<Sample, String> {
        let cold_start = self.running(side, workload)?;
        let suited = self.sides[side].suited(workload)?;
        let Some(Started { server, .. }) = &self.running[side] else {
            return Err(format!("{} does not run", self.sides[side].name()));
        };
        let plan = Plan { workload: suited, target: server.target.clone(), cpus: self.cpus.clone(), wait: Wait::Spin };
        // What it takes to connect is not a request's.
        let mut before = None;
        let mut outcome = load::run(&plan, &mut || before = server.usage(), &mut |_| {})
            .map_err(|why| format!("{}: {why}", self.sides[side].name()))?;
        server.check_alive()?;
        if let Some(before) = before {
            outcome.measured.server = server.used_since(before, outcome.measured.answer_count);
        }
        Ok(Sample::of(outcome, cold_start.map(|cold_start| cold_start.as_secs_f64() * 1e3)))
    }
}

/// What `server` answers, started for it: a constant peer measured alone is to answer as many bytes.
pub fn answer_to(server: &Prepared, workload: &Workload, cpus: &[usize]) -> Result<Vec<u8>, String> {
    let (running, _) = server.start(cpus)?;
    first_answer(&server.suited(workload)?, &running.target)
}

/// The body of the right answer to the workload's first request.
fn first_answer(workload: &Workload, target: &Target) -> Result<Vec<u8>, String> {
    let clients = workload.clients.first().ok_or_else(|| format!("workload {} has no clients", workload.name))?;
    if target.is_tls || clients.tls.is_some() {
        return Err("a constant peer cannot learn its answer from a server with TLS".into());
    }
    let mut script = Script::compile(clients, &target.authority)?;
    let world = |error: std::io::Error| format!("{}: {error}", target.authority);
    let mut stream = TcpStream::connect(target.addr).map_err(world)?;
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_S_MAX))).map_err(world)?;
    let mut read = vec![0; READ_BYTES];
    let mut opening = script.open(0);
    let mut out = Vec::new();
    let mut opened = opening.handle_bytes(&[])?;
    let peer = loop {
        match opened {
            Opened::Done(peer) => break peer,
            Opened::NotYet => {
                opening.poll_output(&mut out);
                let bytes = exchange(&mut stream, &mut out, &mut read).map_err(world)?;
                opened = opening.handle_bytes(bytes)?;
            }
        }
    };
    let digits = Digits::of(COUNTER_FIRST);
    let exchange_index = script.exchange_at(0);
    script.render(exchange_index, digits, &peer, &mut out);
    let mut inbox = script.inbox();
    loop {
        let bytes = exchange(&mut stream, &mut out, &mut read).map_err(world)?;
        let answer = inbox.handle_bytes(bytes).map_err(|malformed| format!("{}: {malformed:?}", target.authority))?;
        if let Some(answer) = answer {
            return right_body(&mut script, exchange_index, digits, &answer);
        }
    }
}

fn right_body(script: &mut Script, exchange: usize, digits: Digits, answer: &Answer<'_>) -> Result<Vec<u8>, String> {
    let body = answer.body.to_vec();
    script.check(exchange, digits, answer).map_err(|wrong| {
        format!("the first answer is wrong ({wrong:?}): {} {}", answer.status, String::from_utf8_lossy(&body))
    })?;
    Ok(body)
}

/// Writes what there is to write, and reads once.
fn exchange<'a>(stream: &mut TcpStream, out: &mut Vec<u8>, read: &'a mut [u8]) -> std::io::Result<&'a [u8]> {
    use std::io::{Error, ErrorKind, Read, Write};

    stream.write_all(out)?;
    out.clear();
    match stream.read(read)? {
        0 => Err(Error::new(ErrorKind::UnexpectedEof, "closed before it answered")),
        count => Ok(&read[..count]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::Spec;

    /// Goal: to connect to what runs already is no cold start, however quick.
    #[test]
    fn what_runs_already_has_no_cold_start() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let side = url.parse::<Spec>().unwrap().prepare(&mut |_| {}).unwrap();
        let mut bed = Bed::new(vec![side], Vec::new(), Vec::new());
        let workload = Workload::by_name_or_file("echo").unwrap();
        assert_eq!(bed.running(0, &workload), Ok(None));
    }
}
