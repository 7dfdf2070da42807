//! One shard: a glommio executor on one core with everything it owns, sharing nothing. What comes from other threads
//! comes through its mailbox.

mod connection;

mod request;

mod reply_to;

mod sending;

mod in_force;

mod proxied;

mod handshake;

mod stream;

mod websocket;

mod pump;

mod raw;

mod secured;

pub mod waits;

pub mod control;

mod lasting;

mod watch;

pub mod accept;

pub mod sweep;

pub mod socket;

pub mod buffers;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, TcpListener as StdListener};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_lite::FutureExt;
use ringway_core::audit::ArgumentsKey;
use ringway_core::http::request_id::MadeId;
use ringway_core::http::response::DateText;
use ringway_core::identify::access::Access;
use ringway_core::identify::token_cache::{TOKENS_BYTES_MAX, TOKENS_MAX, TokenCache};
use ringway_core::identify::{CredentialKind, Principal};
use ringway_core::json::JsonParser;
use ringway_core::mcp::render::{self, ServerIdentity};
use ringway_core::mcp::request_state::StateKey;
use ringway_core::session::{Handle, Table};
use ringway_policy::Policy;
use serde_json::{Map, Value, json};
use slab::Slab;

use crate::audit::{AuditHandle, AuditLog};
use crate::duplex::Duplex;
use crate::explain::Explanations;
use crate::handle::{InForce, ServerHandle};
use crate::log::{AccessLog, LogWriter};
use crate::mailbox::{Changed, Letter, Letters, Mailboxes};
use crate::mcp::listen::{Listen, list_methods};
use crate::mcp::{legacy, pair, tasks};
use crate::metrics::ShardMetrics;
use crate::observe::Observatory;
use crate::random::{self, RandomPool};
use crate::session::Session;
use crate::stall::{Doing, Stalls};
use crate::task::Task;
use crate::ticker::Ticks;
use crate::tls::Tls;
use crate::tls::handshakes::Handshakes;
use crate::tls::session::Scratch;
use crate::view::{Sights, View, ViewMaker};
use crate::who::Who;
use buffers::Buffers;
use control::Control;
use pump::Pump;
use waits::Waits;

/// What a shard is made from, on any thread.
pub struct Setup {
    /// Its number.
    pub id: u16,
    /// How many there are.
    pub shard_count: usize,
    /// The MCP listener; absent for stdio.
    pub listener: Option<StdListener>,
    /// The admin listener, on the first shard only.
    pub admin: Option<StdListener>,
    /// The first catalog and policy.
    pub in_force: InForce,
    /// Letters from other threads.
    pub letters: Letters,
    /// That time has passed, from a thread.
    pub ticks: Ticks,
    /// Letters to other shards.
    pub mailboxes: Mailboxes,
    /// The server it is part of.
    pub server: ServerHandle,
    /// Seals `requestState`.
    pub state_key: Arc<StateKey>,
    /// What the server says of itself.
    pub identity: Arc<ServerIdentity>,
    /// What it tells models.
    pub instructions: Option<Arc<str>>,
    /// Its counters.
    pub metrics: Arc<ShardMetrics>,
    /// Everybody's counters.
    pub observatory: Arc<Observatory>,
    /// Makes views of large catalogs, for every shard.
    pub view_maker: Arc<ViewMaker>,
    /// Who writes logs.
    pub log: Option<LogWriter>,
    /// The audit log.
    pub audit: Option<AuditLog>,
    /// What stands for arguments in it is made with.
    pub audit_key: Arc<ArgumentsKey>,
}

