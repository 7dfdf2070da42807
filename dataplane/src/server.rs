//! The server as its user builds and runs it: what it offers, how it starts its shards, how it stops. It never serves a
//! request itself.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use glommio::{LocalExecutorBuilder, Placement, PoolPlacement};
use ringway_core::audit::ArgumentsKey;
use ringway_core::identify::access::Access;
use ringway_core::mcp::render::ServerIdentity;
use ringway_core::mcp::request_state::StateKey;
use ringway_policy::Policy;

use crate::audit::AuditLog;
use crate::catalog::{CatalogError, Parts};
use crate::cpu::{self, CpuList};
use crate::handle::ServerHandle;
use crate::health::{Check, Health};
use crate::io::{self, Chosen, IoOptions};
use crate::listener;
use crate::log::LogWriter;
use crate::observe::Observatory;
use crate::observe::process::Process;
use crate::preflight::{self, Missing};
use crate::random;
use crate::shard::{self, Setup};
use crate::stdio;
use crate::ticker;
use crate::tls::Tls;
use crate::tool::{Prompt, Resource, ResourceTemplate, Tool};
use crate::view::ViewMaker;

/// How a server runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where MCP is served. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where health, metrics and status are served besides.
    pub admin_listen: Option<SocketAddr>,
    /// Shards; one a core when absent.
    pub shards: Option<usize>,
    /// Cores to run on; those the process may use when absent.
    pub cpus: Option<CpuList>,
    /// How client sockets are driven.
    pub io: IoOptions,
    /// TLS of `listen`; plain HTTP when absent. [`ServerHandle::apply_tls`] changes it later.
    pub tls: Option<Tls>,
    /// What can be changed later, by [`ServerHandle::apply`].
    pub policy: Policy,
    /// Who may call; likewise.
    pub access: Arc<Access>,
    /// Seals what multi-round-trip clients carry; replicas that share clients must share it. Random when absent.
    pub state_key: Option<[u8; 32]>,
    /// Who writes the access log; nobody when absent.
    pub log: Option<LogWriter>,
    /// The audit log; nothing is audited when absent.
    pub audit: Option<AuditLog>,
    /// What stands for arguments in it is made with this key; random when absent, so that only this process could tell.
    pub audit_key: Option<[u8; 32]>,
    /// Whether SIGTERM and SIGINT drain the server.
    pub handle_signals: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 9999)),
            admin_listen: None,
            shards: None,
            cpus: None,
            io: IoOptions::default(),
            tls: None,
            policy: Policy::default(),
            access: Arc::default(),
            state_key: None,
            log: None,
            audit: None,
            audit_key: None,
            handle_signals: true,
        }
    }
}

