//! What SQLite passes over in silence. It reads a write-ahead log up to the first frame whose checksum is wrong and
//! drops the rest, as it must after a power cut. If settled images are dropped with it, we have to say so.
//!
//! The format is SQLite's (sqlite.org/fileformat2.html, section 4): a header of 32 bytes, then frames, each a header of
//! 24 bytes and a page. Checksums run on from frame to frame. A frame that ends a transaction holds the database's
//! size.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use super::files::log_of;
use crate::ledger::LedgerError;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The magic number but for its last bit, which says that checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;
/// SQLite's own page size, for a log whose header cannot be read.
const USUAL_PAGE_BYTES: usize = 4096;

/// How far a log can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Scan {
    header: [u8; HEADER_BYTES],
    /// Transactions up to the first frame that is wrong.
    readable: u64,
    /// Transactions after it that belong to the same run of the log.
    unreadable: u64,
}

/// Whether the log of the database in `file` can be read to its end. One last transaction that cannot be is what a
/// power cut leaves of an answer that was never given; it is logged. With `synchronous=FULL` there is never a second.
///
/// # Errors
/// [`LedgerError::DamagedLog`] if more than that cannot be read, [`LedgerError::Io`] if the file cannot.
pub(super) fn check(file: &Path) -> Result<(), LedgerError> {
    let log = log_of(file);
    let unreadable = unreadable(&log).map_err(|cause| LedgerError::Io { file: log.clone(), cause })?;
    match unreadable {
        0 => Ok(()),
        1 => {
            tracing::warn!(log = %log.display(), "the last write to the ledger was cut short and is dropped");
            Ok(())
        }
        writes => Err(LedgerError::DamagedLog { file: log, writes }),
    }
}

/// Transactions in `log` that cannot be read. A log that changes under the reader is in good hands.
fn unreadable(log: &Path) -> io::Result<u64> {
    let first = scan(log)?;
    if first.unreadable > 0 && scan(log)? != first { Ok(0) } else { Ok(first.unreadable) }
}

fn scan(log: &Path) -> io::Result<Scan> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Scan::default()),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::new(file);
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut file, &mut header)? {
        return Ok(Scan::default());
    }
    let mut scan = Scan { header, ..Scan::default() };
    let (mut sum, page_bytes) = match WalChecksum::of_header(&header) {
        Some((sum, page_bytes)) => (Some(sum), page_bytes),
        None => (None, USUAL_PAGE_BYTES),
    };
    let mut salts = sum.is_some().then(|| bytes(&header, 16));
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    while fill(&mut file, &mut frame)? {
        // Other salts: left over from an earlier run, whose pages are in the database.
        let is_of_this_run = *salts.get_or_insert(bytes(&frame, 8)) == bytes::<8>(&frame, 8);
        sum = sum.and_then(|sum| sum.of_frame(&frame)).filter(|_| is_of_this_run);
        let ends_transaction = is_of_this_run && word(&frame, 4) > 0;
        match sum {
            Some(_) => scan.readable += u64::from(ends_transaction),
            None => scan.unreadable += u64::from(ends_transaction),
        }
    }
    Ok(scan)
}

/// Fills `buffer`; false if the file ends before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A checksum on its way through the log.
#[derive(Debug, Clone, Copy)]
struct WalChecksum {
    is_big_endian: bool,
    sums: [u32; 2],
}

impl WalChecksum {
    /// The checksum after a header that is sound, and the bytes of a page.
    fn of_header(header: &[u8; HEADER_BYTES]) -> Option<(Self, usize)> {
        let (magic, page_bytes) = (word(header, 0), word(header, 8) as usize);
        let start = Self { is_big_endian: magic & 1 == 1, sums: [0; 2] };
        let sum = start.over(&header[..24]);
        let is_sound = magic & !1 == MAGIC
            && word(header, 4) == VERSION
            && page_bytes.is_power_of_two()
            && (512..=65536).contains(&page_bytes)
            && sum.is_stored_at(header, 24);
        is_sound.then_some((sum, page_bytes))
    }

    /// The checksum after `frame`, if that is the one that the frame was written with.
    fn of_frame(self, frame: &[u8]) -> Option<Self> {
        let sum = self.over(&frame[..8]).over(&frame[FRAME_HEADER_BYTES..]);
        (word(frame, 0) > 0 && sum.is_stored_at(frame, 16)).then_some(sum)
    }

    fn over(self, bytes: &[u8]) -> Self {
        let read =
            |at: usize| if self.is_big_endian { word(bytes, at) } else { word(bytes, at).swap_bytes() };
        let [mut first, mut second] = self.sums;
        for at in (0..bytes.len()).step_by(8) {
            first = first.wrapping_add(read(at)).wrapping_add(second);
            second = second.wrapping_add(read(at + 4)).wrapping_add(first);
        }
        Self { sums: [first, second], ..self }
    }

    fn is_stored_at(self, bytes: &[u8], at: usize) -> bool {
        self.sums == [word(bytes, at), word(bytes, at + 4)]
    }
}

fn bytes<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// A big-endian number.
fn word(from: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes(from, at))
}
