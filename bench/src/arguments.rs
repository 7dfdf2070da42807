//! The command line, parsed once into a `Plan`. Reads the request file; touches nothing else.

use std::net::SocketAddr;
use std::time::Duration;

use lexopt::prelude::*;

use crate::connection::Dial;
use crate::expect::{BodyBytes, Expect, Needle};
use crate::preset::Preset;
use crate::request::{Request, parse_header};

pub const USAGE: &str = "\
ringway-bench load --addr IP:PORT (--preset NAME | --request FILE) [options]   put load on a server, check every answer
ringway-bench request --addr IP:PORT (--preset NAME | --request FILE)          print the request as it goes on the wire

what to send
  --preset NAME               echo-modern, echo-legacy or get
  --request FILE              an HTTP/1.1 request; {{_counter}} in it becomes 12 digits, another number each time;
                              Host and Content-Length are added if absent
  --target PATH               instead of the preset's /mcp or /livez
  --echo-argument NAME        of the echo tool, default text
  --header 'NAME: VALUE'      one more header, any number of times

how much
  --connections N             default 64; each has at most one request in flight
  --rate N                    open loop, N requests a second, latency counted from when each was due;
                              absent: closed loop, each connection asks again once answered
  --seconds S                 measured, default 10
  --warmup-s S                before that, checked and not measured, default 1
  --cpu N                     run on this core only
  --wait spin|sleep           between events; default spin, which takes a whole core and wakes nobody late

what a right answer is (presets bring their own)
  --expect-status N           default 200
  --expect-body-contains TEXT any number of times; {{_counter}} is the request's number; replaces the preset's checks
  --expect-body-bytes N|first|any
                              first: all as long as the first right one

  --json                      one JSON object on stdout

exit code: 0 every answer right; 1 wrong, missing or no answers; 2 could not run
";

const CONNECTIONS_MAX: usize = 16_384;
const RUN_SECONDS_MAX: f64 = 86_400.0;

#[derive(Debug)]
pub enum Command {
    Help,
    Load(Box<Plan>),
    Request(Box<Plan>),
}

/// Everything a run needs to know; nothing in it changes while it runs.
#[derive(Clone, Debug)]
pub struct Plan {
    pub dial: Dial,
    pub expect: Expect,
    /// The preset's name or the file's, for the report.
    pub what: String,
    pub connections: usize,
    /// `None`: closed loop.
    pub rate_rps: Option<u64>,
    pub measured: Duration,
    pub warmup: Duration,
    pub cpu: Option<usize>,
    pub wait: Wait,
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Spin,
    Sleep,
}

pub fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let command = match parser.next().map_err(text)? {
        Some(Value(command)) if command == "load" || command == "request" => command,
        Some(Long("help") | Short('h')) => return Ok(Command::Help),
        _ => return Err("say `load` or `request`".into()),
    };
    match Options::read(&mut parser)? {
        None => Ok(Command::Help),
        Some(options) if command == "load" => Ok(Command::Load(Box::new(options.plan()?))),
        Some(options) => Ok(Command::Request(Box::new(options.plan()?))),
    }
}

/// The options as given, before they are held against one another.
struct Options {
    addr: Option<SocketAddr>,
    preset: Option<String>,
    request_path: Option<String>,
    target: Option<String>,
    echo_argument: String,
    headers: Vec<(String, String)>,
    connections: usize,
    rate_rps: Option<u64>,
    seconds: f64,
    warmup_s: f64,
    cpu: Option<usize>,
    wait: Wait,
    expect_status: Option<u16>,
    expect_contains: Vec<String>,
    expect_body_bytes: Option<BodyBytes>,
    json: bool,
}

impl Options {
    fn read(parser: &mut lexopt::Parser) -> Result<Option<Self>, String> {
        let mut options = Self {
            addr: None,
            preset: None,
            request_path: None,
            target: None,
            echo_argument: "text".into(),
            headers: Vec::new(),
            connections: 64,
            rate_rps: None,
            seconds: 10.0,
            warmup_s: 1.0,
            cpu: None,
            wait: Wait::Spin,
            expect_status: None,
            expect_contains: Vec::new(),
            expect_body_bytes: None,
            json: false,
        };
        while let Some(argument) = parser.next().map_err(text)? {
            match argument {
                Long("help") | Short('h') => return Ok(None),
                Long("addr") => options.addr = Some(value(parser, "--addr")?),
                Long("preset") => options.preset = Some(value(parser, "--preset")?),
                Long("request") => options.request_path = Some(value(parser, "--request")?),
                Long("target") => options.target = Some(value(parser, "--target")?),
                Long("echo-argument") => options.echo_argument = value(parser, "--echo-argument")?,
                Long("header") => options.headers.push(parse_header(&value::<String>(parser, "--header")?)?),
                Long("connections") => options.connections = value(parser, "--connections")?,
                Long("rate") => options.rate_rps = Some(value(parser, "--rate")?),
                Long("seconds") => options.seconds = value(parser, "--seconds")?,
                Long("warmup-s") => options.warmup_s = value(parser, "--warmup-s")?,
                Long("cpu") => options.cpu = Some(value(parser, "--cpu")?),
                Long("wait") => options.wait = wait(&value::<String>(parser, "--wait")?)?,
                Long("expect-status") => options.expect_status = Some(value(parser, "--expect-status")?),
                Long("expect-body-contains") => {
                    options.expect_contains.push(value(parser, "--expect-body-contains")?);
                }
                Long("expect-body-bytes") => {
                    options.expect_body_bytes = Some(body_bytes(&value::<String>(parser, "--expect-body-bytes")?)?);
                }
                Long("json") => options.json = true,
                other => return Err(text(other.unexpected())),
            }
        }
        Ok(Some(options))
    }