/// Why a server does not start.
#[derive(Debug)]
pub enum StartError {
    /// The machine does not grant what is needed. The `ringway` binary exits with 2.
    Missing(Vec<Missing>),
    /// Something offered is not good.
    Catalog(CatalogError),
    /// An option cannot be used.
    Option(String),
    /// An address cannot be had.
    Listen(SocketAddr, std::io::Error),
    /// A shard did not start.
    Shard(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Missing(all) => {
                for (index, missing) in all.iter().enumerate() {
                    write!(f, "{}{missing}", if index > 0 { "\n" } else { "" })?;
                }
                Ok(())
            }
            StartError::Catalog(error) => error.fmt(f),
            StartError::Option(text) => f.write_str(text),
            StartError::Listen(address, error) => {
                write!(f, "cannot listen on {address}: {error} (choose another with --listen or --admin-listen)")
            }
            StartError::Shard(text) => write!(f, "a shard did not start: {text}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Collects what a server offers. Order is kept: lists show it.
pub struct ServerBuilder {
    identity: ServerIdentity,
    instructions: Option<Arc<str>>,
    parts: Parts,
    checks: Vec<Check>,
    error: Option<CatalogError>,
}

impl ServerBuilder {
    /// Tells models how to use this server.
    pub fn instructions(mut self, text: &str) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Adds a tool.
    pub fn tool(mut self, tool: impl Tool) -> Self {
        let added = self.parts.add_tool(Arc::new(tool));
        self.keep_first(added)
    }

    /// Adds a resource.
    pub fn resource(mut self, resource: impl Resource) -> Self {
        let added = self.parts.add_resource(Arc::new(resource));
        self.keep_first(added)
    }

    /// Adds a family of resources.
    pub fn template(mut self, resources: impl ResourceTemplate) -> Self {
        let added = self.parts.add_template(Arc::new(resources));
        self.keep_first(added)
    }

    /// Adds a prompt.
    pub fn prompt(mut self, prompt: impl Prompt) -> Self {
        let added = self.parts.add_prompt(Arc::new(prompt));
        self.keep_first(added)
    }

    /// Adds a health check, shown by `/health` and the tool `health_check`. `check` is run every `interval` on a thread of
    /// its own, so that it may block; one that panics, or takes longer than its interval (1 s to 10 s), is unhealthy.
    pub fn health_check(
        mut self,
        name: &str,
        interval: Duration,
        check: impl Fn() -> Health + Send + Sync + 'static,
    ) -> Self {
        let check = Check::new(name, interval, check);
        let fault = check.fault(&self.checks);
        self.checks.push(check);
        self.keep_first(fault.map_or(Ok(()), |fault| Err(CatalogError(fault))))
    }

    fn keep_first(mut self, added: Result<(), CatalogError>) -> Self {
        if let Err(error) = added {
            self.error.get_or_insert(error);
        }
        self
    }

    /// The server.
    ///
    /// # Errors
    /// What is wrong with the first bad tool, resource or prompt.
    pub fn build(self) -> Result<Server, StartError> {
        if let Some(error) = self.error {
            return Err(StartError::Catalog(error));
        }
        let handle = ServerHandle::new(self.parts);
        Ok(Server { identity: Arc::new(self.identity), instructions: self.instructions, checks: self.checks, handle })
    }
}

/// A server, ready to run.
pub struct Server {
    identity: Arc<ServerIdentity>,
    instructions: Option<Arc<str>>,
    checks: Vec<Check>,
    handle: ServerHandle,
}

/// A server that runs. Dropping it leaves it running; [`Running::stop`] and [`ServerHandle::drain`] end it.
pub struct Running {
    /// Where MCP is served.
    pub address: SocketAddr,
    /// Where health, metrics and status are served besides.
    pub admin_address: Option<SocketAddr>,
    handle: ServerHandle,
    threads: Vec<glommio::ExecutorJoinHandle<()>>,
}

impl Running {
    /// Changes it.
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Stops it and waits for its end.
    ///
    /// # Errors
    /// When a shard ended by a panic.
    pub fn stop(self) -> Result<(), StartError> {
        self.handle.drain();
        self.join()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When a shard ended by a panic.
    pub fn join(self) -> Result<(), StartError> {
        let mut failed = None;
        for thread in self.threads {
            if let Err(error) = thread.join() {
                failed = Some(StartError::Shard(error.to_string()));
            }
        }
        match failed {
            None => {
                tracing::info!("drained");
                Ok(())
            }
            Some(error) => {
                tracing::error!(%error, "ended");
                Err(error)
            }
        }
    }
}

impl Server {
    /// A server of that name and version, offering nothing yet.
    pub fn builder(name: &str, version: &str) -> ServerBuilder {
        ServerBuilder {
            identity: ServerIdentity::new(name, version, None),
            instructions: None,
            parts: Parts::default(),
            checks: Vec::new(),
            error: None,
        }
    }

    /// Changes the server, before or while it runs.
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Serves HTTP until it is stopped by SIGTERM, SIGINT or [`ServerHandle::drain`].
    ///
    /// # Errors
    /// When it cannot start.
    pub fn run(self, options: Options) -> Result<(), StartError> {
        self.start(options)?.join()
    }

    /// Starts serving HTTP and returns at once.
    ///
    /// # Errors
    /// When it cannot start.
    pub fn start(self, options: Options) -> Result<Running, StartError> {
        let cpus = place(&options)?;
        let missing = preflight::check(cpus.len());
        if !missing.is_empty() {
            return Err(StartError::Missing(missing));
        }
        let fail = |address| move |error| StartError::Listen(address, error);
        let (listeners, address) = listener::bind_many(options.listen, cpus.len()).map_err(fail(options.listen))?;
        let mut admin = None;
        let mut admin_address = None;
        if let Some(wished) = options.admin_listen {
            let (mut bound, address) = listener::bind_many(wished, 1).map_err(fail(wished))?;
            (admin, admin_address) = (bound.pop(), Some(address));
        }
        let own_addresses = [Some(address), admin_address].into_iter().flatten().map(|address| address.ip()).collect();
        let io = io::choose(&options.io, cpus.len()).map_err(|missing| StartError::Missing(vec![missing]))?;
        let mut setups = self.setups(&options, cpus.len(), own_addresses, Some(io.clone()))?;
        for (setup, listener) in setups.iter_mut().zip(listeners) {
            setup.listener = Some(listener);
            setup.admin = admin.take();
        }
        let observatory = setups.first().map(|setup| Arc::clone(&setup.observatory));
        let mut threads = Vec::new();
        let mut failed = None;
        for (setup, cpu) in setups.into_iter().zip(cpus) {
            match spawn(setup, Placement::Fixed(cpu), shard::run) {
                Ok(thread) => threads.push(thread),
                Err(error) => failed = Some(error),
            }
        }
        if failed.is_none() && !observatory.is_some_and(|observatory| becomes_ready(&observatory)) {
            failed = Some(StartError::Shard(format!("not all serve within {} s", START_TIME_MAX.as_secs())));
        }
        if let Some(error) = failed {
            // Those that have started must not serve on for a caller that is told there is no server.
            self.handle.drain();
            threads.into_iter().for_each(|thread| drop(thread.join()));
            return Err(error);
        }
        if options.handle_signals {
            drain_on_signal(self.handle.clone());
        }
        let (admin, shards) = (admin_address.map(tracing::field::display), threads.len());
        tracing::info!(%address, admin_address = admin, shards, driver = io.driver, driver_reason = io.why, "serving");
        Ok(Running { address, admin_address, handle: self.handle, threads })
    }

    /// Serves standard input and output until input ends.
    ///
    /// # Errors
    /// When it cannot start.
    pub fn run_stdio(self, options: Options) -> Result<(), StartError> {
        let missing = preflight::check(1);
        if !missing.is_empty() {
            return Err(StartError::Missing(missing));
        }
        let mut setups = self.setups(&options, 1, Vec::new(), None)?;
        let Some(setup) = setups.pop() else {
            return Ok(());
        };
        let thread = spawn(setup, Placement::Unbound, stdio::run)?;
        thread.join().map_err(|error| StartError::Shard(error.to_string()))
    }

    fn setups(
        &self,
        options: &Options,
        count: usize,
        own_addresses: Vec<IpAddr>,
        io: Option<Chosen>,
    ) -> Result<Vec<Setup>, StartError> {
        let ticks = ticker::start(count)
            .map_err(|error| StartError::Shard(format!("the system gives no thread to keep the time: {error}")))?;
        let key = options.state_key.unwrap_or_else(|| {
            let mut key = [0; 32];
            random::fill(&mut key);
            key
        });
        let state_key = Arc::new(StateKey::new(&key));
        // Mailboxes first: a change made meanwhile waits in them, and its generation tells whether it is newer.
        let letters = self.handle.mailboxes().open(count);
        let access = Arc::clone(&options.access);
        let in_force = self.handle.open(options.policy.clone(), access, options.tls.clone(), own_addresses);
        let process = Process::new(count, self.handle.clone(), options.log.clone()).with_io(io);
        let process = process.with_audit(options.audit.clone());
        let observatory = Observatory::new(process, &self.checks);
        let metrics = observatory.shards.iter().map(Arc::clone);
        let ends = letters.into_iter().zip(ticks).zip(metrics).enumerate();
        let audit_key = Arc::new(ArgumentsKey::new(&options.audit_key.unwrap_or_else(|| {
            let mut key = [0; 32];
            random::fill(&mut key);
            key
        })));
        let view_maker = ViewMaker::start();
        let setups = ends.map(|(index, ((letters, ticks), metrics))| Setup {
            id: index as u16,
            shard_count: count,
            listener: None,
            admin: None,
            in_force: in_force.clone(),
            letters,
            ticks,
            mailboxes: self.handle.mailboxes().clone(),
            server: self.handle.clone(),
            state_key: Arc::clone(&state_key),
            identity: Arc::clone(&self.identity),
            instructions: self.instructions.clone(),
            metrics,
            observatory: Arc::clone(&observatory),
            view_maker: Arc::clone(&view_maker),
            log: options.log.clone(),
            audit: options.audit.clone(),
            audit_key: Arc::clone(&audit_key),
        });
        Ok(setups.collect())
    }
}

/// How long shards may take until they serve. It takes milliseconds.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// Waits until every shard serves, so that whoever started the server can call it. False when the time is up.
fn becomes_ready(observatory: &Observatory) -> bool {
    let began = Instant::now();
    while !observatory.is_ready() && !observatory.is_draining() {
        if began.elapsed() > START_TIME_MAX {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    true
}

/// One executor, built as measured: little locked memory, a preemption timer that bounds how long a task can keep the
/// ring waiting, no spinning.
fn spawn<F, Fut>(setup: Setup, placement: Placement, run: F) -> Result<glommio::ExecutorJoinHandle<()>, StartError>
where
    F: FnOnce(Setup) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + 'static,
{
    LocalExecutorBuilder::new(placement)
        .name(&format!("shard-{}", setup.id))
        .io_memory(64 << 10)
        .ring_depth(256)
        .preempt_timer(Duration::from_millis(10))
        .blocking_thread_pool_placement(PoolPlacement::Unbound(2))
        .spawn(move || run(setup))
        .map_err(|error| StartError::Shard(error.to_string()))
}

/// The core of each shard.
fn place(options: &Options) -> Result<Vec<usize>, StartError> {
    const SHARDS_MAX: usize = 1024;
    let allowed = cpu::allowed();
    let cpus = match &options.cpus {
        Some(CpuList(listed)) => {
            if let Some(foreign) = listed.iter().find(|cpu| !allowed.contains(cpu)) {
                let text = format!("--cpus names core {foreign}, and this process may use {allowed:?} only");
                return Err(StartError::Option(text));
            }
            listed.clone()
        }
        None => allowed,
    };
    match options.shards {
        Some(0) => Err(StartError::Option("--shards must be at least 1".into())),
        Some(count) if count > SHARDS_MAX => Err(StartError::Option(format!("--shards must be at most {SHARDS_MAX}"))),
        // More shards than cores share them in turn: useful in tests, never for speed.
        Some(count) => Ok(cpus.iter().copied().cycle().take(count).collect()),
        None => Ok(cpus),
    }
}

/// The first signal drains; a second one ends the process as it would have without us.
fn drain_on_signal(handle: ServerHandle) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTERM, SIGINT]) else {
        return;
    };
    // The thread lives as long as the process; it holds nothing that needs an orderly end.
    let _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            handle.drain();
        }
        if let Some(signal) = signals.next() {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}
