//! Two gateways and two workers with their images in a bucket, which no directory of theirs has.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tintype::image_store::{ImageStore, ImagesPlace};

use super::orders::until_answered;
use crate::{
    audit::audit,
    eventually::eventually,
    image_client::{Answered, ImageClient},
    postgres::Postgres,
    program::{Program, tintype},
    relay::Relay,
    s3::S3,
    tiny_models,
};

const IMAGES: &str = "s3://images/studio";
const CLIENTS: usize = 4;
/// Answers before a worker is killed, and after it.
const ANSWERS: usize = 6;

/// A server of S3, and the relay by which nodes reach it.
type Reached = (S3, Relay);

/// A node with a data directory of its own below `root`.
fn node(role: &str, number: usize, (database, server, root): (&Postgres, &Reached, &Path)) -> Program {
    let mut command = tintype();
    command.args(["serve", "--role", role, "--ledger", &database.url(), "--images", IMAGES, "--data-dir"]);
    command.arg(root.join(format!("{role}-{number}"))).arg("--model").arg(tiny_models::directory("base"));
    if role == "gateway" {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.envs([
        ("TINTYPE_CLUSTER__LEASE_SECONDS", "2"),
        ("TINTYPE_MODEL__DEFAULT_SIZE", "32x32"),
        ("TINTYPE_MODEL__STEPS__MEDIUM", "2"),
        // A first image that took long foretells nothing of those after it.
        ("TINTYPE_LIMITS__ANSWER_WAIT_SECONDS", "3600"),
    ]);
    command.envs(server.0.variables()).env("AWS_ENDPOINT_URL", format!("http://{}", server.1.address));
    Program::spawn(&mut command)
}

/// Runs `command` to its end: what it printed.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("tintype");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_dead_worker_and_a_bucket_that_is_away_for_a_while_lose_nothing() {
    let (Some(database), Some(server)) = (Postgres::start(), S3::start()) else { return };
    server.make_bucket("images");
    let relay = Relay::to(server.url().trim_start_matches("http://"));
    let reached = (server, relay);
    let (server, relay) = (&reached.0, &reached.1);
    let root = tempfile::tempdir().expect("a directory");
    let ground = (&database, &reached, root.path());
    let ledger = ["--ledger", &database.url(), "--data-dir"];
    let said = printed(tintype().args(["key", "create", "load"]).args(ledger).arg(root.path().join("keys")));
    let key = said.lines().next().expect("a key").trim();
    let gateways = [0, 1].map(|number| node("gateway", number, ground));
    let mut workers = [0, 1].map(|number| node("worker", number, ground));
    let (answers, is_over) = (Mutex::new(Answered::new()), AtomicBool::new(false));
    let answered = || answers.lock().expect("no panic").len();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answers, is_over, gateways) = (&answers, &is_over, &gateways);
            scope.spawn(move || {
                let mut order = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let name = format!("{client}-{order}");
                    let [first, again] =
                        [0, 1].map(|turn| ImageClient::new(&gateways[(client + order + turn) % 2], key));
                    let answer = until_answered(&first, &name, 2);
                    assert_eq!(
                        until_answered(&again, &name, 2),
                        answer,
                        "the other gateway has the same images"
                    );
                    answers.lock().expect("no panic").insert(answer.0, answer.1);
                    order += 1;
                }
            });
        }
        eventually("clients are answered", || answered() >= ANSWERS);
        workers[0].kill();
        let before = answered();
        eventually("the other worker goes on", || answered() >= before + ANSWERS);
        relay.set_cut(true);
        let is_ready = || {
            let ready =
                ureq::get(format!("{}/readyz", gateways[0].url)).config().http_status_as_error(false).build();
            ready.call().expect("an answer").status() == 200
        };
        eventually("the gateway knows that the bucket is away", || !is_ready());
        relay.set_cut(false);
        eventually("the gateway is ready again", is_ready);
        let before = answered();
        eventually("orders are answered again", || answered() >= before + ANSWERS);
        is_over.store(true, Ordering::Relaxed);
    });
    let answers = answers.into_inner().expect("no panic");
    // Files of the killed worker that nobody names may lie beside those that count.
    let Ok(ImagesPlace::Bucket(place)) = IMAGES.parse() else { panic!("a bucket") };
    let store = ImageStore::in_bucket(&place, server.variables()).expect("the store");
    let kept: BTreeSet<_> =
        store.kept().expect("listed").into_iter().map(|(id, index)| (id.to_string(), index)).collect();
    for (request, images) in &answers {
        for index in (0..).take(images.len()) {
            assert!(kept.contains(&(request.clone(), index)), "image {index} of {request} is in the bucket");
        }
    }
    assert!(
        store.objects().get("cluster.key").expect("read").is_some(),
        "the first node made the secret there"
    );
    drop((gateways, workers));
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tintype'";
    eventually("the connections of all nodes have ended", || database.query(connections) == "0");
    let copy = root.path().join("copy");
    printed(tintype().args(["ledger", "move", "--from", &database.url(), "--to"]).arg(&copy));
    let audited = audit(&copy.join("ledger.sqlite3"), &answers);
    assert_eq!(audited.settled, i64::try_from(answers.len()).expect("a count"), "no order is made twice");
}
