//! Who may import whom, and how large a file may grow: docs/architecture.md in force.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each room and the rooms that it may name: itself, those of its line, which stand above it, and rooms within it.
/// A line such as `ledger::store` is for a directory that is a room of its own.
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
    ("source_image", &["domain", "units"]),
    ("ledger", &["costs", "os", "domain", "units"]),
    ("admit", &["ledger", "costs", "domain", "units", "clock"]),
    ("engine", &["pipeline", "meter", "os", "domain", "units", "clock"]),
    ("image_store", &["os", "domain", "units"]),
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
            "image_store",
            "telemetry",
            "domain",
            "units",
            "clock",
        ],
    ),
    (
        "config",
        &["service", "engine", "meter", "telemetry", "costs", "pipeline", "toml_text", "domain", "units"],
    ),
    (
        "http",
        &[
            "service",
            "admit",
            "engine",
            "pipeline",
            "encode",
            "image_store",
            "telemetry",
            "ledger",
            "costs",
            "domain",
            "units",
            "clock",
        ],
    ),
    (
        "http::api",
        &[
            "http",
            "service",
            "admit",
            "engine",
            "pipeline",
            "encode",
            "image_store",
            "telemetry",
            "ledger",
            "costs",
            "domain",
            "units",
            "clock",
        ],
    ),
    (
        "http::pages",
        &[
            "http",
            "http::api",
            "service",
            "admit",
            "engine",
            "pipeline",
            "encode",
            "image_store",
            "telemetry",
            "ledger",
            "costs",
            "domain",
            "units",
            "clock",
        ],
    ),
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
    ("maud", &["http"]),
    ("plotters", &["http"]),
    ("nvml_wrapper", &["meter"]),
];

/// Lines of a source file. Longer ones hold more than one room.
const LINES_MAX: usize = 700;

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

/// The words and marks of a source, without comments and the contents of literals. `::` is one token.
fn tokens(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < text.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => i += text[i..].iter().take_while(|c| **c != '\n').count(),
            ('/', '*') => {
                let mut depth = 1;
                i += 2;
                while depth > 0 && i < text.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                }
            }
            ('r', '"' | '#') if !(at(i + 1) == '#' && is_word(at(i + 2))) => {
                let marks = text[i + 1..].iter().take_while(|c| **c == '#').count();
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
                i += marks + 2;
                while i < text.len() && !text[i..].starts_with(&end) {
                    i += 1;
                }
                i += end.len();
            }
            ('"', _) => {
                i += 1;
                while i < text.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character, unless it is a lifetime.
            ('\'', '\\') => i += 2 + text[i + 2..].iter().skip(1).take_while(|c| **c != '\'').count() + 2,
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                i += 2;
            }
            (c, _) if is_word(c) => {
                let word: String = text[i..].iter().take_while(|c| is_word(**c)).collect();
                i += word.chars().count();
                tokens.push(word);
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    tokens
}

/// What a path in a file names.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// Something of this crate, by its module's path.
    Inside(ModulePath),
    /// A library, by its name.
    Library(String),
}

