use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::progress::ConnectionProgress;

/// How many connections there may be at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caps {
    pub(super) all: usize,
    pub(super) per_address: usize,
}

/// The open connections. At a cap the one that has been silent longest is closed for a newcomer.
#[derive(Debug)]
pub(super) struct Registry {
    caps: Caps,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next_id: u64,
    by_id: HashMap<u64, GuestEntry>,
    by_source: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct GuestEntry {
    source: Option<IpAddr>,
    connection: Arc<Connection>,
}

/// One connection, shared by its stream, its requests and the registry.
#[derive(Debug)]
pub(in crate::http) struct Connection {
    progress: Mutex<ConnectionProgress>,
    changed: Notify,
    is_evicted: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

/// A place in the registry. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Guest {
    registry: Arc<Registry>,
    id: u64,
    source: Option<IpAddr>,
    connection: Arc<Connection>,
}

/// Every connection within the cap makes progress, so there is no place for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Why a connection ends before the client or the last answer ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It gave its place to a newcomer.
    Evicted,
    /// A head began and did not end in time.
    SlowHead,
    /// Nothing moved in time.
    Silent,
}

impl Registry {
    pub(super) fn new(caps: Caps) -> Arc<Self> {
        Arc::new(Self { caps, open: Mutex::default() })
    }

    /// Takes a connection from `peer` in; from none when a trusted proxy stands between, which has no cap of its own.
    ///
    /// # Errors
    /// [`Full`] if none of those that count against the same cap is silent.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<IpAddr>, now: Instant) -> Result<Guest, Full> {
        let source = peer.map(source_of);
        let mut open = self.open.lock();
        open.make_room(self.caps, source)?;
        let connection = Arc::new(Connection::new(now));
        let id = open.next_id;
        open.next_id += 1;
        open.insert(id, GuestEntry { source, connection: Arc::clone(&connection) });
        Ok(Guest { registry: Arc::clone(self), id, source, connection })
    }
}

impl Open {
    fn make_room(&mut self, caps: Caps, source: Option<IpAddr>) -> Result<(), Full> {
        if let Some(source) = source
            && self.by_source.get(&source).is_some_and(|count| *count >= caps.per_address)
        {
            self.evict_longest_silent(|entry| entry.source == Some(source))?;
        }
        if self.by_id.len() >= caps.all {
            self.evict_longest_silent(|_| true)?;
        }
        Ok(())
    }

    fn insert(&mut self, id: u64, entry: GuestEntry) {
        if let Some(source) = entry.source {
            *self.by_source.entry(source).or_default() += 1;
        }
        self.by_id.insert(id, entry);
    }

    fn evict_longest_silent(&mut self, is_candidate: impl Fn(&GuestEntry) -> bool) -> Result<(), Full> {
        let candidates = self.by_id.iter().filter(|(_, entry)| is_candidate(entry));
        let silent = candidates.filter_map(|(id, entry)| Some((entry.connection.silent_since()?, *id)));
        let (_, id) = silent.min().ok_or(Full)?;
        if let Some(entry) = self.remove(id) {
            entry.connection.evict();
        }
        Ok(())
    }

    fn remove(&mut self, id: u64) -> Option<GuestEntry> {
        let entry = self.by_id.remove(&id)?;
        if let Some(source) = entry.source
            && let Some(count) = self.by_source.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
        Some(entry)
    }
}

/// Who counts as one address: of IPv6 a /64, which is what one household or one server gets.
fn source_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = (u128::from(address) >> 64) << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl Guest {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Takes a connection that was evicted back in, with another one evicted for it: bytes of its client had arrived, and were
    /// not read yet.
    ///
    /// # Errors
    /// [`Full`] as for a newcomer.
    pub(super) fn return_at(&self, now: Instant) -> Result<(), Full> {
        let mut open = self.registry.open.lock();
        open.make_room(self.registry.caps, self.source)?;
        self.connection.is_evicted.store(false, Ordering::Release);
        self.connection.update(|progress| progress.bytes_arrived(now));
        open.insert(self.id, GuestEntry { source: self.source, connection: Arc::clone(&self.connection) });
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.registry.open.lock().remove(self.id);
    }
}

impl Connection {
    fn new(now: Instant) -> Self {
        Self {
            progress: Mutex::new(ConnectionProgress::new(now)),
            changed: Notify::new(),
            is_evicted: AtomicBool::new(false),
            reader: Mutex::default(),
        }
    }

    /// Changes what is known of the connection's progress. If it does something else now, its deadline is looked at again; in
    /// what it was doing already, bytes only move the deadline away.
    pub(super) fn update(&self, change: impl FnOnce(&mut ConnectionProgress)) {
        let mut progress = self.progress.lock();
        let before = progress.doing();
        change(&mut progress);
        let is_changed = progress.doing() != before;
        drop(progress);
        if is_changed {
            self.changed.notify_one();
        }
    }