    fn plan(self) -> Result<Plan, String> {
        let addr = self.addr.ok_or("--addr is missing")?;
        let (what, mut request, mut expect, has_session) = match (&self.preset, &self.request_path) {
            (Some(name), None) => {
                let preset = Preset::by_name(name).ok_or_else(|| format!("--preset is one of {}", Preset::NAMES))?;
                let target = self.target.as_deref().unwrap_or(preset.target());
                (name.clone(), preset.request(target, &self.echo_argument), preset.expect(), preset.has_session())
            }
            (None, Some(path)) => {
                let file = std::fs::read(path).map_err(|error| format!("--request {path}: {error}"))?;
                let request = Request::parse(&file).map_err(|why| format!("--request {path}: {why}"))?;
                let expect = Expect { status: 200, body_bytes: BodyBytes::Any, id: false, contains: Vec::new() };
                (path.clone(), request, expect, false)
            }
            _ => return Err("give one of --preset and --request".into()),
        };
        request.headers.extend(self.headers);
        if let Some(status) = self.expect_status {
            expect.status = status;
        }
        if !self.expect_contains.is_empty() {
            expect.contains = self.expect_contains.iter().map(|text| Needle::new(text)).collect();
            expect.id = false;
        }
        if let Some(body_bytes) = self.expect_body_bytes {
            expect.body_bytes = body_bytes;
        }
        if !(1..=CONNECTIONS_MAX).contains(&self.connections) {
            return Err(format!("--connections goes from 1 to {CONNECTIONS_MAX}"));
        }
        if self.rate_rps == Some(0) {
            return Err("--rate starts at 1; leave it out for the closed loop".into());
        }
        Ok(Plan {
            dial: Dial { addr, request, has_session },
            expect,
            what,
            connections: self.connections,
            rate_rps: self.rate_rps,
            measured: duration("--seconds", self.seconds, 0.1)?,
            warmup: duration("--warmup-s", self.warmup_s, 0.0)?,
            cpu: self.cpu,
            wait: self.wait,
            json: self.json,
        })
    }
}

fn value<T: std::str::FromStr>(parser: &mut lexopt::Parser, option: &str) -> Result<T, String>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    parser.value().and_then(|value| value.parse()).map_err(|error| format!("{option}: {error}"))
}

fn wait(name: &str) -> Result<Wait, String> {
    match name {
        "spin" => Ok(Wait::Spin),
        "sleep" => Ok(Wait::Sleep),
        _ => Err("--wait is spin or sleep".into()),
    }
}

fn body_bytes(text: &str) -> Result<BodyBytes, String> {
    match text {
        "any" => Ok(BodyBytes::Any),
        "first" => Ok(BodyBytes::LikeFirst),
        _ => text.parse().map(BodyBytes::Exactly).map_err(|_| "--expect-body-bytes is a number, first or any".into()),
    }
}

fn duration(option: &str, seconds: f64, seconds_min: f64) -> Result<Duration, String> {
    if (seconds_min..=RUN_SECONDS_MAX).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("{option} goes from {seconds_min} to {RUN_SECONDS_MAX}"))
    }
}

fn text(error: lexopt::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<Command, String> {
        parse(std::iter::once("ringway-bench").chain(words.split_whitespace()).map(Into::into))
    }

    #[test]
    fn the_open_loop_is_a_rate() {
        let Ok(Command::Load(plan)) = parse_words("load --addr 127.0.0.1:1 --preset echo-modern --rate 10000") else {
            panic!("a plain load parses");
        };
        assert_eq!((plan.rate_rps, plan.connections), (Some(10_000), 64));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (words, names) in [
            ("", "load"),
            ("load --preset get", "--addr"),
            ("load --addr 127.0.0.1:1", "--preset"),
            ("load --addr 127.0.0.1:1 --preset get --request x", "--preset"),
            ("load --addr 127.0.0.1:1 --preset other", "echo-modern"),
            ("load --addr 127.0.0.1:1 --preset get --connections 0", "--connections"),
            ("load --addr 127.0.0.1:1 --preset get --rate 0", "--rate"),
            ("load --addr 127.0.0.1:1 --preset get --seconds nan", "--seconds"),
            ("load --addr 127.0.0.1:1 --preset get --expect-status ok", "--expect-status"),
            ("load --addr 127.0.0.1:1 --preset get --sekonds 1", "--sekonds"),
        ] {
            let why = parse_words(words).expect_err(words);
            assert!(why.contains(names), "{words}: {why}");
        }
    }
}
