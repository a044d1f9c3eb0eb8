//! Cost centres on the command line, and their statements as files.

use tempfile::TempDir;

use crate::{complaint, out, run};

#[test]
fn a_cost_centre_is_charged_what_its_tag_used_and_gets_a_statement() {
    let place = TempDir::new().expect("a directory");
    let books = crate::books::Books::open(place.path());
    books.generate("2026-10-02T10:00:00Z", Some("autumn"));
    books.generate("2026-10-03T10:00:00Z", Some("autumn"));
    books.generate("2026-10-03T11:00:00Z", None);
    let centre = |arguments: &[&str]| run(place.path(), &[&["centre"], arguments].concat());
    assert_eq!(out(&centre(&["add", "青松 Studio"])), "cost centre 青松 Studio is made\n");
    let assign =
        ["assign", "青松 Studio", "--tag", "autumn", "--from", "2026-10-01", "--document", "order 9"];
    let said = out(&centre(&assign));
    assert_eq!(said, "tag autumn belongs to cost centre 青松 Studio from 2026-10-01 on\n");
    out(&run(place.path(), &["terms", "set", "mark_up_percent", "10", "--from", "2026-10-01"]));
    let charges = out(&centre(&["charge", "--month", "2026-10", "--format", "json"]));
    let charges: serde_json::Value = serde_json::from_str(&charges).expect("JSON");
    let [of_centre, of_none] = charges["charges"].as_array().expect("a list").as_slice() else {
        panic!("{charges}")
    };
    assert_eq!((&of_centre["name"], &of_centre["images"]), (&"青松 Studio".into(), &2.into()));
    assert_eq!((&of_none["name"], &of_none["images"]), (&serde_json::Value::Null, &1.into()));
    assert_eq!(charges["mark_up_percent"], 10);
    let table = out(&centre(&["charge", "--month", "2026-10"]));
    assert!(table.contains("青松 Studio") && table.contains("shared by device-time"), "{table}");
    let listed = out(&centre(&["list"]));
    assert!(listed.contains("tag autumn") && listed.contains("order 9"), "{listed}");

    for (file, begins) in
        [("s.pdf", &b"%PDF-"[..]), ("s.xlsx", b"PK"), ("s.csv", b"month,currency,cost_centre")]
    {
        out(&centre(&[
            "statement",
            "青松 Studio",
            "--month",
            "2026-10",
            "--output",
            file,
            "--lang",
            "zh-CN",
        ]));
        let written = std::fs::read(place.path().join(file)).expect("a file");
        assert!(written.starts_with(begins), "{file}");
    }
    for (arguments, said) in [
        (&["add", "青松 Studio"][..], "there is a cost centre `青松 Studio` already"),
        (&["assign", "nobody", "--tag", "x"], "no cost centre `nobody`"),
        (&["assign", "青松 Studio", "--key", "zzz"], "no key `zzz`"),
        (&["statement", "青松 Studio", "--output", "s.txt"], ".pdf, .xlsx or .csv"),
        (&["statement", "青松 Studio", "--output", "s.pdf", "--lang", "fr"], "write en or zh-CN"),
    ] {
        let line = complaint(&centre(arguments), 2);
        assert!(line.contains(said), "{line}");
    }
}
