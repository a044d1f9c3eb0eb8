use std::time::Duration;

use tokio::time::Instant;

/// Time for a head to arrive, from its first byte (or from the accept).
pub(super) const HEAD_WAIT: Duration = Duration::from_secs(10);
/// Time after which a client that takes nothing of its answer is cut off.
pub(super) const WRITE_WAIT: Duration = Duration::from_secs(60);

/// What a connection is doing and when bytes last moved on it. Pure: the time is an argument.
#[derive(Debug)]
pub(super) struct ConnectionProgress {
    phase: Phase,
    /// When the phase began.
    entered: Instant,
    /// When a byte last moved, in either direction.
    moved: Instant,
    /// Whether the answer waits for the client to take it.
    is_blocked: bool,
    /// Whether everything that was answered so far has left for the socket.
    is_flushed: bool,
    /// Whether nothing more is read: the rest of a request's body was refused.
    is_closed_to_reading: bool,
    /// Whether bytes beyond a request arrived before its answer ended. Which of them begin the next head is not known then,
    /// so such a connection never counts as resting.
    is_pipelined: bool,
    framing: Framing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next head is on its way, or the connection is new.
    Head,
    /// The server waits for the client's body.
    Body,
    /// The server owes an answer.
    Answer,
    /// The last answer is complete, and nothing came since.
    Resting,
}

/// How long a request's body is, as its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    Bytes(u64),
    Chunked,
}

/// What may be read at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    /// Nothing until the answer is complete.
    Paused,
    /// Nothing any more: the connection ends.
    Over,
}

impl ConnectionProgress {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Head,
            entered: now,
            moved: now,
            is_blocked: false,
            is_flushed: true,
            is_closed_to_reading: false,
            is_pipelined: false,
            framing: Framing::default(),
        }
    }

    /// These bytes were read.
    pub(super) fn read(&mut self, bytes: &[u8], now: Instant) {
        self.moved = now;
        if self.phase == Phase::Resting {
            self.enter(Phase::Head, now);
        }
        self.framing.feed(bytes);
    }

    /// Bytes have arrived that were not read yet.
    pub(super) fn bytes_arrived(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Whether what the client sends is what the connection waits for.
    pub(super) fn waits_for_bytes(&self) -> bool {
        !self.is_blocked && !self.is_closed_to_reading && self.phase != Phase::Answer
    }

    /// The client took a part of its answer.
    pub(super) fn wrote(&mut self, now: Instant) {
        self.moved = now;
        self.is_blocked = false;
    }

    /// The client takes nothing at the moment.
    pub(super) fn write_blocked(&mut self, now: Instant) {
        if !self.is_blocked {
            self.is_blocked = true;
            self.moved = now;
        }
    }

    /// All that was to be written has been written.
    pub(super) fn flushed(&mut self) {
        self.is_flushed = true;
    }

    /// A request's head is complete.
    pub(super) fn begin(&mut self, body: BodyLength, now: Instant) {
        self.framing.body = body;
        self.enter(Phase::Answer, now);
    }

    /// The handler waits for the client's body, or no longer.
    pub(super) fn wait_for_body(&mut self, is_waiting: bool, now: Instant) {
        self.enter(if is_waiting { Phase::Body } else { Phase::Answer }, now);
    }

    /// Nothing more of the body is wanted.
    pub(super) fn close_to_reading(&mut self) {
        self.is_closed_to_reading = true;
    }

    /// Whether the rest of a body was refused.
    pub(super) fn is_closed_to_reading(&self) -> bool {
        self.is_closed_to_reading
    }

    /// The answer is complete, though its last bytes may not have left yet.
    pub(super) fn answered(&mut self, now: Instant) {
        self.is_pipelined |= !self.framing.ended_with_the_request();
        self.framing = Framing::default();
        self.is_flushed = false;
        self.moved = now;
        self.enter(if self.is_pipelined { Phase::Head } else { Phase::Resting }, now);
    }

    /// What the connection does at this moment, as far as its deadline depends on it.
    pub(super) fn doing(&self) -> (Phase, bool) {
        (self.phase, self.is_blocked)
    }

    pub(super) fn reading(&self) -> Reading {
        match (self.is_closed_to_reading, self.phase) {
            (false, _) => Reading::Open,
            (true, Phase::Answer | Phase::Body) => Reading::Paused,
            (true, Phase::Head | Phase::Resting) => Reading::Over,
        }
    }

    /// Whether what is written now can only be the parser's refusal of a head.
    pub(super) fn is_refusing_a_head(&self) -> bool {
        self.phase == Phase::Head && self.is_flushed
    }

    /// Whether a head has begun to arrive and is not complete.
    pub(super) fn is_amid_a_head(&self) -> bool {
        self.phase == Phase::Head && self.framing.bytes > 0
    }

    /// When the connection is to be closed if nothing moves until then. None while the server owes an answer, and while it
    /// waits for a body, whose reader has a deadline of its own so that it can answer 408.
    pub(super) fn deadline(&self, keep_alive: Duration) -> Option<Instant> {
        if self.is_blocked {
            return Some(self.moved + WRITE_WAIT);
        }
        match self.phase {
            Phase::Head => Some(self.entered + HEAD_WAIT),
            Phase::Resting => Some(self.entered + keep_alive),
            Phase::Body | Phase::Answer => None,
        }
    }

    /// Since when the client has been silent; none while the server owes it an answer that it takes.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        let is_served = self.phase == Phase::Answer && !self.is_blocked;
        (!is_served).then_some(self.moved)
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        if self.phase != phase {
            self.phase = phase;
            self.entered = now;
        }
    }
}

