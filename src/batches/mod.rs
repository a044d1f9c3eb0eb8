//! What can wait: files that clients upload, and batches of requests.

mod file_store;
mod line;
mod lines;
mod plan;
mod shared_files;
mod stored_bytes;

pub use self::{
    file_store::{Draft, FileStore, Growing},
    line::{CUSTOM_ID_CHARS_MAX, InputLine, LineError},
    lines::{LINE_BYTES_MAX, Lines},
    plan::{BatchPlan, Begin, PlanReason, Prospect, WorkSpan},
    stored_bytes::StoredBytes,
};
