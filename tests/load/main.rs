//! Two hundred clients against the real server for a minute: no answer is lost, no image is another's, memory stays
//! flat, and the ledger adds up after a stop in the middle of it all. TINTYPE_LOAD_SECONDS says how long.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]
// Memory is read from /proc.
#![cfg(target_os = "linux")]

mod books;
mod client;
mod gallery;
mod keys;
mod memory;
#[path = "../support/process_memory.rs"]
mod process_memory;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/signal.rs"]
mod signal;
mod tally;
#[path = "../support/tiny_models.rs"]
mod tiny_models;
mod turns;

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use crate::{
    books::Books,
    gallery::Gallery,
    keys::Keys,
    memory::Memory,
    program::{Program, tintype},
    tally::Tally,
    turns::Visitor,
};

const CLIENTS: usize = 200;
const LOAD_SECONDS: u64 = 60;
/// Fewer would leave no quarter with two samples of the memory.
const LOAD_SECONDS_MIN: u64 = 8;
/// Fewer than there are clients, so that some are sent away and come back.
const QUEUE_DEPTH_MAX: usize = 150;

/// What all clients have in common.
pub struct Stage {
    /// Where the server is, without a slash at the end.
    pub url: String,
    /// Keys of every kind.
    pub keys: Keys,
    /// What the images must look like.
    pub gallery: Gallery,
    /// When the load began.
    pub began: Instant,
    is_over: AtomicBool,
}

impl Stage {
    /// Whether the server has been, or is about to be, asked to stop.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// Lines of the server's warnings that are shown, should there be any.
const LOG_LINES_SHOWN: usize = 20;
/// Where the server's log goes, in its data directory.
const LOG_FILE: &str = "log.txt";

/// The tiny model `base` on a free port. On a CPU batches gain nothing; here they let images of strangers meet.
fn serve(data: &Path) -> Program {
    let mut command = tintype();
    command.args(["serve", "--listen", "127.0.0.1:0", "--model"]).arg(tiny_models::directory("base"));
    command
        .arg("--data-dir")
        .arg(data)
        .env("TINTYPE_MODEL__DEFAULT_SIZE", "32x32")
        .env("TINTYPE_MODEL__BATCH_MAX", "4")
        .env("TINTYPE_LIMITS__QUEUE_DEPTH_MAX", QUEUE_DEPTH_MAX.to_string())
        .env("TINTYPE_METADATA__EMBED", "false")
        .env("TINTYPE_LOG", "warn")
        .env("RUST_BACKTRACE", "0")
        // glibc has eight arenas a core, and fills one after the other: minutes of growth that are not the program's.
        .env("MALLOC_ARENA_MAX", "2")
        .stderr(File::create(data.join(LOG_FILE)).expect("a log"));
    Program::spawn(&mut command)
}

/// How long the load lasts.
fn duration() -> Duration {
    let seconds = std::env::var("TINTYPE_LOAD_SECONDS")
        .map_or(LOAD_SECONDS, |text| text.parse().expect("TINTYPE_LOAD_SECONDS is a number of seconds"));
    assert!(seconds >= LOAD_SECONDS_MIN, "TINTYPE_LOAD_SECONDS must be at least {LOAD_SECONDS_MIN}");
    Duration::from_secs(seconds)
}

/// Stops the server as an operator does, with clients at work, and waits for its end.
fn stop(program: &mut Program) -> Duration {
    let began = Instant::now();
    signal::send(&program.child, "-TERM");
    assert_eq!(program.child.wait().expect("it ends").code(), Some(0), "it stops well");
    began.elapsed()
}

#[test]
fn two_hundred_clients_lose_nothing_and_the_ledger_adds_up() {
    let duration = duration();
    let gallery = Gallery::generate();
    // Beside the program, on a disk whose flushes are real.
    // Its owner's alone, as the server makes one: it warns of another.
    let private = Permissions::from_mode(0o700);
    let data = tempfile::Builder::new().permissions(private).tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let data = data.expect("a data directory");
    let mut program = serve(data.path());
    let first = program.key.take().expect("a first key");
    let stage = Stage {
        url: program.url.clone(),
        keys: Keys::make(data.path(), first),
        gallery,
        began: Instant::now(),
        is_over: AtomicBool::new(false),
    };
    let (tally, memory, stopped) = std::thread::scope(|scope| {
        let visit = |number| Visitor::new(&stage, number).visit();
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || visit(number))).collect();
        let memory = Memory::watch(program.child.id(), duration);
        stage.is_over.store(true, Ordering::Release);
        let stopped = stop(&mut program);
        let tallies = clients.into_iter().map(|client| client.join().expect("no panic"));
        (tallies.fold(Tally::default(), Tally::plus), memory, stopped)
    });
    let books = Books::read(data.path());
    println!("{CLIENTS} clients for {} s, stopped in {:.1} s\n", duration.as_secs(), stopped.as_secs_f64());
    println!("{}", tally.table(duration));
    println!("{}", books.table(&tally));
    println!("{}", memory.table());

    let log = fs::read_to_string(data.path().join(LOG_FILE)).expect("the log");
    let warnings: Vec<_> = log.lines().take(LOG_LINES_SHOWN).collect();
    println!("{}", warnings.join("\n"));
    tally.check();
    memory.check();
    books.check(&tally);
    assert!(warnings.is_empty(), "the server had {} lines of warnings, shown above", log.lines().count());
}