/// Counts the bytes of one request, to see whether any arrived beyond its end.
#[derive(Debug)]
struct Framing {
    bytes: u64,
    /// The last four bytes.
    tail: u32,
    /// Bytes after the head, once its end was seen.
    beyond_head: Option<u64>,
    body: BodyLength,
}

impl Default for Framing {
    fn default() -> Self {
        Self { bytes: 0, tail: 0, beyond_head: None, body: BodyLength::Bytes(0) }
    }
}

impl Framing {
    const BLANK_LINE: u32 = u32::from_be_bytes(*b"\r\n\r\n");

    fn feed(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        let mut rest = bytes;
        if self.beyond_head.is_none() {
            let end = rest.iter().position(|byte| {
                self.tail = (self.tail << 8) | u32::from(*byte);
                self.tail == Self::BLANK_LINE
            });
            let Some(end) = end else { return };
            self.beyond_head = Some(0);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        self.beyond_head = self.beyond_head.map(|beyond| beyond.saturating_add(rest.len() as u64));
        let last = rest.len().saturating_sub(4);
        for byte in rest.get(last..).unwrap_or_default() {
            self.tail = (self.tail << 8) | u32::from(*byte);
        }
    }

    /// Whether the bytes so far are one request and nothing else. When in doubt, no.
    fn ended_with_the_request(&self) -> bool {
        match (self.beyond_head, self.body) {
            (Some(beyond), BodyLength::Bytes(length)) => beyond == length,
            // Either the last chunk, or another complete head: both end so.
            (Some(_), BodyLength::Chunked) => self.tail == Self::BLANK_LINE,
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(75);
    const HEAD: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A connection that has had one answer, and read `extra` with its request.
    fn answered(extra: &[u8], body: BodyLength, at: Instant) -> ConnectionProgress {
        let mut progress = ConnectionProgress::new(at);
        progress.read(&[HEAD, extra].concat(), at);
        progress.begin(body, at);
        progress.answered(at);
        progress.flushed();
        progress
    }

    #[test]
    fn every_head_has_ten_seconds_from_its_first_byte() {
        let start = Instant::now();
        let mut progress = ConnectionProgress::new(start);
        assert_eq!(progress.deadline(KEEP_ALIVE), Some(start + HEAD_WAIT));
        progress.read(b"G", start + seconds(3));
        assert_eq!(progress.deadline(KEEP_ALIVE), Some(start + HEAD_WAIT), "more bytes win no time");
        for lone in [b"G".as_slice(), b"\r\n", b"GET /healthz HTTP/1.1\r\nX: y"] {
            let mut progress = answered(b"", BodyLength::Bytes(0), start);
            assert_eq!(progress.deadline(KEEP_ALIVE), Some(start + KEEP_ALIVE));
            progress.read(lone, start + seconds(20));
            assert_eq!(progress.deadline(KEEP_ALIVE), Some(start + seconds(20) + HEAD_WAIT));
            assert!(progress.is_amid_a_head());
        }
    }

    #[test]
    fn what_came_with_a_request_and_beyond_it_is_a_head_that_has_begun() {
        let start = Instant::now();
        let chunks = b"5\r\nhello\r\n0\r\n\r\n".as_slice();
        for (extra, body, rests) in [
            (b"".as_slice(), BodyLength::Bytes(0), true),
            (b"G", BodyLength::Bytes(0), false),
            (HEAD, BodyLength::Bytes(0), false),
            (b"12345", BodyLength::Bytes(5), true),
            (b"12345G", BodyLength::Bytes(5), false),
            (b"123", BodyLength::Bytes(5), false),
            (chunks, BodyLength::Chunked, true),
            (&[chunks, b"G"].concat(), BodyLength::Chunked, false),
        ] {
            let progress = answered(extra, body, start);
            let wait = if rests { KEEP_ALIVE } else { HEAD_WAIT };
            assert_eq!(progress.deadline(KEEP_ALIVE), Some(start + wait), "{}", extra.escape_ascii());
        }
    }

    #[test]
    fn the_end_of_a_head_is_seen_wherever_reads_are_cut() {
        let request = [HEAD, b"12345"].concat();
        for cut in 0..=request.len() {
            let mut framing = Framing { body: BodyLength::Bytes(5), ..Framing::default() };
            framing.feed(&request[..cut]);
            framing.feed(&request[cut..]);
            assert!(framing.ended_with_the_request(), "{cut}");
        }
    }

    #[test]
    fn a_client_that_waits_for_its_answer_is_not_silent() {
        let start = Instant::now();
        let mut progress = ConnectionProgress::new(start);
        progress.read(HEAD, start);
        progress.begin(BodyLength::Bytes(0), start);
        assert_eq!((progress.deadline(KEEP_ALIVE), progress.silent_since()), (None, None));
        progress.write_blocked(start + seconds(600));
        assert_eq!(progress.deadline(KEEP_ALIVE), Some(start + seconds(600) + WRITE_WAIT));
        assert_eq!(progress.silent_since(), Some(start + seconds(600)));
        progress.wrote(start + seconds(630));
        assert_eq!((progress.deadline(KEEP_ALIVE), progress.silent_since()), (None, None));
        progress.wait_for_body(true, start + seconds(631));
        assert_eq!(progress.silent_since(), Some(start + seconds(630)));
    }

    #[test]
    fn nothing_is_read_once_a_body_was_refused() {
        let start = Instant::now();
        let mut progress = ConnectionProgress::new(start);
        progress.read(HEAD, start);
        progress.begin(BodyLength::Chunked, start);
        progress.close_to_reading();
        assert_eq!(progress.reading(), Reading::Paused);
        progress.answered(start);
        assert_eq!(progress.reading(), Reading::Over);
    }
}
