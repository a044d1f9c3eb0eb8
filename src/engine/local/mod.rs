//! Devices of this machine: for each, the thread that owns it and its copy of the model.

mod batch;
mod caches;
mod memory;
mod profiles;
mod prompts;
mod sides;
mod start;
mod worker;

pub use self::{
    memory::{DeviceMemory, Watch},
    profiles::ProfileStore,
    start::{WorkerParts, Workers},
    worker::WarmUp,
};
