//! Several devices in one server: who generates what, and what is booked for it.

use std::{path::PathBuf, sync::Arc};

use rusqlite::Connection;
use serde_json::{Value, json};
use tintype::{
    app::Fitting,
    clock::{Clock, SystemClock},
    config::Config,
    pipeline::ModelFiles,
};

use crate::{
    client::eventually,
    devices_lost::{NOT_FINITE_EVER, NOT_FINITE_PADDED, broken},
    server::{TestServer, counter::Trace},
    stopping::ask_for_slow_images,
    tiny_models,
};

/// A device of a server with several.
struct Device {
    /// The directory of its copy of the model.
    model: PathBuf,
    /// Else its energy is estimated.
    is_metered: bool,
}

impl TestServer {
    /// A server on as many CPUs as there are `devices`.
    fn start_on(devices: &[Device], change: impl FnOnce(&mut Config)) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (mut traces, mut fittings) = (Vec::new(), Vec::new());
        for device in devices {
            let files = ModelFiles::directory(&device.model).expect("a model");
            let trace = device.is_metered.then(|| Trace::begin(&clock));
            fittings.push(Fitting { counter: trace.as_ref().map(Trace::counter), files: Some(files) });
            traces.extend(trace);
        }
        let device = vec!["cpu"; devices.len()].join(",").parse().expect("devices");
        let change = |config: &mut Config| {
            config.model.device = device;
            change(config);
        };
        Self::start_fitted(clock, change, traces, fittings)
    }
}

fn sound() -> PathBuf {
    tiny_models::directory("base")
}

fn metered(model: PathBuf) -> Device {
    Device { model, is_metered: true }
}

fn two_sound() -> TestServer {
    TestServer::start_on(&[metered(sound()), metered(sound())], |_| {})
}

/// Entries of `kind` in the epochs of each device.
fn entries_by_device(server: &TestServer, kind: &str) -> Vec<i64> {
    let ledger = Connection::open(server.ledger_file()).expect("the ledger");
    let sql = "SELECT count(*) FROM entries JOIN meter_epochs ON meter_epochs.id = epoch
               WHERE kind = ?1 GROUP BY device";
    let mut statement = ledger.prepare(sql).expect("SQL");
    let counts = statement.query_map([kind], |row| row.get(0)).expect("counts");
    counts.collect::<Result<_, _>>().expect("counts")
}

fn images(answer: &Value) -> Vec<&Value> {
    answer["data"].as_array().expect("images").iter().map(|image| &image["b64_json"]).collect()
}

#[test]
fn two_devices_generate_what_one_would_have_generated_and_each_books_its_own() {
    let (two, one) = (two_sound(), TestServer::start());
    let body = json!({ "prompt": "tea", "seed": 7, "n": 4, "steps": 20 });
    let expected = one.generate(&body).json();
    eventually("both have generated", || {
        let answer = two.generate(&body).json();
        assert_eq!(images(&answer), images(&expected));
        entries_by_device(&two, "image").len() == 2
    });
    let ready = two.get("/readyz").send("").json();
    assert_eq!(ready, json!({ "status": "ready", "devices": 2, "devices_painting": 2 }));
    // Both sums close when they end.
}

#[test]
fn an_image_at_which_one_device_fails_is_generated_by_another_and_both_tries_are_booked() {
    let devices = [metered(sound()), metered(broken(NOT_FINITE_PADDED))];
    let (server, one) = (TestServer::start_on(&devices, |_| {}), TestServer::start());
    let body = json!({ "prompt": "tea", "seed": 7, "n": 4, "size": "36x36" });
    let expected = one.generate(&body).json();
    eventually("the second device has failed at one", || {
        let answer = server.generate(&body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(images(&answer.json()), images(&expected));
        !entries_by_device(&server, "failed").is_empty()
    });
    assert_eq!(entries_by_device(&server, "image").len(), 1, "what came out is the first one's");
    assert_eq!(server.count("failed"), 0);
    let of_its_sizes = server.generate(&json!({ "prompt": "tea", "n": 4 }));
    assert_eq!(of_its_sizes.status, 200);
    assert_eq!(server.get("/readyz").send("").json()["devices_painting"], 2, "its check has come out");
}

#[test]
fn a_device_that_generates_nothing_is_lost_and_the_others_serve() {
    let lost = Device { model: broken(NOT_FINITE_EVER), is_metered: false };
    let server = TestServer::start_on(&[metered(sound()), lost], |_| {});
    let ready = json!({ "status": "ready", "devices": 2, "devices_painting": 1 });
    eventually("one is left", || {
        let answer = server.get("/readyz").send("");
        let is_counted = server.get("/metrics").send("").text.contains("tintype_devices{state=\"lost\"} 1\n");
        is_counted && answer.status == 200 && answer.json() == ready
    });
    let answer = server.generate(&json!({ "prompt": "tea", "n": 8 }));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((server.totals().images, server.count("failed")), (8, 0));
}

#[test]
fn with_the_last_device_lost_requests_are_refused_before_anything_is_written() {
    let lost = || Device { model: broken(NOT_FINITE_EVER), is_metered: false };
    let server = TestServer::start_on(&[lost(), lost()], |_| {});
    let refusal = |answer: crate::client::Response| {
        let error = answer.json()["error"].clone();
        (answer.status, error["code"].clone(), error["message"].to_string().contains("No device"))
    };
    let expected = (503, json!("not_ready"), true);
    eventually("both are lost", || refusal(server.get("/readyz").send("")) == expected);
    assert_eq!(refusal(server.generate(&json!({ "prompt": "tea" }))), expected);
    assert_eq!(server.count("reserved") + server.count("running") + server.count("failed"), 0);
}

#[test]
fn a_stop_finishes_the_image_in_every_devices_hand() {
    let mut server = two_sound();
    let answers = ask_for_slow_images(&server, 4);
    eventually("two are generated, two wait", || {
        server.count("running") == 2 && server.count("reserved") == 2
    });
    server.end();
    let mut statuses: Vec<u16> = answers.iter().take(4).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503]);
    assert_eq!(server.totals().images, 2);
}
