//! The rehearsal of a day on a card: `tools/card-day`, on the CPU, with the program just built.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{script, skip::skip_or_fail};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Rehearsal {
    place: TempDir,
}

impl Rehearsal {
    /// A kit as `pack` makes it, but for the programs of tests.
    fn new() -> Self {
        let place = TempDir::new().expect("a directory");
        let kit = place.path().join("kit");
        fs::create_dir(&kit).expect("a kit");
        symlink(env!("CARGO_BIN_EXE_tintype"), kit.join("tintype")).expect("a link");
        symlink(Path::new(ROOT).join("models"), kit.join("models")).expect("a link");
        Self { place }
    }

    fn results(&self) -> PathBuf {
        self.place.path().join("out/card-day.json")
    }

    /// What a run prints.
    fn run(&self, flags: &[&str]) -> String {
        self.ended(flags).expect("no part fails")
    }

    /// What a run prints, or how it fails.
    fn ended(&self, flags: &[&str]) -> Result<String, String> {
        let mut command = Command::new("python3");
        command.arg(Path::new(ROOT).join("tools/card-day/card_day.py"));
        command.args(["--rehearse", "--device", "cpu", "--kit"]).arg(self.place.path().join("kit"));
        command.arg("--out").arg(self.place.path().join("out")).args(flags);
        script::run(&mut command)
    }

    fn part(&self, name: &str) -> Value {
        let results = fs::read(self.results()).expect("results");
        let results: Value = serde_json::from_slice(&results).expect("JSON");
        results["parts"][name].clone()
    }
}

fn has_python() -> bool {
    match script::run(Command::new("python3").arg("--version")) {
        Ok(_) => true,
        Err(error) => {
            skip_or_fail("python3", &error);
            false
        }
    }
}

#[test]
fn a_day_is_rehearsed_part_by_part_and_goes_on_where_it_was_cut() {
    if !has_python() {
        return;
    }
    let day = Rehearsal::new();
    let printed = day.run(&["--only", "tiers", "--budget", "0"]);
    assert!(!printed.contains("tiers"), "no time, no part: {printed}");

    let printed = day.run(&["--only", "tiers", "served", "--budget", "1200"]);
    let tier = &day.part("tiers")["figures"]["8bit in 8 GB"];
    assert_eq!((&day.part("tiers")["state"], &tier["ended_with"]), (&"done".into(), &0.into()), "{tier}");
    assert_eq!(tier["report"]["memory"], "8bit");
    let served = &day.part("served")["figures"]["embedded 64x64"];
    let of = |name: &str| served[name].as_f64().unwrap_or_else(|| panic!("{name} in {served}"));
    assert!(of("device_ms") > 0.0 && of("whole_ms") > of("device_ms") && of("added_ms_p50") > 0.0);
    assert!(printed.contains("| embedded 64x64 |") && printed.contains("| 8bit in 8 GB |"), "{printed}");

    // What is done is not done again.
    let before = fs::read(day.results()).expect("results");
    day.run(&["--only", "tiers", "served", "--budget", "1200"]);
    assert_eq!(fs::read(day.results()).expect("results"), before);

    // The rest of the day, from a case that an earlier run had on.
    let mut results: Value = serde_json::from_slice(&before).expect("JSON");
    let earlier = serde_json::json!({"report": tier["report"], "peak_mib_of_card": 7});
    results["parts"]["bench"] =
        serde_json::json!({"state": "cut", "seconds": 1.0, "figures": {"64x64 n=1 f16 own": earlier}});
    fs::write(day.results(), results.to_string()).expect("results");
    day.run(&["--budget", "1200"]);
    let bench = day.part("bench");
    assert_eq!(
        (&bench["state"], bench["figures"]["64x64 n=1 f16 own"]["peak_mib_of_card"].clone()),
        (&"done".into(), 7.into())
    );
    assert_eq!(bench["figures"]["64x64 n=2 f32 candle"]["report"]["cases"][0]["n"], 2);
    // One of two servers breaks, the other does not notice, and the next start makes the same image.
    let server = &day.part("lost")["figures"]["server"];
    assert_eq!((&day.part("lost")["state"], &server["ended_with"]), (&"done".into(), &1.into()), "{server}");
    assert!(server["status_of_its_request"].as_u64().is_some_and(|status| status >= 500), "{server}");
    for figure in ["its_image_is_the_same", "its_neighbours_image_is_the_same"] {
        assert_eq!(server[figure], true, "{server}");
    }
    for part in ["kernels", "checked", "profile", "parity"] {
        assert_eq!(day.part(part)["state"], "not here", "{part}");
    }
    for part in ["reference", "energy"] {
        assert!(["done", "not here"].map(Value::from).contains(&day.part(part)["state"]), "{part}");
    }
    // Where PyTorch and diffusers are, the two images are one.
    if let Some(largest) = day.part("reference")["figures"]["difference"]["largest"].as_u64() {
        assert!(largest <= 1, "{}", day.part("reference"));
    }
}