/// The shard.
pub struct Shard {
    pub(crate) id: u16,
    pub(crate) shard_count: usize,
    policy: RefCell<Arc<Policy>>,
    access: RefCell<Arc<Access>>,
    /// Whose credentials were found good.
    pub(crate) known: RefCell<TokenCache<Who>>,
    /// Makes views of large catalogs.
    view_maker: Arc<ViewMaker>,
    /// What others than those who see everything see, by what that is.
    views: RefCell<HashMap<Sights, Rc<View>>>,
    /// Everything that is offered.
    whole: RefCell<Rc<View>>,
    /// TLS of callers that come from here on.
    tls: RefCell<Option<Tls>>,
    /// Which change these are of.
    generation: Cell<u64>,
    pub(crate) json: RefCell<JsonParser>,
    pub(crate) sessions: RefCell<Table<Rc<Session>>>,
    pub(crate) tasks: RefCell<Table<Rc<Task>>>,
    /// Clients of the older HTTP+SSE pair: as many as there are connections at the most.
    pub(crate) pairs: RefCell<HashMap<Handle, Rc<Duplex>>>,
    pub(crate) listens: RefCell<Slab<Listen>>,
    connections: RefCell<Slab<Rc<Control>>>,
    /// Connections of the MCP listener.
    callers: Cell<usize>,
    /// Connections of the admin listener.
    operators: Cell<usize>,
    pub(crate) buffers: Buffers,
    /// The arguments of the last call that was answered at once: memory for those of the next.
    pub(crate) arguments: Cell<Map<String, Value>>,
    pub(crate) mailboxes: Mailboxes,
    pub(crate) server: ServerHandle,
    pub(crate) state_key: Arc<StateKey>,
    pub(crate) identity: Arc<ServerIdentity>,
    pub(crate) instructions: Option<Arc<str>>,
    pub(crate) metrics: Arc<ShardMetrics>,
    pub(crate) stalls: Rc<Stalls>,
    pub(crate) observatory: Arc<Observatory>,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) explanations: Explanations,
    pub(crate) audit: Option<AuditHandle>,
    /// What stands for arguments in it is made with.
    pub(crate) audit_key: Arc<ArgumentsKey>,
    random: RefCell<RandomPool>,
    /// When the first credential expires of those that something lasts by; `u64::MAX` for never.
    next_lapse_unix_s: Cell<u64>,
    /// It serves the process that started it, and nobody shows a credential.
    is_local: bool,
    /// What names of requests that are made here begin with, so that processes and shards never make the same.
    request_id_salt: u32,
    request_ids_made: Cell<u64>,
    pub(crate) in_flight: Cell<usize>,
    pub(crate) waits: Rc<Waits>,
    handshakes: Rc<Handshakes>,
    /// What is said of proxies that do not say whose connection it is.
    proxy_complaints: proxied::Complaints,
    /// What TLS works in.
    scratch: Rc<RefCell<Scratch>>,
    pub(crate) draining: Cell<bool>,
    /// Everything has been served; what drives sockets may end.
    pub(crate) is_over: Cell<bool>,
    date: Cell<DateText>,
    /// The time as the last sweep left it: good enough for deadlines of seconds.
    pub(crate) coarse_now: Cell<Duration>,
    /// Seconds since 1970, as the last sweep left them: good enough for credentials.
    pub(crate) coarse_unix_s: Cell<u64>,
    started: Instant,
    /// Whoever showed no credential where none is asked for.
    pub(crate) anonymous: Rc<Who>,
    pub(crate) no_capabilities: Rc<Value>,
}

impl Shard {
    /// The shard of `setup`, on the thread it will stay on.
    pub(crate) fn new(setup: &Setup) -> Rc<Shard> {
        let InForce { generation, catalog, policy, access, tls } = setup.in_force.clone();
        let waits = Rc::default();
        let limits = &policy.limits;
        let whole = View::new(generation, catalog, &[]);
        let mut known = TokenCache::new(TOKENS_MAX, TOKENS_BYTES_MAX);
        known.follow(generation);
        Rc::new(Shard {
            id: setup.id,
            shard_count: setup.shard_count,
            anonymous: Who::new(Arc::new(Principal::anonymous()), None),
            whole: RefCell::new(whole),
            tls: RefCell::new(tls),
            generation: Cell::new(generation),
            json: RefCell::default(),
            sessions: RefCell::new(Table::new(
                limits.sessions_max,
                limits.session_idle_max,
                limits.session_evict_idle_min,
            )),
            tasks: RefCell::new(Table::new(limits.tasks_max, limits.task_ttl, Duration::ZERO)),
            pairs: RefCell::default(),
            listens: RefCell::default(),
            connections: RefCell::default(),
            callers: Cell::new(0),
            operators: Cell::new(0),
            buffers: Buffers::default(),
            arguments: Cell::default(),
            mailboxes: setup.mailboxes.clone(),
            server: setup.server.clone(),
            state_key: Arc::clone(&setup.state_key),
            identity: Arc::clone(&setup.identity),
            instructions: setup.instructions.clone(),
            metrics: Arc::clone(&setup.metrics),
            stalls: Stalls::new(setup.id, Arc::clone(&setup.metrics), setup.server.tool_names()),
            observatory: Arc::clone(&setup.observatory),
            access_log: setup.log.as_ref().map(|log| AccessLog::new(log.entries())),
            audit: setup.audit.as_ref().map(|audit| {
                let (mailboxes, id) = (setup.mailboxes.clone(), setup.id);
                audit.handle(move || mailboxes.wake(id))
            }),
            audit_key: Arc::clone(&setup.audit_key),
            explanations: Explanations::default(),
            random: RefCell::default(),
            next_lapse_unix_s: Cell::new(u64::MAX),
            is_local: setup.listener.is_none(),
            request_id_salt: random::number(),
            request_ids_made: Cell::new(0),
            in_flight: Cell::new(0),
            handshakes: Handshakes::new(&waits),
            proxy_complaints: proxied::Complaints::default(),
            scratch: Rc::default(),
            waits,
            draining: Cell::new(false),
            is_over: Cell::new(false),
            date: Cell::new(sweep::date_text(SystemTime::now())),
            coarse_now: Cell::new(Duration::ZERO),
            coarse_unix_s: Cell::new(unix_s()),
            started: Instant::now(),
            no_capabilities: Rc::new(Value::Object(Map::new())),
            policy: RefCell::new(policy),
            access: RefCell::new(access),
            known: RefCell::new(known),
            views: RefCell::default(),
            view_maker: Arc::clone(&setup.view_maker),
        })
    }

