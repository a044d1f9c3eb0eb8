use std::io::{self, BufReader};

use actix_web::web;

use crate::{
    batches::{InputLine, Lines},
    domain::{BatchEndpoint, FileId},
    http::{
        State,
        api::{
            edits,
            error::ApiError,
            images::{self, Received},
        },
    },
    image_store::ObjectReader,
    service::ServiceError,
};

/// The lines of a file, read off the caller's thread.
pub(super) struct LineSource {
    /// None only while a line is read.
    lines: Option<Lines<BufReader<ObjectReader>>>,
}

impl LineSource {
    /// The lines of `file`; none if its bytes are lost.
    pub(super) async fn open(state: &State, file: FileId) -> Result<Option<Self>, ServiceError> {
        let opened = state.service.open_stored_file(file).await?;
        Ok(opened.map(|(file, _)| Self { lines: Some(Lines::new(BufReader::new(file))) }))
    }

    /// The next line that is not empty, and its number; none at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<(u32, Vec<u8>)>> {
        let Some(mut lines) = self.lines.take() else { return Ok(None) };
        let read = web::block(move || (lines.next_line(), lines)).await.map_err(io::Error::other)?;
        self.lines = Some(read.1);
        read.0
    }
}

/// Reads the request of a line, as its endpoint does.
pub(super) async fn receive(
    line: &InputLine,
    endpoint: BatchEndpoint,
    state: &State,
) -> Result<Received, ApiError> {
    match endpoint {
        BatchEndpoint::Generations => images::read(line.body.as_bytes(), state),
        BatchEndpoint::Edits => edits::read_json(&line.body, state).await,
    }
}
