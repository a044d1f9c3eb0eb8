//! The real server, asked over HTTP.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

#[path = "../support/commercial_api.rs"]
mod commercial_api;
#[path = "../support/eventually.rs"]
mod eventually;
#[path = "../support/lora_files.rs"]
mod lora_files;
#[path = "../support/mail_receiver.rs"]
mod mail_receiver;
#[path = "../support/webhook_receiver.rs"]
mod receiver;
#[path = "../support/script.rs"]
mod script;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/tiny_models.rs"]
mod tiny_models;
#[path = "../support/tls.rs"]
mod tls;

mod admin;
mod alerts;
mod asynchronous;
mod batches;
mod bodies;
mod books_pages;
mod browser;
mod client;
mod comparisons;
mod connections;
mod dashboard;
mod deploy;
mod devices;
mod devices_lost;
mod doors;
mod edits;
mod files;
mod gallery;
mod hang_ups;
mod images;
mod jobs_page;
mod key_budgets;
mod keys;
mod keys_page;
mod loras;
mod mail_tls;
mod overflow;
mod packaging;
mod playground;
mod queue;
mod quotes;
mod receipts;
mod reference;
mod refusals;
mod repeats;
mod roi;
mod scopes;
mod settings;
mod sign_in;
mod stopping;
mod streaming;
mod uploads;
mod watching;
mod webhooks;
mod workflows;