    /// Time since the shard started, by the monotonic clock.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Seconds since 1970.
    pub fn unix_now_s(&self) -> u64 {
        unix_s()
    }

    /// A name nobody can guess, for state that lives here.
    pub fn new_handle(&self) -> Handle {
        Handle { home: self.id, random: self.random.borrow_mut().take() }
    }

    /// A name for a request whose client gave it none.
    pub fn new_request_id(&self) -> MadeId {
        let count = self.request_ids_made.get();
        self.request_ids_made.set(count + 1);
        MadeId::new(self.request_id_salt, self.id, count)
    }

    /// The caller's session of that name, marked as used.
    pub fn session(&self, handle: &Handle, who: &Who) -> Option<Rc<Session>> {
        let mut sessions = self.sessions.borrow_mut();
        // Looked at before it counts as used: nobody keeps another's session alive.
        sessions.peek(handle).filter(|session| session.owner == who.key)?;
        sessions.touch(handle, self.now()).cloned()
    }

    /// Somebody who was identified on another shard.
    pub fn who(&self, principal: Arc<Principal>, address: Option<IpAddr>) -> Rc<Who> {
        if principal.kind == CredentialKind::Anonymous {
            return self.anonymous.at(address);
        }
        Who::new(principal, address)
    }

    /// Tells every listener that a task changed.
    pub fn announce_task(&self, task: &Rc<Task>) {
        let owner: Arc<str> = (&*task.who.key).into();
        let (name, detail): (Arc<str>, Arc<str>) = (task.handle.to_string().into(), task.detail().to_string().into());
        self.mailboxes.suggest(|| Letter::TaskChanged(Arc::clone(&owner), Arc::clone(&name), Arc::clone(&detail)));
    }

    /// Runs a task of this shard, known by what it does should it keep the shard. A panic in it is counted and ends it
    /// alone: unguarded it would end the shard.
    pub fn spawn(&self, doing: Doing, future: impl Future<Output = ()> + 'static) -> glommio::Task<()> {
        let (metrics, stalls) = (Arc::clone(&self.metrics), Rc::clone(&self.stalls));
        glommio::spawn_local(async move {
            if stalls.watch(doing, AssertUnwindSafe(future).catch_unwind()).await.is_err() {
                metrics.count_panic();
            }
        })
    }

    /// Whether a request or a call waits for something else than a client.
    pub fn is_held(&self) -> bool {
        self.waits.holds() > 0 || self.in_flight.get() > self.waits.questions()
    }

    fn announce(&self, changed: Changed) {
        for (_, listen) in self.listens.borrow().iter() {
            listen.lists_changed(changed);
        }
        let everything = Changed { tools: true, prompts: true, resources: true };
        for session in self.sessions.borrow().iter() {
            for (method, wanted) in list_methods(changed, everything) {
                if wanted {
                    session.announce(render::notification(method, &json!({})));
                }
            }
        }
    }

    fn announce_resource(&self, uri: &str) {
        for (_, listen) in self.listens.borrow().iter() {
            listen.resource_updated(uri);
        }
        for session in self.sessions.borrow().iter().filter(|session| session.follows(uri)) {
            session.announce(render::notification("notifications/resources/updated", &json!({ "uri": uri })));
        }
    }

    /// Takes one letter.
    pub(crate) fn take(self: &Rc<Shard>, letter: Letter) {
        match letter {
            Letter::Announce(changed) => {
                self.catch_up();
                self.announce(changed);
            }
            Letter::ResourceUpdated(uri) => self.announce_resource(&uri),
            Letter::TaskChanged(owner, task, detail) => {
                for (_, listen) in self.listens.borrow().iter() {
                    listen.task_changed(&owner, &task, &detail);
                }
            }
            Letter::Forwarded(forwarded) => {
                self.spawn(Doing::Call, legacy::serve_forwarded(Rc::clone(self), forwarded)).detach();
            }
            Letter::PairMessage(message) => {
                self.spawn(Doing::Duplex, pair::serve_forwarded(Rc::clone(self), message)).detach();
            }
            Letter::Task(request) => {
                let outcome = tasks::apply(self, request.task, &request.principal, request.verb);
                // Closed means that the connection is gone, and nobody needs the answer.
                let _ = request.reply.try_send(outcome);
            }
            Letter::Explain(name, reply) => {
                // Closed means that whoever asked is gone.
                let _ = reply.try_send(self.explanations.find(self, &name));
            }
            Letter::Drain => self.begin_drain(),
        }
    }

