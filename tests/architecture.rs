//! Who may import whom: docs/architecture.md in force.

use std::{fs, path::Path};

/// Each room and the rooms that it may name. `app`, `cli` and `main` may name anything.
const ROOMS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("clock", &["units"]),
    ("domain", &["units"]),
    ("pipeline", &["domain", "units"]),
    ("encode", &["pipeline", "domain", "units"]),
    ("meter", &["domain", "units", "clock"]),
    ("costs", &["domain", "units"]),
    ("ledger", &["costs", "domain", "units"]),
    ("admit", &["ledger", "costs", "domain", "units", "clock"]),
    ("engine", &["pipeline", "meter", "domain", "units", "clock"]),
    ("pictures", &["domain", "units"]),
    ("telemetry", &["domain", "units"]),
    (
        "service",
        &[
            "admit",
            "engine",
            "meter",
            "costs",
            "ledger",
            "encode",
            "pictures",
            "telemetry",
            "domain",
            "units",
            "clock",
        ],
    ),
    ("config", &["service", "engine", "meter", "telemetry", "costs", "pipeline", "domain", "units"]),
    (
        "http",
        &[
            "service",
            "admit",
            "engine",
            "pipeline",
            "encode",
            "pictures",
            "telemetry",
            "ledger",
            "costs",
            "domain",
            "units",
            "clock",
        ],
    ),
];

fn sources(room: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut places = vec![root.join(room), root.join(format!("{room}.rs"))];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(
                fs::read_dir(&place).expect("a directory").map(|entry| entry.expect("an entry").path()),
            );
        } else if place.is_file() && place.extension().is_some_and(|extension| extension == "rs") {
            files.push((place.display().to_string(), fs::read_to_string(&place).expect("a source")));
        }
    }
    files
}

/// The rooms named in `use crate::…` and in `crate::…::` paths, outside of test modules.
fn imports(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for part in source.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            None => found.push(first_word(part)),
            Some(group) => {
                // The top level of `crate::{a::{b, c}, d}`.
                let mut depth = 0;
                let mut word_starts = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => word_starts = true,
                        c if depth == 0 && word_starts && c.is_ascii_lowercase() => {
                            found.push(first_word(&group[i..]));
                            word_starts = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
}

#[test]
fn rooms_import_only_what_they_may() {
    for (room, allowed) in ROOMS {
        let files = sources(room);
        assert!(!files.is_empty(), "{room} has no files");
        for (file, source) in files {
            for import in imports(&source) {
                assert!(import == *room || allowed.contains(&import.as_str()), "{file} imports {import}");
            }
        }
    }
}

#[test]
fn every_room_has_its_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let free = ["app", "cli", "main", "lib"];
    for entry in fs::read_dir(root).expect("src") {
        let name = entry.expect("an entry").path();
        let name = name.file_stem().expect("a name").to_string_lossy().into_owned();
        let known = free.contains(&name.as_str()) || ROOMS.iter().any(|(room, _)| *room == name);
        assert!(known, "src/{name} is not in the list of rooms");
    }
}

#[test]
fn the_reader_of_imports_reads_groups() {
    let source =
        "use crate::{\n    admit::{self, Refused},\n    clock::Clock,\n};\nfn f() -> crate::units::Money {}";
    assert_eq!(imports(source), ["admit", "clock", "units"]);
}
