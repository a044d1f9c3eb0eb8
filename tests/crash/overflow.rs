//! A kill while images are being bought: the purchase is in doubt, once, and nobody pays twice.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    commercial_api::{CommercialApi, Reply},
    eventually::eventually,
    program::tintype,
    served::{Place, Served},
};

/// A configuration in `directory` with an `[[overflow]]` that buys from `api` at once.
pub fn configuration(api: &CommercialApi, directory: &Path) -> PathBuf {
    let overflow = api.overflow(&directory.join("key"), &json!({ "timeout_seconds": 600 }));
    let line = |(name, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::Object(_) => "qualities = { medium = \"medium\" }".to_owned(),
        value => format!("{name} = {value}"),
    };
    let lines: Vec<_> = overflow.as_object().expect("an object").iter().map(line).collect();
    let config = directory.join("tintype.toml");
    std::fs::write(&config, format!("[[overflow]]\n{}\n", lines.join("\n"))).expect("written");
    config
}

impl Place {
    /// Serves with an `[[overflow]]` that buys from `api` at once.
    fn serve_buying(&mut self, api: &CommercialApi) -> Served {
        let config = configuration(api, &self.aside(""));
        let mut command = self.command(&[]);
        command.env("TINTYPE_CONFIG", config);
        self.serve_command(command)
    }

    fn purchases(&self) -> (Vec<String>, i64) {
        let ledger = rusqlite::Connection::open(self.ledger()).expect("the ledger");
        let mut states = ledger.prepare("SELECT state FROM purchases ORDER BY id").expect("SQL");
        let states = states.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>();
        let count = "SELECT count(*) FROM bought_images WHERE state = 'doubtful'";
        let doubtful = ledger.query_row(count, [], |row| row.get(0)).expect("a count");
        (states.expect("states"), doubtful)
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_purchase_that_a_kill_interrupts_is_in_doubt_once_and_never_paid_again() {
    let api = CommercialApi::start();
    let mut place = Place::new();
    let mut served = place.serve_buying(&api);
    let public_id = place.key().split('-').nth(1).expect("a public id").to_owned();
    run(tintype().args(["key", "set", &public_id, "--overflow", "yes", "--data-dir"]).arg(&place.data));
    api.will_answer(&[Reply::Silence]);
    let client = place.client(&served);
    let waiting = std::thread::spawn(move || client.generate(Some("order"), 1));
    eventually("the seller is asked", || api.orders().len() == 1);
    served.program.kill();
    assert_eq!(waiting.join().expect("no panic").expect_err("cut off").status, 0);
    assert_eq!(place.purchases(), (vec!["open".to_owned()], 0));

    for _ in 0..2 {
        let mut served = place.serve_buying(&api);
        assert_eq!(place.purchases(), (vec!["doubtful".to_owned()], 1));
        // The same order again: it is made here, or answered again.
        place.client(&served).generate(Some("order"), 1).expect("an answer");
        assert_eq!(api.orders().len(), 1, "nobody is asked again");
        served.program.kill();
    }
    // Another order is bought.
    let served = place.serve_buying(&api);
    place.client(&served).generate(Some("another"), 1).expect("an answer");
    assert_eq!(
        (api.orders().len(), place.purchases().0),
        (2, vec!["doubtful".to_owned(), "bought".to_owned()])
    );
    assert_ne!(api.orders()[0].idempotency_key, api.orders()[1].idempotency_key);
}
