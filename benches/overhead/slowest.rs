//! Where the time goes that the gateway adds: `cargo bench --bench overhead -- slowest`, or `-- slowest 1000` for another
//! number of requests than 10,000.
//!
//! The real program writes a line at each mark that a request passes (TINTYPE_LOG=tintype=trace), and the time between
//! two marks is a part. The requests are ranked by what they took besides the device, and each part is shown at its median
//! and as the mean of the slowest hundredth. The image is the embedded model's cheapest, of one step. After each request
//! the bench writes a page to the same disk and flushes it, which shows what of a part is the disk's.
//!
//! Lines take time too. A second server of the same build writes those of the device alone, and its requests say what is added
//! in all.
//!
//! TINTYPE_BENCH_OTHER names another build of the program, of which the same is asked in turns: whatever else the machine
//! does meets both.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::Command,
};

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::{Client, percentiles};
use crate::program::{Program, tintype};

const REQUESTS: usize = 10_000;
const WARM_UP_REQUESTS: usize = 50;
/// Names another build of the program.
const OTHER: &str = "TINTYPE_BENCH_OTHER";
/// Written into memory, so that the log takes nothing of the disk.
const MEMORY: &str = "/dev/shm";

/// Lines of all marks, and of the device's two.
const ALL_MARKS: &str = "warn,tintype=trace";
const DEVICE_MARKS: &str = "warn,tintype::engine::local::worker=trace";

/// Where a request's lines begin.
const FIRST: &str = "head read";
/// The two ends of the device's part.
const DEVICE: [&str; 2] = ["device begins", "device done"];
/// What a request does up to each mark, in order. From the last mark on, it is sent.
const PARTS: [(&str, &str); 23] = [
    ("receive", FIRST),
    ("recognise the key", "key recognised"),
    ("read the body", "body read"),
    ("parse it", "request parsed"),
    ("count the tokens, on a thread", "tokens counted"),
    ("start the task, reach a thread", "ledger asked"),
    ("quote: parts and prices", "quoted"),
    ("reserve: wait for the turn", "reservation begun"),
    ("reserve: statements", "reservation written"),
    ("reserve: commit", "reservation committed"),
    ("return to the task", "taken on"),
    ("queue", DEVICE[0]),
    ("the device", DEVICE[1]),
    ("hand the pixels over", "job ended"),
    ("parts and prices, reach a thread", "files begun"),
    ("PNG with its record", "file encoded"),
    ("keep the file", "files kept"),
    ("settle: wait for the turn", "settlement begun"),
    ("settle: statements", "settlement written"),
    ("settle: commit and flush", "settlement committed"),
    ("return to the task", "settled"),
    ("return to the connection", "outcome received"),
    ("JSON and head", "answered"),
];
/// The rest: base64, and the way to the client.
const LAST: &str = "base64 and send";

/// One program that is asked, and when it was asked and had answered.
struct AskedProgram {
    name: String,
    has_all_marks: bool,
    // Ends before its directory.
    _program: Program,
    client: Client,
    log: PathBuf,
    times: Vec<(Timestamp, Timestamp)>,
}

/// A request's parts in milliseconds, in the order of [`PARTS`] and [`LAST`]; none if only the device's marks are known.
struct RequestParts {
    each: Vec<f64>,
    /// All of them but the device's.
    overhead: f64,
}

/// Measures and prints the tables.
pub fn measure(requests: Option<usize>) {
    let requests = requests.unwrap_or(REQUESTS).max(1);
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a data directory");
    let memory = Path::new(MEMORY);
    let logs = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    let logs = logs.expect("a directory");
    let mut asked = AskedProgram::start("this build", tintype, place.path(), logs.path());
    if let Some(other) = std::env::var_os(OTHER) {
        let command = || {
            let mut command = Command::new(&other);
            command.env("TINTYPE_TIME_ZONE", "UTC").env_remove("TINTYPE_CONFIG");
            command
        };
        asked.extend(AskedProgram::start("the other build", command, place.path(), logs.path()));
    }
    let mut page = File::create(place.path().join("page")).expect("a file");
    let mut flushes = Vec::new();
    for seed in 0..WARM_UP_REQUESTS + requests {
        for program in &mut asked {
            program.ask(seed);
            flushes.push(flush(&mut page));
        }
    }
    println!("\n{requests} requests of 64x64 in one step, one after another");
    let slowest = requests.div_ceil(100);
    for program in &asked {
        program.report(slowest);
    }
    let [p50, p99] = percentiles(flushes.clone());
    flushes.sort_by(f64::total_cmp);
    let worst = mean(flushes.iter().rev().take(slowest).copied());
    println!(
        "\nthe disk: 4 KiB and a flush: p50 {p50:.2} ms, p99 {p99:.2} ms, mean of the slowest hundredth {worst:.2} ms"
    );
}

