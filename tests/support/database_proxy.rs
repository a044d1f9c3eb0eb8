//! What stands between a node and its database: a proxy that cuts connections, holds them and heals, and that breaks off in the
//! middle of a settlement. It reads as much of PostgreSQL's protocol as it needs to know which commit settles a request.

use std::{
    collections::{HashMap, HashSet},
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Of the answer to COMMIT: `CommandComplete` and `ReadyForQuery`.
pub const COMMIT_ANSWER_BYTES: usize = 18;
/// In the statement that only a settlement has.
const SETTLES: &[u8] = b"INSERT INTO objects";
/// Of a connection whose answers are not counted.
const ALL: usize = usize::MAX;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    Open,
    /// Nothing arrives, and nobody learns that.
    Held,
    /// Connections break, and none can be made.
    Cut,
    /// Connections that listen for news break. All others are open.
    Deaf,
}

/// What befalls the next settlement, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// The road becomes so before the settlement is written.
    Settling(Road),
    /// The connection breaks before its COMMIT arrives.
    Commit,
    /// The connection breaks after so many bytes of the answer to its COMMIT.
    Answer(usize),
}

/// A proxy to one database. Its connections break when it is dropped.
pub struct DatabaseProxy {
    address: SocketAddr,
    state: Arc<ProxyState>,
}

#[derive(Default)]
struct ProxyState {
    inner: Mutex<ProxyRoad>,
    changed: Condvar,
}

struct ProxyRoad {
    road: Road,
    target: PathBuf,
    trap: Option<Trap>,
    sprung: usize,
    links: HashMap<usize, Link>,
    made: usize,
}

impl Default for ProxyRoad {
    fn default() -> Self {
        let (target, links) = (PathBuf::new(), HashMap::new());
        Self { road: Road::Open, target, trap: None, sprung: 0, links, made: 0 }
    }
}

/// A node's connection, and the database's for it.
struct Link {
    node: TcpStream,
    database: UnixStream,
    listens: bool,
}

/// What a node has sent on one connection.
#[derive(Default)]
struct NodeWords {
    bytes: Vec<u8>,
    has_begun: bool,
    /// Names of prepared statements that settle a request.
    settling: HashSet<Vec<u8>>,
    /// Whether the transaction settles one.
    settles: bool,
}

impl DatabaseProxy {
    /// A proxy to the database that listens at `target`.
    pub fn start(target: PathBuf) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(ProxyState::default());
        state.lock().target = target;
        let weak = Arc::downgrade(&state);
        thread::spawn(move || {
            for node in listener.incoming().map_while(Result::ok) {
                let Some(state) = weak.upgrade() else { return };
                state.open(node);
            }
        });
        Self { address, state }
    }

    /// The ledger, by way of this proxy.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/books?sslmode=disable", self.address)
    }

    pub fn set_trap(&self, trap: Trap) {
        self.state.lock().trap = Some(trap);
    }

    /// How many traps have done what they are for.
    pub fn sprung(&self) -> usize {
        self.state.lock().sprung
    }

    pub fn heal(&self) {
        self.state.set(&mut self.state.lock(), Road::Open);
    }

    pub fn deafen(&self) {
        self.state.set(&mut self.state.lock(), Road::Deaf);
    }

    /// From now on it leads to another database; connections to the first one break.
    pub fn point_to(&self, target: PathBuf) {
        let mut inner = self.state.lock();
        inner.target = target;
        inner.links.drain().for_each(|(_, link)| link.close());
        self.state.changed.notify_all();
    }
}

impl Drop for DatabaseProxy {
    fn drop(&mut self) {
        self.state.set(&mut self.state.lock(), Road::Cut);
    }
}

impl Link {
    fn close(self) {
        self.node.shutdown(Shutdown::Both).ok();
        self.database.shutdown(Shutdown::Both).ok();
    }
}

