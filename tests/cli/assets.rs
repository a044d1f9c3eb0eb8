use tempfile::TempDir;

use crate::{
    complaint, out,
    program::{Program, tintype},
    run,
};

const CARD: [&str; 7] = ["asset", "add", "RTX 4090", "--price", "13000", "--residual", "5000"];

fn add(place: &TempDir, life: &[&str]) -> std::process::Output {
    run(place.path(), &[&CARD, life].concat())
}

/// One image's receipt.
fn generate(program: &Program, key: &str) -> serde_json::Value {
    let answer: serde_json::Value = ureq::post(format!("{}/v1/images/generations", program.url))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .send(r#"{"prompt": "a lighthouse at dawn", "size": "64x64"}"#)
        .expect("an answer")
        .body_mut()
        .read_json()
        .expect("JSON");
    answer["data"][0]["receipt"].clone()
}

#[test]
fn assets_are_recorded_listed_and_retired() {
    let place = TempDir::new().expect("a directory");
    let listed = || out(&run(place.path(), &["asset", "list"]));
    let units = ["--bought", "2026-01-15", "--lifetime-images", "30000"];
    assert!(out(&add(&place, &units)).contains("asset 1 is recorded"));
    let time = ["--bought", "2000-01-01", "--years", "3", "--normal-utilisation", "20", "--share", "50"];
    assert!(out(&add(&place, &time)).contains("asset 2"));
    for said in
        ["30000 images", "13000.00", "in service", "3 years at 20 %", "50 %", "2500.00", "written off"]
    {
        assert!(listed().contains(said), "{said} in {}", listed());
    }
    let retired = out(&run(place.path(), &["asset", "retire", "2", "--proceeds", "4000"]));
    assert!(retired.contains("book value 2500.00 CNY") && retired.contains("loss 500.00 CNY"), "{retired}");
    let again = complaint(&run(place.path(), &["asset", "retire", "2", "--proceeds", "4000"]), 2);
    assert!(again.contains("asset 2 was retired on"), "{again}");
    let taken_back = ["asset", "retire", "1", "--proceeds", "13000", "--on", "2026-01-15"];
    assert!(out(&run(place.path(), &taken_back)).contains("gain 0.00"));
    assert!(listed().contains("retired 2026-01-15, gain 0.00"), "{}", listed());
}

#[test]
fn an_asset_of_one_machine_says_which() {
    let place = TempDir::new().expect("a directory");
    let life = ["--bought", "2026-01-15", "--lifetime-images", "30000", "--machine", "atelier-3"];
    assert!(out(&add(&place, &life)).contains("asset 1 is recorded"));
    let said = |arguments: &[&str]| out(&run(place.path(), &[&["asset"], arguments].concat()));
    assert!(said(&["list"]).contains("RTX 4090, in atelier-3"), "{}", said(&["list"]));
    let listed: serde_json::Value = serde_json::from_str(&said(&["list", "--json"])).expect("JSON");
    assert_eq!(listed[0]["machine"], "atelier-3");
    let rows = said(&["register", "--format", "csv"]);
    let machines: Vec<_> = rows.lines().filter_map(|row| row.rsplit(',').next()).collect();
    assert_eq!(machines[..2], ["machine", "atelier-3"], "{rows}");
}

#[test]
fn an_asset_that_cannot_be_is_refused_and_named() {
    let place = TempDir::new().expect("a directory");
    let bought = ["--bought", "2026-01-15"];
    let refused = |life: &[&str]| {
        let output = add(&place, &[&bought, life].concat());
        assert_eq!(output.status.code(), Some(2), "{life:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&[]).contains("--lifetime-images"));
    assert!(refused(&["--years", "3"]).contains("--normal-utilisation"));
    assert!(refused(&["--years", "3", "--lifetime-images", "9"]).contains("cannot be used with"));
    assert!(refused(&["--lifetime-images", "0"]).contains("lifetime_images: must be above 0"));
    assert!(refused(&["--lifetime-images", "9", "--share", "101"]).contains("share_percent"));
    assert!(refused(&["--years", "3", "--normal-utilisation", "0"]).contains("normal_utilisation_percent"));
    assert!(!place.path().join("data").exists(), "nothing was made");
    out(&add(&place, &["--bought", "2026-01-15", "--lifetime-images", "9"]));
    let retire =
        |arguments: &[&str]| complaint(&run(place.path(), &[&["asset", "retire"], arguments].concat()), 2);
    assert!(retire(&["7", "--proceeds", "1"]).contains("no asset `7`"));
    assert!(retire(&["1", "--proceeds", "1", "--on", "2026-01-14"]).contains("2026-01-15"));
    assert!(retire(&["1", "--proceeds", "1", "--on", "2999-01-01"]).contains("future"));
    let euros = tintype()
        .current_dir(place.path())
        .args(CARD)
        .args(["--bought", "2026-01-15", "--lifetime-images", "9"])
        .env("TINTYPE_COSTS__CURRENCY", "EUR")
        .output();
    assert!(complaint(&euros.expect("the program runs"), 2).contains("kept in CNY"));
}

#[test]
fn an_asset_recorded_beside_a_running_server_counts_from_the_next_image_on() {
    let place = TempDir::new().expect("a directory");
    let mut program = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
    let key = program.key.take().expect("a first key");
    let report = || out(&run(place.path(), &["costs"]));
    assert_eq!(generate(&program, &key)["depreciation"], 0.343333334);
    assert!(report().contains("an example's"), "{}", report());
    out(&add(&place, &["--bought", "2026-01-15", "--lifetime-images", "16000"]));
    let receipt = generate(&program, &key);
    assert_eq!(receipt["depreciation"], 0.5);
    let id = receipt["request_id"].as_str().expect("an id");
    let explained = out(&run(place.path(), &["receipt", id, "--explain"]));
    for said in
        ["entry 2: image 1", "(13000.00 − 5000.00) · 100 % / 16000 images = 0.50", "0.03 an image = 0.03"]
    {
        assert!(explained.contains(said), "{explained}");
    }
    let figures = out(&run(place.path(), &["receipt", id]));
    assert!(figures.contains("depreciation") && !figures.contains("16000 images"), "{figures}");
    assert!(figures.contains("MADE WITH") && figures.contains("torch.randn on a CPU"), "{figures}");
    assert!(complaint(&run(place.path(), &["receipt", "7"]), 2).contains("`request_id`"));
    assert!(!report().contains("an example's"), "{}", report());
    out(&run(place.path(), &["asset", "retire", "1", "--proceeds", "9000"]));
    assert_eq!(generate(&program, &key)["depreciation"], 0.0);
}

#[test]
fn a_wall_meter_gives_the_factor_and_the_line_to_write() {
    let place = TempDir::new().expect("a directory");
    let mut program = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
    let key = program.key.take().expect("a first key");
    generate(&program, &key);
    let ledger = rusqlite::Connection::open(place.path().join("data/ledger.sqlite3")).expect("the ledger");
    let booked_mj: i64 =
        ledger.query_row("SELECT sum(energy_mj) FROM entries", [], |row| row.get(0)).expect("a sum");
    let calibrate = |millijoules: i64, from: &str, to: &str| {
        // The last digit is a hundredth of a millijoule's place.
        let kwh = format!("0.{:012}", millijoules * 10_000 / 36 + 1);
        run(place.path(), &["calibrate", "--measured-kwh", &kwh, "--from", from, "--to", to])
    };
    let said = out(&calibrate(booked_mj * 3 / 2, "2026-01-01", "2999-12-31"));
    assert!(said.contains("\nwall_factor_percent = 150\n"), "{said}");
    let refused = |millijoules, from, to| complaint(&calibrate(millijoules, from, to), 2);
    assert!(refused(booked_mj / 2, "2026-01-01", "2999-12-31").contains("device_watts"));
    assert!(refused(booked_mj * 4, "2026-01-01", "2999-12-31").contains("idle hours"));
    assert!(refused(booked_mj, "2000-01-01", "2000-12-31").contains("no work"));
    assert!(refused(booked_mj, "2026-01-02", "2026-01-01").contains("--to"));
    assert_eq!(calibrate(booked_mj, "yesterday", "2999-12-31").status.code(), Some(2));
    assert!(!place.path().join("tintype.toml").exists(), "no file is written");
}
