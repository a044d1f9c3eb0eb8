//! What the gateway adds to a picture's time, in milliseconds: `cargo bench --bench overhead`, or `-- 1000` for another
//! number of requests than 300. `-- settle` measures the ledger alone, which comes last otherwise.
//!
//! One client asks the real program, with the embedded model and its ledger on a real disk, for one picture after another.
//! After each answer the library paints the same picture in this process: that is the device's time, without the
//! millisecond's rounding of the receipt. The overhead is the difference of the two, and what is in it: HTTP, the key's
//! check, counting the prompt's tokens, the reservation with its flush to the disk, the queue, PNG with its record of
//! origin, the settlement with its flush, base64 and JSON. The note that painting has begun is flushed beside the painting,
//! and counts only where the picture is done sooner. The note of the delivery follows the answer and does not count.

#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

#[expect(dead_code, reason = "its past is not used")]
#[path = "../../tests/support/books.rs"]
mod books;
#[path = "../support/pictures.rs"]
mod pictures;
#[path = "../../tests/support/program.rs"]
mod program;
mod settle;

use std::{
    ops::ControlFlow,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tintype::{
    domain::{ImageSize, RenderSpec, Seed},
    pipeline::{DeviceChoice, EMBEDDED_MODEL, Pipeline, Placement, Precision},
};

use crate::program::{Program, tintype};

const REQUESTS: usize = 300;
const WARM_UP_REQUESTS: usize = 20;
const SIDES: [u32; 2] = [64, 256];
/// The default steps.
const STEPS: u32 = 8;
const PROMPT: &str = "a lighthouse at dawn";

/// One picture's times.
struct Sample {
    /// From the request's first byte to the answer's last.
    wall: Duration,
    /// The same picture, painted by the library.
    library: Duration,
    /// As the receipt says, in whole milliseconds.
    receipt: Duration,
}

/// A client that keeps its connection.
struct Client {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Client {
    /// Asks for a picture in base64 PNG: the whole answer, and the time it took.
    fn ask(&self, body: &str) -> (Vec<u8>, Duration) {
        let began = Instant::now();
        let request = self.agent.post(&self.url).header("authorization", &self.authorization);
        let mut answer = request.header("content-type", "application/json").send(body).expect("an answer");
        let bytes = answer.body_mut().read_to_vec().expect("a body");
        (bytes, began.elapsed())
    }
}

fn measure(client: &Client, pipeline: &Pipeline, side: u32, requests: usize) -> Vec<Sample> {
    let size = ImageSize::square(side);
    let spec = RenderSpec {
        prompt: PROMPT.into(),
        negative_prompt: None,
        size,
        steps: STEPS,
        guidance_scale: 0.0,
        edit: None,
        loras: Vec::new(),
    };
    let sample = |seed: usize| {
        let body =
            json!({ "prompt": PROMPT, "size": size.to_string(), "steps": STEPS, "seed": seed }).to_string();
        let (answer, wall) = client.ask(&body);
        let began = Instant::now();
        let prepared = pipeline.prepare(&spec).expect("a prompt");
        let pixels = pipeline
            .paint(&spec, &prepared, Seed::new(seed as u64), &mut |_| ControlFlow::Continue(()))
            .expect("a picture");
        let library = began.elapsed();
        assert_eq!(pixels.size, size);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let receipt = answer["data"][0]["receipt"]["duration_ms"].as_u64().expect("a receipt");
        Sample { wall, library, receipt: Duration::from_millis(receipt) }
    };
    (0..WARM_UP_REQUESTS + requests).map(sample).skip(WARM_UP_REQUESTS).collect()
}

/// `| what | median | 99th percentile |`, in milliseconds.
fn row(side: u32, what: &str, samples: &[Sample], value: impl Fn(&Sample) -> f64) {
    let [p50, p99] = percentiles(samples.iter().map(value).collect());
    println!("| {side}x{side} | {what} | {p50:.2} | {p99:.2} |");
}

/// The 50th and the 99th percentile by the nearest rank; there is at least one value.
fn percentiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [50, 99].map(|percent| values[(values.len() * percent).div_ceil(100) - 1])
}

fn main() {
    if std::env::args().all(|argument| argument != "settle") {
        let requests = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(REQUESTS);
        measure_gateway(requests.max(1));
    }
    settle::measure();
}

fn measure_gateway(requests: usize) {
    let pipeline =
        Pipeline::load(&EMBEDDED_MODEL, &Placement::resident(DeviceChoice::Cpu, Precision::Auto), &|_, _| {})
            .expect("the embedded model");
    // In memory a flush would cost nothing.
    let data = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a data directory");
    let mut command: Command = tintype();
    command.current_dir(data.path()).args(["serve", "--listen", "127.0.0.1:0"]).env("TINTYPE_LOG", "warn");
    let mut program = Program::spawn(&mut command);
    let key = program.key.take().expect("a first key");
    let client = Client {
        agent: ureq::Agent::config_builder().proxy(None).build().into(),
        url: format!("{}/v1/images/generations", program.url),
        authorization: format!("Bearer {key}"),
    };

    println!("{requests} requests a size, one after another, {STEPS} steps\n");
    println!("| size | | p50 ms | p99 ms |\n| --- | --- | ---: | ---: |");
    let millis = |span: Duration| span.as_secs_f64() * 1000.0;
    for side in SIDES {
        let samples = measure(&client, &pipeline, side, requests);
        row(side, "wall, at the client", &samples, |sample| millis(sample.wall));
        row(side, "device, by the library", &samples, |sample| millis(sample.library));
        row(side, "device, by the receipt", &samples, |sample| millis(sample.receipt));
        row(side, "overhead: wall − library", &samples, |sample| {
            millis(sample.wall) - millis(sample.library)
        });
        row(side, "overhead: wall − receipt", &samples, |sample| {
            millis(sample.wall) - millis(sample.receipt)
        });
    }
}
