//! Answers that carry images, sent piece by piece: no answer is ever one text in memory, and what is kept on the disk is read
//! as the client takes it.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::web::{self, Bytes};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::{Stream, stream};

use super::{error::ApiError, wire::Part};
use crate::{admit::Pass, http::State, image_store::ObjectReader, service::ImageFile};

/// Bytes of a file that are encoded at a time; a multiple of 3, so that pieces of base64 can be joined.
const PIECE: usize = 24 << 10;
/// What an answer holds while a file is read from the disk: a piece, its base64, and the connection's buffer.
const HELD_BY_READING: usize = 4 * PIECE;

/// How much memory answers on their way may hold together.
#[derive(Debug, Clone)]
pub struct AnswerMemory {
    held: Arc<AtomicUsize>,
    max: usize,
}

/// Memory that one answer holds. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Held {
    bytes: usize,
    held: Arc<AtomicUsize>,
}

impl AnswerMemory {
    /// At most `max` bytes, except for answers that are in memory already.
    pub fn new(max: usize) -> Self {
        Self { held: Arc::default(), max }
    }

    /// Takes the memory for `parts`. An answer whose images are in memory already is never refused: its images are paid for and
    /// cannot be asked for again.
    ///
    /// # Errors
    /// 503 if other answers hold all of it, and these images are on the disk, to be asked for again.
    pub(super) fn hold(&self, parts: &[Part]) -> Result<Held, ApiError> {
        let in_memory: usize = parts.iter().map(Part::held).sum();
        let is_kept = |part: &Part| matches!(part, Part::Base64(ImageFile::Kept { .. }));
        let reading = if parts.iter().any(is_kept) { HELD_BY_READING } else { 0 };
        let bytes = in_memory + reading;
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { bytes, held: Arc::clone(&self.held) };
        if reading > 0 && before.saturating_add(bytes) > self.max {
            return Err(ApiError::too_many_answers());
        }
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Parts that are being sent.
struct Pieces {
    parts: VecDeque<Part>,
    /// Bytes of the first part's file that were sent.
    sent: usize,
    /// The first part's file, once it is open.
    open: Option<ObjectReader>,
    state: web::Data<State>,
    _held: Option<Held>,
    _pass: Option<Arc<Pass>>,
}

/// The bytes of `parts`. `held` and `pass` are given back at the end.
pub(super) fn stream_of(
    parts: Vec<Part>,
    state: web::Data<State>,
    held: Option<Held>,
    pass: Option<Arc<Pass>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let pieces = Pieces { parts: parts.into(), sent: 0, open: None, state, _held: held, _pass: pass };
    stream::try_unfold(pieces, |mut pieces| async { Ok(pieces.next().await?.map(|piece| (piece, pieces))) })
}

impl Pieces {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let piece = match self.parts.front_mut() {
                None => return Ok(None),
                Some(Part::Text(text)) => {
                    let text = std::mem::take(text);
                    self.parts.pop_front();
                    Bytes::from(text)
                }
                Some(Part::Base64(file)) => {
                    let file = file.clone();
                    let piece = self.read(&file).await?;
                    self.sent += piece.len();
                    if piece.len() < PIECE {
                        (self.sent, self.open) = (0, None);
                        self.parts.pop_front();
                    }
                    Bytes::from(BASE64_STANDARD.encode(piece))
                }
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// The next piece of the file; a shorter one is the last.
    async fn read(&mut self, file: &ImageFile) -> io::Result<Vec<u8>> {
        let name = match file {
            ImageFile::InMemory(bytes) => {
                let end = bytes.len().min(self.sent + PIECE);
                return Ok(bytes.get(self.sent..end).unwrap_or_default().to_vec());
            }
            ImageFile::Kept { name, .. } => *name,
        };
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let opened = self.state.service.open_image(name).await.map_err(io::Error::other)?;
                opened.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?
            }
        };
        let (open, piece) = read_piece(open).await?;
        self.open = Some(open);
        Ok(piece)
    }
}

/// The next bytes of `file`; fewer than a piece are the last.
async fn read_piece<R: Read + Send + 'static>(mut file: R) -> io::Result<(R, Vec<u8>)> {
    let read = move || {
        let mut piece = Vec::with_capacity(PIECE);
        file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        Ok((file, piece))
    };
    web::block(read).await.map_err(io::Error::other)?
}

/// The bytes of `file` as they are.
pub(in crate::http) fn bytes_of(file: impl Read + Send + 'static) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(file, |file| async {
        let (file, piece) = read_piece(file).await?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ImageFormat, RequestId},
        image_store::ImageName,
    };

    fn kept() -> Part {
        let request = RequestId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]);
        let name = ImageName { request, index: 0, format: ImageFormat::Png, claim: None };
        Part::Base64(ImageFile::Kept { name, bytes: 1 << 30 })
    }

    #[test]
    fn what_can_be_asked_for_again_is_refused_when_answers_hold_all_there_is() {
        let memory = AnswerMemory::new(3 * HELD_BY_READING);
        let in_memory = Part::from(Arc::<[u8]>::from(vec![0; 2 * HELD_BY_READING]));
        let first = memory.hold(std::slice::from_ref(&in_memory)).expect("held");
        let second = memory.hold(&[kept(), kept()]).expect("one file is read at a time");
        assert!(memory.hold(&[kept()]).is_err());
        drop(memory.hold(&[in_memory]).expect("never refused"));
        drop(second);
        assert!(memory.hold(&[kept()]).is_ok());
        drop(first);
        assert_eq!(memory.held.load(Ordering::Relaxed), 0);
    }
}
