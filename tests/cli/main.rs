//! The program as a person types it.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

#[path = "../support/audit.rs"]
mod audit;
#[path = "../support/books.rs"]
mod books;
#[path = "../support/eventually.rs"]
mod eventually;
#[path = "../support/hub.rs"]
mod false_hub;
#[path = "../support/image_client.rs"]
mod image_client;
#[path = "../support/large_model.rs"]
mod large_model;
#[path = "../support/lora_files.rs"]
mod lora_files;
#[path = "../support/mail_receiver.rs"]
#[expect(dead_code, reason = "tests/api lets it refuse mails for a while, and looks into them")]
mod mail_receiver;
#[path = "../support/process_memory.rs"]
mod process_memory;
#[path = "../support/program.rs"]
mod program;
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
#[path = "../support/tls.rs"]
mod tls;

mod admin;
mod agreement;
mod assets;
mod backup;
mod batch;
mod bench;
mod breakdown;
mod card_day;
mod centres;
mod checker;
mod comparisons;
mod configuration;
mod doctor;
mod edits;
mod focus;
mod generate;
mod hostile_models;
mod hub;
mod kernel_tables;
mod keys_and_costs;
mod lora;
mod memory;
mod model;
mod months;
mod output;
mod prices;
mod process;
mod profiles;
mod pull;
mod purchases;
mod reading;
mod roi;
mod serve;
mod setup;
mod storm;
mod terms;
mod upkeep;

use std::{path::Path, process::Output};

use crate::program::{Program, tintype};

/// Runs `tintype` with `arguments` in `directory`, to its end.
pub fn run(directory: &Path, arguments: &[&str]) -> Output {
    tintype().current_dir(directory).args(arguments).output().expect("the program runs")
}

/// The program, serving the tiny model.
fn serve(directory: &Path) -> Program {
    let mut command = tintype();
    command
        .current_dir(directory)
        .args(["--listen", "127.0.0.1:0", "--model"])
        .arg(tiny_models::directory("base"));
    Program::spawn(&mut command)
}

/// Standard output of a run that must have succeeded.
fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The one line that a run with exit code `code` says on standard error.
fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{text}");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("tintype: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

/// The status and the body of the answer to an order of `body`.
fn order(program: &Program, key: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
    let mut answer = agent()
        .post(format!("{}/v1/images/generations", program.url))
        .header("authorization", format!("Bearer {key}"))
        .send_json(body)
        .expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_json().expect("JSON"))
}

/// A client to which a refusal is an answer.
fn agent() -> ureq::Agent {
    ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build())
}

/// A file's pixels, without its metadata.
fn pixels(file: &std::path::Path) -> Vec<u8> {
    image::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).to_rgb8().into_raw()
}