#[test]
fn a_program_that_does_not_start_is_reported_before_the_first_part() {
    if !has_python() {
        return;
    }
    let day = Rehearsal::new();
    let program = day.place.path().join("kit/tintype");
    fs::remove_file(&program).expect("a link");
    fs::write(&program, "#!/bin/sh\necho libcublas.so.13: no such file >&2\nexit 127\n").expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    let failure = day.ended(&[]).expect_err("nothing can be measured");
    assert!(failure.contains("does not start here: libcublas.so.13: no such file"), "{failure}");
    assert!(!day.results().exists());
}

#[test]
fn the_report_replaces_itself_in_the_documentation_and_nothing_else() {
    if !has_python() {
        return;
    }
    let place = TempDir::new().expect("a directory");
    let document = place.path().join("performance.md");
    fs::write(&document, "# Performance\n\n## Not measured\n\nMuch.\n").expect("a document");
    let write = |text: &str| {
        let code = "import sys, pathlib, report; report.write(sys.argv[1], pathlib.Path(sys.argv[2]))";
        let mut command = Command::new("python3");
        command.args(["-c", code, text]).arg(&document).current_dir(Path::new(ROOT).join("tools/card-day"));
        script::run(command.env("PYTHONDONTWRITEBYTECODE", "1")).expect("a report");
        fs::read_to_string(&document).expect("a document")
    };
    write("| first |\n");
    let twice = write("| second |\n");
    assert!(
        twice.starts_with("# Performance\n\n## On a card\n") && twice.ends_with("## Not measured\n\nMuch.\n"),
        "{twice}"
    );
    assert_eq!(
        (twice.matches("second").count(), twice.matches("first").count(), twice.matches("card-day").count()),
        (1, 0, 3)
    );
}

#[test]
fn the_counter_is_held_against_the_integral_of_the_power() {
    if !has_python() {
        return;
    }
    // A card of 100 W whose counter moves by 2 J every 20 ms, on a clock that moves by 2 ms for each look.
    let code = "
import nvml
class Card:
    at = 0.0
    def joules(self): return 2.0 * (round(self.at * 1e3) // 20)
    def watts(self): return 100.0
card = Card()
def pause(seconds): card.at += seconds
figures = nvml.compare(card, lambda: card.at < 1.0, now=lambda: card.at, pause=pause)
print(*(round(figures[name], 3) for name in ('seconds', 'counter_joules', 'integral_joules', 'tick_ms_median', 'tick_ms_longest')))
";
    let mut command = Command::new("python3");
    command.args(["-c", code]).current_dir(Path::new(ROOT).join("tools/card-day"));
    let printed = script::run(command.env("PYTHONDONTWRITEBYTECODE", "1")).expect("figures");
    let figures: Vec<f64> =
        printed.split_whitespace().map(|figure| figure.parse().expect("a number")).collect();
    let expected = [1.0, 100.0, 100.0, 20.0, 20.0];
    let is_close = |(figure, expected): (&f64, &f64)| (figure - expected).abs() <= 0.02 * expected + 0.01;
    assert!(figures.iter().zip(&expected).all(is_close) && figures.len() == 5, "{figures:?}");
}
