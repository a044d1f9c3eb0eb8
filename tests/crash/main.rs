//! The real server and what may befall its ledger: SIGKILL, a full disk, files that cannot be written, damage. After
//! each, what clients were answered is there, once, and both sums close; and one line says what to do.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

#[path = "../support/audit.rs"]
mod audit;
#[expect(dead_code, reason = "tests/api has its other replies")]
#[path = "../support/commercial_api.rs"]
mod commercial_api;
#[path = "../support/database_proxy.rs"]
mod database_proxy;
#[path = "../support/eventually.rs"]
mod eventually;
#[path = "../support/image_client.rs"]
mod image_client;
#[path = "../support/lora_files.rs"]
mod lora_files;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/process_memory.rs"]
mod process_memory;
#[path = "../support/program.rs"]
mod program;
#[expect(dead_code, reason = "tests/objects fills its disk")]
#[path = "../support/relay.rs"]
mod relay;
#[expect(dead_code, reason = "tests/objects kills it, and asks it for credentials")]
#[path = "../support/s3.rs"]
mod s3;
#[path = "../support/script.rs"]
mod script;
#[path = "../support/signal.rs"]
mod signal;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/slow_client.rs"]
mod slow_client;
#[path = "../support/tiny_models.rs"]
mod tiny_models;
#[path = "../support/webhook_receiver.rs"]
mod webhook_receiver;

mod batch_command;
mod batches;
mod cluster;
mod damage;
mod full_disk;
mod kills;
mod later;
mod ledger_in_postgres;
mod overflow;
mod read_only;
mod restores;
mod served;
mod storm;
