//! Who may import whom, and how large things may grow: docs/architecture.md in force.

use std::{
    fs,
    path::{Path, PathBuf},
};

use reading::{Named, named};

mod circles;
mod limits;
mod reading;

/// Each room and the rooms that it may name: itself, those of its line, which stand above it, and rooms within it.
/// A line such as `ledger::store` is for a directory that is a room of its own. `+http` is http and all that it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("os", &[]),
    ("toml_text", &[]),
    ("clock", &["units"]),
    ("domain", &["units"]),
    ("pipeline", &["domain", "units"]),
    ("meter", &["domain", "units", "clock"]),
    ("costs", &["toml_text", "domain", "units"]),
    ("encode", &["pipeline", "costs", "domain", "units"]),
    ("outbound", &["domain"]),
    ("source_image", &["outbound", "domain", "units"]),
    ("notify", &["outbound", "domain", "units"]),
    ("overflow", &["encode", "source_image", "outbound", "costs", "domain", "units"]),
    ("ledger", &["costs", "os", "domain", "units"]),
    ("statements", &["ledger", "costs", "domain", "units"]),
    ("admit", &["ledger", "costs", "domain", "units", "clock"]),
    ("engine", &["pipeline", "meter", "os", "domain", "units", "clock"]),
    ("image_store", &["os", "domain", "units"]),
    ("batches", &["image_store", "costs", "os", "domain", "units"]),
    ("lora_library", &["image_store", "pipeline", "domain"]),
    ("cluster", &["ledger", "engine", "costs", "image_store", "domain", "units", "clock"]),
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
            "source_image",
            "notify",
            "overflow",
            "image_store",
            "batches",
            "lora_library",
            "cluster",
            "telemetry",
            "domain",
            "units",
            "clock",
        ],
    ),
    (
        "config",
        &[
            "ledger",
            "notify",
            "service",
            "engine",
            "image_store",
            "meter",
            "telemetry",
            "costs",
            "lora_library",
            "outbound",
            "overflow",
            "pipeline",
            "toml_text",
            "domain",
            "units",
        ],
    ),
    (
        "http",
        &[
            "service",
            "admit",
            "engine",
            "pipeline",
            "encode",
            "source_image",
            "notify",
            "image_store",
            "batches",
            "lora_library",
            "telemetry",
            "statements",
            "ledger",
            "costs",
            "domain",
            "units",
            "clock",
        ],
    ),
    ("http::api", &["+http"]),
    ("http::pages", &["+http::api"]),
];

/// They put the rooms together, and may name anything.
const FREE: &[&str] = &["app", "cli", "main", "lib"];

/// Libraries that belong to some rooms only.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("candle_core", &["pipeline"]),
    ("candle_nn", &["pipeline"]),
    ("candle_transformers", &["pipeline"]),
    ("rusqlite", &["ledger::store"]),
    ("rusqlite_migration", &["ledger::store"]),
    ("actix_web", &["http", "app"]),
    ("actix_multipart", &["http"]),
    ("maud", &["http"]),
    ("plotters", &["http"]),
    ("nvml_wrapper", &["meter"]),
];

/// The rooms that `room` may name; none if it is not in the list.
fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let (_, line) = ROOMS.iter().find(|(name, _)| *name == room)?;
    let names = line.iter().flat_map(|name| match name.strip_prefix('+') {
        Some(above) => allowed(above).into_iter().flatten().chain([above]).collect(),
        None => vec![*name],
    });
    Some(names.collect())
}

/// A module's path from the crate's root: `["http", "api"]`.
type ModulePath = Vec<String>;

/// One file of src/.
struct Source {
    file: PathBuf,
    module: ModulePath,
    text: String,
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut places = vec![src()];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(
                fs::read_dir(&place).expect("a directory").map(|entry| entry.expect("an entry").path()),
            );
        } else if place.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one)) {
            files.push(place);
        }
    }
    files
}

fn sources() -> Vec<Source> {
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source");
        let inside = file.strip_prefix(src()).expect("in src").with_extension("");
        let mut module: ModulePath =
            inside.iter().map(|part| part.to_str().expect("plain names").to_owned()).collect();
        if module.last().is_some_and(|last| ["mod", "main", "lib"].contains(&last.as_str())) {
            module.pop();
        }
        Source { file, module, text }
    };
    files(&["rs"]).into_iter().map(read).collect()
}

/// The room of a module: the longest line of the list that it begins with, or else its first part.
fn room(module: &[String]) -> String {
    let path = module.join("::");
    let is_in =
        |room: &str| path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"));
    let rooms = ROOMS.iter().map(|(room, _)| *room).filter(|room| is_in(room));
    rooms
        .max_by_key(|room| room.len())
        .map_or_else(|| module.first().cloned().unwrap_or_default(), str::to_owned)
}

#[test]
fn rooms_import_only_what_they_may() {
    let mut faults = Vec::new();
    for Source { file, module, text } in sources() {
        let own = room(&module);
        let Some(allowed) = allowed(&own) else { continue };
        for named in named(&text, &module) {
            let Named::Inside(path) = named else { continue };
            let other = room(&path);
            let is_module = ROOMS.iter().any(|(room, _)| *room == other) || FREE.contains(&other.as_str());
            let is_within = other.starts_with(&format!("{own}::"));
            if is_module && other != own && !is_within && !allowed.contains(&other.as_str()) {
                faults.push(format!("{}: {own} may not name {}", file.display(), path.join("::")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn libraries_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for Source { file, module, text } in sources() {
        let own = module.join("::");
        for named in named(&text, &module) {
            let Named::Library(library) = named else { continue };
            let (_, rooms) = LIBRARIES.iter().find(|(name, _)| *name == library).expect("one of them");
            if !rooms.iter().any(|room| own == *room || own.starts_with(&format!("{room}::"))) {
                faults.push(format!("{}: {library} belongs to {rooms:?}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_arrow_runs_back() {
    for (i, (room, _)) in ROOMS.iter().enumerate() {
        for other in allowed(room).expect("a line") {
            assert!(
                ROOMS[..i].iter().any(|(above, _)| *above == other),
                "{room} may name {other}, which is not above it"
            );
        }
    }
}

#[test]
fn every_room_has_its_line_and_every_line_its_room() {
    for Source { file, module, .. } in sources() {
        let Some(first) = module.first() else { continue };
        let known = FREE.contains(&first.as_str()) || ROOMS.iter().any(|(room, _)| room == first);
        assert!(known, "{} is in no room of the list", file.display());
    }
    for (room, _) in ROOMS {
        let is_there = sources().iter().any(|source| self::room(&source.module) == *room);
        assert!(is_there, "{room} has no files");
    }
}

#[test]
fn what_the_guide_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/architecture.md")).expect("the guide");
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_/.-".contains(c);
    let mut checked = 0;
    for word in guide.split(|c: char| !is_path(c)).map(|word| word.trim_matches(['.', '/'])) {
        let first = word.split('/').next().unwrap_or_default();
        let is_room =
            ROOMS.iter().any(|(room, _)| *room == first) || ["src", "tests", "config"].contains(&first);
        if !word.contains('/') || !is_room {
            continue;
        }
        let places = [root.join(word), src().join(word), src().join(format!("{word}.rs"))];
        assert!(
            places.iter().any(|place| place.exists()),
            "docs/architecture.md names {word}, which is not there"
        );
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}
