use serde_json::Value;
use tempfile::TempDir;

use crate::{complaint, out, run, tiny_models};

#[test]
fn each_part_is_timed_for_each_case_as_a_table_and_as_json() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let cases = ["--sizes", "32x32,32x16", "--steps", "1,2", "--n", "2", "--repetitions", "2"];
    let bench = [&["bench", "--model", &model, "--device", "cpu"], &cases[..]].concat();

    let json: Value =
        serde_json::from_str(&out(&run(place.path(), &[&bench[..], &["--json"]].concat()))).expect("JSON");
    assert_eq!((&json["device"], &json["dtype"]), (&"cpu".into(), &"f32".into()));
    assert_eq!(json["energy_source"], "estimated");
    let cases: Vec<_> = json["cases"].as_array().expect("cases").iter().collect();
    assert_eq!(cases.len(), 4, "two sizes, two numbers of steps");
    assert_eq!(
        (&cases[3]["size"], &cases[3]["steps"], &cases[3]["n"]),
        (&"32x16".into(), &2.into(), &2.into())
    );
    for case in cases {
        let parts = case["parts"].as_array().expect("parts");
        let names: Vec<_> = parts.iter().map(|part| part["name"].as_str().expect("a name")).collect();
        assert_eq!(names, ["tokenise", "text", "begin", "step", "decode", "png", "whole"]);
        let median = |part: &Value| part["median_ms"].as_f64().expect("milliseconds");
        assert!(parts.iter().all(|part| median(part) <= median(&parts[6])), "{case}");
        assert!(case["joules_per_image"].as_f64().expect("joules") > 0.0);
    }

    let edit = [
        "bench",
        "--model",
        &model,
        "--sizes",
        "32x16",
        "--steps",
        "1",
        "--repetitions",
        "1",
        "--edit",
        "--json",
    ];
    let json: Value = serde_json::from_str(&out(&run(place.path(), &edit))).expect("JSON");
    let of = |case: usize| {
        let case = &json["cases"][case];
        let parts = case["parts"].as_array().expect("parts").iter();
        let names: Vec<_> = parts.map(|part| part["name"].as_str().expect("a name").to_owned()).collect();
        (case["edit"].clone(), names.join(" "))
    };
    assert_eq!(of(0), (false.into(), "tokenise text begin step decode png whole".into()));
    assert_eq!(of(1), (true.into(), "tokenise text source begin step decode png check whole".into()));

    let text = out(&run(place.path(), &bench));
    assert!(text.contains("32x16, 2 steps, 2 images") && text.contains("estimated"), "{text}");
    assert!(!place.path().join("data").exists(), "no ledger is made");
}

#[test]
fn what_cannot_be_timed_is_refused_by_its_name() {
    let place = TempDir::new().expect("a directory");
    let refused = run(place.path(), &["bench", "--random-weights", "huge"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("write middle or full"), "{said}");
    let said = complaint(&run(place.path(), &["bench", "--sizes", "30x30", "--repetitions", "1"]), 2);
    assert!(said.contains("30x30"), "{said}");
}
