//! `tintype setup`: the first minutes in a terminal.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use tempfile::TempDir;

use crate::{complaint, out, program::tintype, run};

/// The command with these lines as its answers.
fn answer(place: &TempDir, arguments: &[&str], answers: &str) -> Output {
    let mut command = tintype();
    command.env_remove("TINTYPE_TIME_ZONE").current_dir(place.path()).arg("setup").args(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(answers.as_bytes()).expect("read");
    child.wait_with_output().expect("it ends")
}

fn written(place: &TempDir) -> String {
    std::fs::read_to_string(place.path().join("tintype.toml")).expect("a file")
}

#[test]
fn answers_become_a_configuration_and_dated_rows_of_the_ledger() {
    let place = TempDir::new().expect("a directory");
    let answers = "EUR\nEurope/Berlin\n\n320\n0.28\nworkstation\n2400\n800\n2026-11-01\nthree\n3\n25\n";
    let done = answer(&place, &[], answers);
    let said = out(&done);
    assert!(said.contains("EUR all in") && !said.contains("example's machine"), "{said}");
    let asked = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        asked.contains("Currency of the ledger [CNY]:") && asked.contains("`three` cannot be used"),
        "{asked}"
    );
    let toml = written(&place);
    for line in [
        "time_zone = \"Europe/Berlin\"",
        "currency = \"EUR\"",
        "device_watts = 320",
        "price_per_kwh = \"0.28\"",
    ] {
        assert!(toml.contains(line), "{line} in {toml}");
    }
    let parts: serde_json::Value =
        serde_json::from_str(&out(&run(place.path(), &["asset", "list", "--json"]))).expect("JSON");
    assert_eq!((&parts[0]["name"], &parts[0]["life"]), (&"workstation".into(), &"3 years at 25 %".into()));
    assert!(out(&run(place.path(), &["costs"])).contains("EUR"));

    let again = answer(&place, &["--yes"], "");
    let noted = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success() && noted.contains("is there already"), "{noted}");
    assert_eq!(written(&place), toml, "a configuration is never overwritten");
}

#[test]
fn a_card_gives_its_watts_and_its_name_and_its_launch_price_only_as_an_answer_that_can_be_changed() {
    let place = TempDir::new().expect("a directory");
    // Enter takes the card's name and the price at its launch.
    let done = answer(&place, &[], "USD\nUTC\n\nrtx-4090\n0.15\n\n\n0\n2026-11-01\n3\n20\n");
    assert!(out(&done).contains("USD all in"), "{done:?}");
    let asked = String::from_utf8_lossy(&done.stderr).into_owned();
    for said in [
        "rtx-3060     NVIDIA GeForce RTX 3060, at most 170 W, launched at 329.00 USD",
        "l40s         NVIDIA L40S, at most 350 W\n",
        "[NVIDIA GeForce RTX 4090]:",
        "launched at 1,599.00 USD, before tax (https://pcper.com/",
        "What was paid for it [1599.00]:",
    ] {
        assert!(asked.contains(said), "{said} in {asked}");
    }
    assert!(written(&place).contains("device_watts = 450"), "{}", written(&place));
    let parts = out(&run(place.path(), &["asset", "list", "--json"]));
    let parts: serde_json::Value = serde_json::from_str(&parts).expect("JSON");
    assert_eq!(parts[0]["name"], "NVIDIA GeForce RTX 4090", "{parts}");
    assert!(parts[0]["price"].to_string().contains("1599"), "{parts}");

    // Another currency than the price's: it is named and not taken over.
    let place = TempDir::new().expect("a directory");
    let done = answer(&place, &["--card", "RTX-3060"], "CNY\nUTC\n\n1.2\nbox\n2400\n0\n2026-11-01\n3\n20\n");
    let asked = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(asked.contains("launched at 329.00 USD") && asked.contains("What was paid for it:"), "{asked}");
    assert!(out(&done).contains("CNY all in") && written(&place).contains("device_watts = 170"), "{done:?}");

    // Nobody is asked: the card's power counts, and no price that nobody stated.
    let place = TempDir::new().expect("a directory");
    let done = answer(
        &place,
        &["--yes", "--card", "rtx-5060-ti", "--currency", "USD", "--price-per-kwh", "0.15"],
        "",
    );
    assert!(out(&done).contains("USD all in") && written(&place).contains("device_watts = 180"), "{done:?}");
    assert_eq!(out(&run(place.path(), &["asset", "list", "--json"])).trim(), "[]");

    let refused = answer(&place, &["--yes", "--card", "voodoo-2"], "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("none of the cards rtx-3060, "), "{said}");
}

#[test]
fn a_zone_that_is_none_leaves_nothing_behind() {
    let place = TempDir::new().expect("a directory");
    let refused = answer(&place, &["--yes", "--time-zone", "Mars/Olympus"], "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("Mars/Olympus"), "{said}");
    assert_eq!(std::fs::read_dir(place.path()).expect("a directory").count(), 0);
    let refused = answer(&place, &["--yes", "--machine", "box"], "");
    assert_eq!(std::fs::read_dir(place.path()).expect("a directory").count(), 0);
    assert!(complaint(&refused, 2).contains("--price"), "{refused:?}");
}