/// Writes a page to the disk and flushes it; returns the milliseconds.
fn flush(page: &mut File) -> f64 {
    let began = Timestamp::now();
    page.rewind().expect("the start");
    page.write_all(&[0; 4096]).expect("written");
    page.sync_data().expect("flushed");
    millis(began, Timestamp::now())
}

impl AskedProgram {
    /// One that writes all marks, and one that writes the device's.
    fn start(build: &str, command: impl Fn() -> Command, place: &Path, logs: &Path) -> Vec<Self> {
        let start = |has_all_marks| {
            let (says, filter) =
                if has_all_marks { ("all marks", ALL_MARKS) } else { ("the device's marks", DEVICE_MARKS) };
            let name = format!("{build}, {says}");
            let (data, log) = (place.join(&name), logs.join(&name));
            fs::create_dir(&data).expect("a data directory");
            let mut command = command();
            command.current_dir(&data).args(["serve", "--listen", "127.0.0.1:0"]);
            command.env_remove(OTHER).env("TINTYPE_LOG", filter);
            command.stderr(File::create(&log).expect("a log"));
            let mut program = Program::spawn(&mut command);
            let key = program.key.take().expect("a first key");
            let client = Client::new(&program.url, &key);
            Self { name, has_all_marks, _program: program, client, log, times: Vec::new() }
        };
        [false, true].map(start).into()
    }

    fn ask(&mut self, seed: usize) {
        let body = json!({ "prompt": super::PROMPT, "size": "64x64", "steps": 1, "seed": seed }).to_string();
        let began = Timestamp::now();
        self.client.ask(&body);
        self.times.push((began, Timestamp::now()));
    }

    fn report(&self, slowest: usize) {
        let log = fs::read_to_string(&self.log).expect("the log");
        let first = if self.has_all_marks { FIRST } else { DEVICE[0] };
        let marks = marks(&log, first);
        // The warm-up image at the start has no such lines.
        assert_eq!(marks.len(), self.times.len(), "each request has its lines");
        let samples = marks.iter().zip(&self.times).skip(WARM_UP_REQUESTS);
        let parts: &[_] = if self.has_all_marks { &PARTS } else { &[] };
        let mut samples: Vec<_> =
            samples.map(|(marks, times)| RequestParts::of(parts, marks, *times)).collect();
        let [p50, p99] = percentiles(samples.iter().map(|sample| sample.overhead).collect());
        println!("\n{}: p50 {p50:.2} ms, p99 {p99:.2} ms besides the device", self.name);
        if !self.has_all_marks {
            return;
        }
        samples.sort_by(|one, other| other.overhead.total_cmp(&one.overhead));
        println!("\n| ms | median | mean of the slowest {slowest} |\n| --- | ---: | ---: |");
        let names = PARTS.map(|(part, _)| part).into_iter().chain([LAST]);
        for (at, name) in names.enumerate() {
            let values: Vec<_> = samples.iter().map(|sample| sample.each[at]).collect();
            let slow = mean(values.iter().take(slowest).copied());
            let [median, _] = percentiles(values);
            println!("| {name} | {median:.3} | {slow:.3} |");
        }
        let slow = mean(samples.iter().take(slowest).map(|sample| sample.overhead));
        println!("| all but the device | {p50:.3} | {slow:.3} |");
    }
}

impl RequestParts {
    fn of(
        parts: &[(&str, &str)],
        marks: &HashMap<&str, Timestamp>,
        (sent, received): (Timestamp, Timestamp),
    ) -> Self {
        let mut last = sent;
        let mut each: Vec<_> = parts
            .iter()
            .map(|(_, mark)| {
                let at = *marks.get(mark).unwrap_or_else(|| panic!("the log has no line `{mark}`"));
                millis(std::mem::replace(&mut last, at), at)
            })
            .collect();
        each.push(millis(last, received));
        let device = millis(marks[DEVICE[0]], marks[DEVICE[1]]);
        Self { each, overhead: millis(sent, received) - device }
    }
}

/// When each request passed each mark, of which `first` is its first.
fn marks<'a>(log: &'a str, first: &str) -> Vec<HashMap<&'a str, Timestamp>> {
    let mut requests: Vec<HashMap<&str, Timestamp>> = Vec::new();
    for line in log.lines() {
        let Some((time, rest)) = line.split_once(' ') else { continue };
        // `LEVEL request{id="…"}: the mark and its fields`, or without the request on threads that know none.
        let rest = rest.trim_start();
        let said = rest.split_once("}: ").or_else(|| rest.split_once(' ')).map_or("", |(_, said)| said);
        let mark = PARTS.iter().map(|(_, mark)| *mark).find(|mark| said.starts_with(mark));
        let (Some(mark), Ok(time)) = (mark, time.parse()) else { continue };
        if mark == first {
            requests.push(HashMap::new());
        }
        if let Some(request) = requests.last_mut() {
            request.entry(mark).or_insert(time);
        }
    }
    requests
}

fn millis(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}
