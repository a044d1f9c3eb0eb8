//! The real server, asked over HTTP.

#[path = "../support/server.rs"]
mod server;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

mod admin;
mod client;
mod doors;
mod images;
mod refusals;
mod stopping;