    /// Asks what is known of the connection's progress.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&ConnectionProgress) -> T) -> T {
        question(&self.progress.lock())
    }

    /// Whether the rest of a request's body was refused, so that the connection ends with the answer.
    pub(in crate::http) fn is_closed_to_reading(&self) -> bool {
        self.progress.lock().is_closed_to_reading()
    }

    fn silent_since(&self) -> Option<Instant> {
        self.progress.lock().silent_since()
    }

    fn evict(&self) {
        self.is_evicted.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// The answer is complete.
    pub(super) fn answered(&self, now: Instant) {
        self.update(|progress| progress.answered(now));
        if let Some(reader) = self.reader.lock().take() {
            reader.wake();
        }
    }

    /// Wakes `reader` once the answer is complete.
    pub(super) fn wake_when_answered(&self, reader: &Waker) {
        *self.reader.lock() = Some(reader.clone());
    }

    /// Resolves once the connection has to go.
    pub(super) async fn overdue(&self, keep_alive: Duration) -> Overdue {
        loop {
            if self.is_evicted.load(Ordering::Acquire) {
                return Overdue::Evicted;
            }
            let (deadline, is_amid_a_head) =
                self.ask(|progress| (progress.deadline(keep_alive), progress.is_amid_a_head()));
            match deadline {
                None => self.changed.notified().await,
                Some(at) if at <= Instant::now() => {
                    return if is_amid_a_head { Overdue::SlowHead } else { Overdue::Silent };
                }
                Some(at) => {
                    tokio::time::timeout_at(at, self.changed.notified()).await.ok();
                }
            }
        }
    }

    /// Resolves once the connection has given its place away.
    pub(super) async fn evicted(&self) {
        while !self.is_evicted.load(Ordering::Acquire) {
            self.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::progress::BodyLength, *};

    const CAPS: Caps = Caps { all: 4, per_address: 2 };

    fn address(last: u8) -> Option<IpAddr> {
        Some([127, 0, 0, last].into())
    }

    fn is_open(guest: &Guest) -> bool {
        !guest.connection.is_evicted.load(Ordering::Acquire)
    }

    #[test]
    fn the_longest_silent_of_an_address_makes_room_for_its_next() {
        let (registry, start) = (Registry::new(CAPS), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let other = registry.admit(address(2), start).expect("a place");
        let first = registry.admit(address(1), at(1)).expect("a place");
        let second = registry.admit(address(1), at(2)).expect("a place");
        first.connection.update(|progress| progress.read(b"G", at(3)));
        let third = registry.admit(address(1), at(4)).expect("a place");
        assert_eq!([&other, &first, &second, &third].map(is_open), [true, true, false, true]);
    }

    #[test]
    fn at_the_cap_of_all_the_longest_silent_of_all_goes() {
        let (registry, start) = (Registry::new(CAPS), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let guests: Vec<_> = [1, 2, 2, 3]
            .into_iter()
            .zip(0..)
            .map(|(peer, second)| registry.admit(address(peer), at(second)).expect("a place"))
            .collect();
        let newcomer = registry.admit(address(4), at(9)).expect("a place");
        assert!(!is_open(&guests[0]) && guests[1..].iter().all(is_open) && is_open(&newcomer));
        drop(newcomer);
        let _place = registry.admit(address(5), at(10)).expect("a place");
        assert!(guests[1..].iter().all(is_open), "a place that was given back is free");
    }

    #[test]
    fn nobody_who_is_served_makes_room() {
        let (registry, now) = (Registry::new(CAPS), Instant::now());
        let guests: Vec<_> = (0..2).map(|_| registry.admit(address(1), now).expect("a place")).collect();
        for guest in &guests {
            guest.connection.update(|progress| progress.begin(BodyLength::Bytes(0), now));
        }
        assert_eq!(registry.admit(address(1), now).err(), Some(Full));
        assert!(guests.iter().all(is_open));
        assert!(registry.admit(address(2), now).is_ok(), "another address has its own places");
        assert!(registry.admit(None, now).is_ok(), "and so has a trusted proxy");
    }

    #[test]
    fn who_had_sent_something_returns_for_the_next_longest_silent() {
        let (registry, start) = (Registry::new(CAPS), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let [first, second] = [1, 2].map(|second| registry.admit(address(1), at(second)).expect("a place"));
        let third = registry.admit(address(1), at(3)).expect("a place");
        assert_eq!([&first, &second, &third].map(is_open), [false, true, true]);
        first.return_at(at(4)).expect("a place");
        assert_eq!([&first, &second, &third].map(is_open), [true, false, true]);
        let fourth = registry.admit(address(1), at(5)).expect("a place");
        assert_eq!(
            [&first, &third, &fourth].map(is_open),
            [true, false, true],
            "third is older than its bytes"
        );
        drop(first);
        assert!(registry.admit(address(1), at(6)).is_ok() && is_open(&fourth), "it was counted once");
    }

    #[test]
    fn a_household_is_one_address() {
        let one = source_of("2001:db8:1:2:3::4".parse().expect("an address"));
        assert_eq!(one, source_of("2001:db8:1:2:ffff::1".parse().expect("an address")));
        assert_ne!(one, source_of("2001:db8:1:3::4".parse().expect("an address")));
        assert_eq!(source_of("::ffff:10.0.0.1".parse().expect("an address")), IpAddr::from([10, 0, 0, 1]));
    }
}