/// Every path that `source` names, in `use` and elsewhere, in test modules too: `super::` and groups are resolved.
fn named(source: &str, file_module: &[String]) -> Vec<Named> {
    let tokens = tokens(source);
    let mut module = file_module.to_vec();
    // For each open brace, whether it is that of a module.
    let mut braces = Vec::new();
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let begins_path = i == 0 || tokens[i - 1] != "::";
        match tokens[i].as_str() {
            "mod" if tokens.get(i + 2).is_some_and(|next| next == "{") => {
                module.push(tokens[i + 1].clone());
                braces.push(true);
                i += 3;
                continue;
            }
            "{" => braces.push(false),
            "}" if braces.pop() == Some(true) => {
                module.pop();
            }
            "crate" | "super" | "self"
                if begins_path && tokens.get(i + 1).is_some_and(|next| next == "::") =>
            {
                let mut base = module.clone();
                let mut next = i;
                loop {
                    match tokens[next].as_str() {
                        "crate" => base.clear(),
                        "super" => _ = base.pop(),
                        "self" => {}
                        _ => break,
                    }
                    if tokens.get(next + 1).is_none_or(|mark| mark != "::") {
                        break;
                    }
                    next += 2;
                }
                found.extend(leaves(&tokens, next, &base).into_iter().map(Named::Inside));
            }
            word if begins_path
                && tokens.get(i + 1).is_some_and(|next| next == "::")
                && LIBRARIES.iter().any(|(library, _)| *library == word) =>
            {
                found.push(Named::Library(word.to_owned()));
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// The paths of the tree of names that begins at `i`, below `base`: of `a::{b, c::d}` `a::b` and `a::c::d`.
fn leaves(tokens: &[String], mut i: usize, base: &[String]) -> Vec<ModulePath> {
    let mut path = base.to_vec();
    while let Some(token) = tokens.get(i) {
        if token == "{" {
            let mut found = Vec::new();
            let mut depth = 0;
            while let Some(token) = tokens.get(i) {
                let begins = depth == 1 && (tokens[i - 1] == "{" || tokens[i - 1] == ",");
                if begins && token != "}" {
                    found.extend(leaves(tokens, i, &path));
                }
                match token.as_str() {
                    "{" => depth += 1,
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    _ => {}
                }
                i += 1;
            }
            return found;
        }
        path.push(token.clone());
        match tokens.get(i + 1) {
            Some(mark) if mark == "::" => i += 2,
            _ => break,
        }
    }
    vec![path]
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
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == own) else { continue };
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
    for (i, (room, allowed)) in ROOMS.iter().enumerate() {
        for other in *allowed {
            assert!(
                ROOMS[..i].iter().any(|(above, _)| above == other),
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

#[test]
fn no_file_grows_too_long() {
    for file in files(&["rs", "js", "css", "cu", "cuh", "cpp"]) {
        let lines = fs::read_to_string(&file).expect("a source").lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines; split it", file.display());
    }
}

mod reading {
    use super::{Named, named};

    fn inside(source: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        let paths = named(source, &module).into_iter().filter_map(|named| match named {
            Named::Inside(path) => Some(path.join("::")),
            Named::Library(_) => None,
        });
        paths.collect()
    }

    #[test]
    fn groups_and_paths_in_code_are_read() {
        let source = "use crate::{\n    admit::{self, Refused},\n    clock::Clock,\n};\n\
                      fn f() -> crate::units::Money { crate::costs::zero() }";
        let paths = ["admit::self", "admit::Refused", "clock::Clock", "units::Money", "costs::zero"];
        assert_eq!(inside(source, &["service"]), paths);
    }

    #[test]
    fn super_is_resolved_to_the_root_and_from_inner_modules() {
        let source = "use super::super::costs::Receipt;\nuse super::keys;\n\
                      mod inner { use super::super::keys; use super::super::super::http::error; }\nuse super::last;";
        let paths = ["costs::Receipt", "ledger::keys", "ledger::keys", "http::error", "ledger::last"];
        assert_eq!(inside(source, &["ledger", "months"]), paths);
    }

    #[test]
    fn what_follows_a_test_module_is_read() {
        let source = "#[cfg(test)]\nmod testing;\nuse crate::http::error;\n#[cfg(test)]\nmod tests { use crate::app::App; }";
        assert_eq!(inside(source, &["pipeline"]), ["http::error", "app::App"]);
    }

    #[test]
    fn comments_and_literals_are_passed_over() {
        let source = r##"// crate::http::a
            /* crate::http::b /* nested */ crate::http::c */
            const A: &str = "crate::http::d \" crate::http::e"; const B: &str = r#"crate::http::f "quoted""#;
            fn f<'a>(c: char) -> &'a str { if c == '"' || c == '\'' || c == '\u{1F}' { crate::units::g() } }"##;
        assert_eq!(inside(source, &["costs"]), ["units::g"]);
    }
}