    /// Ends what would not end by itself: streams, and connections between requests.
    pub(crate) fn begin_drain(&self) {
        if self.draining.replace(true) {
            return;
        }
        for (_, listen) in self.listens.borrow().iter() {
            listen.finish(self);
        }
        for session in self.sessions.borrow().iter() {
            if let Some(stream) = session.stream(crate::session::STANDALONE) {
                stream.end();
            }
        }
        for client in self.pairs.borrow().values() {
            client.part_if_done();
        }
        for (_, control) in self.connections.borrow().iter() {
            control.close_if_idle();
        }
    }

    /// Whether somebody still waits for something.
    fn is_busy(&self) -> bool {
        !self.connections.borrow().is_empty() || self.in_flight.get() > 0
    }

    /// Ends connections, calls and tasks, finished or not.
    fn cut_off(&self) {
        for (_, control) in self.connections.borrow().iter() {
            control.close();
        }
        for session in self.sessions.borrow().iter() {
            session.end();
        }
        for task in self.tasks.borrow().iter() {
            task.cancel();
        }
    }
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Says that a shard serves, for as long as it does: a shard that ends by a panic must not count as ready.
pub struct Up(Arc<Observatory>);

impl Up {
    /// From here on, until it is dropped.
    pub fn new(observatory: &Arc<Observatory>) -> Up {
        observatory.shard_is_up();
        Up(Arc::clone(observatory))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.0.shard_is_down();
    }
}

/// Runs a shard until it has drained.
pub async fn run(mut setup: Setup) {
    let shard = Shard::new(&setup);
    let stalls = Rc::clone(&shard.stalls);
    let pump = match start_pump(&shard, &mut setup) {
        Ok(pump) => pump,
        Err(error) => {
            // It never counts as serving, and so the server does not start.
            tracing::error!(%error, shard = shard.id, "io.driver is ring, and this shard gets none");
            return;
        }
    };
    stalls.watch(Doing::Letters, serve(shard, setup, pump)).await;
}

/// Takes its time, and keeps nobody waiting yet.
fn start_pump(shard: &Rc<Shard>, setup: &mut Setup) -> std::io::Result<Pump> {
    let listeners = [(setup.listener.take(), true), (setup.admin.take(), false)];
    let listeners = listeners.into_iter().filter_map(|(listener, serves_mcp)| Some((listener?, serves_mcp))).collect();
    Pump::start(shard, listeners)
}

async fn serve(shard: Rc<Shard>, setup: Setup, pump: Pump) {
    // Kept here, so that a sweep that ends never looks like one that has been.
    let (sweeps, swept) = async_channel::bounded(1);
    let sweeping = shard.spawn(Doing::Sweep, sweep::run(Rc::clone(&shard), setup.ticks, sweeps.clone()));
    let _up = Up::new(&setup.observatory);
    while !shard.draining.get() {
        let letter = async { Some(setup.letters.next().await) };
        // With each sweep it looks whether it is to drain or has missed a change, should the letter that says so be lost.
        let sweep = async {
            let _ = swept.recv().await;
            None
        };
        match letter.or(sweep).await {
            Some(Some(letter)) => shard.take(letter),
            Some(None) => shard.begin_drain(),
            None if shard.mailboxes.are_draining() => shard.begin_drain(),
            None => shard.catch_up(),
        }
    }
    let pump = pump.accept_no_more().await;
    drain(&shard, &setup.letters).await;
    setup.letters.close();
    sweeping.cancel().await;
    pump.end(&shard).await;
}

/// How long what is cut off at the end of a drain has to let go of what it holds.
const CUT_OFF_TIME_MAX: Duration = Duration::from_millis(500);

/// Serves on until every connection has had its answer, or the time is up; what is left then is ended.
async fn drain(shard: &Rc<Shard>, letters: &Letters) {
    let time_max = shard.limits().drain_time_max;
    serve_on(shard, letters, time_max).await;
    if shard.is_busy() {
        shard.cut_off();
        serve_on(shard, letters, CUT_OFF_TIME_MAX).await;
    }
}

async fn serve_on(shard: &Rc<Shard>, letters: &Letters, time_max: Duration) {
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    let deadline = shard.now() + time_max;
    loop {
        while let Some(letter) = letters.next_now() {
            shard.take(letter);
        }
        // Another shard's connections may still need a session of this one.
        shard.metrics.set_quiet(!shard.is_busy());
        if shard.now() >= deadline || shard.observatory.is_quiet() {
            return;
        }
        glommio::timer::sleep(LOOK_EVERY).await;
    }
}
