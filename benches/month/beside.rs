//! What an export costs those who do not read it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use tintype::{domain::ApiKey, ledger::Month};

use crate::program::{Program, tintype};

/// Lists of models beside nothing.
const ALONE: usize = 1000;
/// Between two requests: a client, not a flood.
const PAUSE: Duration = Duration::from_millis(5);

/// A client that keeps its connection.
struct Client {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Client {
    /// With the key of the bench's ledger that `seed` made.
    fn new(program: &Program, seed: u64) -> Self {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed)).reveal();
        Self {
            agent: ureq::Agent::config_builder().proxy(None).build().into(),
            url: program.url.clone(),
            authorization: format!("Bearer {key}"),
        }
    }

    fn get(&self, path: &str) -> ureq::http::Response<ureq::Body> {
        let request = self.agent.get(format!("{}{path}", self.url));
        request.header("authorization", &self.authorization).call().expect("an answer")
    }

    /// The time from a request for the models to the end of its answer.
    fn list_models(&self) -> Duration {
        thread::sleep(PAUSE);
        let began = Instant::now();
        self.get("/v1/models").body_mut().read_to_vec().expect("a body");
        began.elapsed()
    }
}

/// Serves the ledger in `data`, which has `images` images in `month`, and prints what a client waits for a list of models: alone,
/// and while another key reads the month as FOCUS rows.
pub fn measure(data: &Path, month: Month, images: u32) {
    let mut command = tintype();
    command.current_dir(data).args(["serve", "--listen", "127.0.0.1:0"]).env("TINTYPE_LOG", "warn");
    let program = Program::spawn(command.env("TINTYPE_DATA_DIR", data));
    let (client, accountant) = (Client::new(&program, 0), Client::new(&program, 1));
    client.list_models();
    let alone = (0..ALONE).map(|_| client.list_models()).collect();
    let mut beside = Vec::new();
    let (lines, took) = thread::scope(|scope| {
        let export = scope.spawn(|| {
            let began = Instant::now();
            let answer = accountant.get(&format!("/admin/costs.csv?month={month}&format=focus"));
            let mut lines = 0;
            for line in BufReader::new(answer.into_body().into_reader()).lines() {
                line.expect("a line");
                lines += 1;
            }
            (lines, began.elapsed())
        });
        while !export.is_finished() {
            beside.push(client.list_models());
        }
        export.join().expect("an export")
    });
    assert!(lines > images, "{lines} lines");
    println!("\n{lines} lines of FOCUS by HTTP in {:.1} s\n", took.as_secs_f64());
    println!("| GET /v1/models | requests | p50 ms | p99 ms |\n| --- | ---: | ---: | ---: |");
    row("alone", alone);
    row("beside the export", beside);
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let millis =
        |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64() * 1000.0;
    println!("| {name} | {} | {:.2} | {:.2} |", times.len(), millis(50), millis(99));
}