impl ProxyState {
    fn lock(&self) -> MutexGuard<'_, ProxyRoad> {
        self.inner.lock().expect("no panic")
    }

    fn set(&self, inner: &mut ProxyRoad, road: Road) {
        inner.road = road;
        let ends = |link: &Link| road == Road::Cut || road == Road::Deaf && link.listens;
        let ended: Vec<_> = inner.links.extract_if(|_, link| ends(link)).collect();
        ended.into_iter().for_each(|(_, link)| link.close());
        self.changed.notify_all();
    }

    fn open(self: Arc<Self>, node: TcpStream) {
        let target = self.lock().target.clone();
        let Ok(database) = UnixStream::connect(&target) else { return };
        node.set_nodelay(true).ok();
        let copies = (node.try_clone().expect("a copy"), database.try_clone().expect("a copy"));
        let mut inner = self.lock();
        if inner.road == Road::Cut || inner.target != target {
            return;
        }
        let id = inner.made;
        inner.made += 1;
        inner.links.insert(id, Link { node: copies.0, database: copies.1, listens: false });
        drop(inner);
        let copies = (node.try_clone().expect("a copy"), database.try_clone().expect("a copy"));
        let left = Arc::new(AtomicUsize::new(ALL));
        let (words, answers) = (Arc::clone(&self), Arc::clone(&left));
        thread::spawn(move || words.pass_words((node, database), id, &left));
        thread::spawn(move || self.pass_answers(copies, id, &answers));
    }

    /// Waits as long as the road is held. False: the connection is over.
    fn passes(&self, id: usize) -> bool {
        let mut inner = self.lock();
        while inner.road == Road::Held && inner.links.contains_key(&id) {
            inner = self.changed.wait(inner).expect("no panic");
        }
        inner.links.contains_key(&id)
    }

    fn close(&self, id: usize) {
        let link = self.lock().links.remove(&id);
        link.into_iter().for_each(Link::close);
        self.changed.notify_all();
    }

    /// From a node to the database, message by message.
    fn pass_words(&self, (mut node, mut database): (TcpStream, UnixStream), id: usize, left: &AtomicUsize) {
        let (mut words, mut buffer) = (NodeWords::default(), vec![0; 1 << 16]);
        'connection: while let Ok(read @ 1..) = node.read(&mut buffer) {
            words.bytes.extend_from_slice(&buffer[..read]);
            while let Some(message) = words.take_message() {
                let goes_on = self.look_at(&message, &mut words, id, left) && self.passes(id);
                if !goes_on || database.write_all(&message).is_err() {
                    break 'connection;
                }
            }
        }
        // A node that has gone is gone for a database that can be reached.
        self.passes(id);
        self.close(id);
    }

    /// From the database to its node, as far as it may.
    fn pass_answers(&self, (mut node, mut database): (TcpStream, UnixStream), id: usize, left: &AtomicUsize) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = database.read(&mut buffer) {
            let most = left.load(Ordering::Acquire);
            let passed = read.min(most);
            if !self.passes(id) || node.write_all(&buffer[..passed]).is_err() {
                break;
            }
            if most != ALL {
                left.store(most - passed, Ordering::Release);
                if most == passed || passed < read {
                    self.close(id);
                    self.lock().sprung += 1;
                    return;
                }
            }
        }
        self.passes(id);
        self.close(id);
    }

    /// Whether `message` goes on.
    fn look_at(&self, message: &[u8], words: &mut NodeWords, id: usize, left: &AtomicUsize) -> bool {
        let body = message.get(5..).unwrap_or_default();
        match message[0] {
            b'P' if body.windows(SETTLES.len()).any(|text| text == SETTLES) => {
                words.settling.insert(until_nul(body).to_owned());
            }
            b'B' if words.settling.contains(until_nul(&body[until_nul(body).len() + 1..])) => {
                words.settles = true;
                let mut inner = self.lock();
                if let Some(Trap::Settling(road)) = inner.trap {
                    inner.trap = None;
                    inner.sprung += 1;
                    self.set(&mut inner, road);
                }
            }
            b'Q' if until_nul(body) == b"COMMIT" => {
                let settles = std::mem::take(&mut words.settles);
                let mut inner = self.lock();
                match inner.trap.filter(|_| settles) {
                    Some(Trap::Commit) => {
                        (inner.trap, inner.sprung) = (None, inner.sprung + 1);
                        return false;
                    }
                    Some(Trap::Answer(bytes)) => {
                        inner.trap = None;
                        left.store(bytes, Ordering::Release);
                    }
                    _ => {}
                }
            }
            b'Q' if body.starts_with(b"LISTEN") => {
                let mut inner = self.lock();
                if let Some(link) = inner.links.get_mut(&id) {
                    link.listens = true;
                }
                return inner.road != Road::Deaf;
            }
            b'Q' => words.settles = false,
            _ => {}
        }
        true
    }
}

impl NodeWords {
    /// The next whole message. Only the first one has no kind.
    fn take_message(&mut self) -> Option<Vec<u8>> {
        let kind = usize::from(self.has_begun);
        let length = self.bytes.get(kind..kind + 4)?.try_into().expect("four bytes");
        let length = kind + u32::from_be_bytes(length) as usize;
        if self.bytes.len() < length {
            return None;
        }
        self.has_begun = true;
        let rest = self.bytes.split_off(length);
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}
