//! How large a file, a function and a struct may grow, and how often a name may be given.

use std::{collections::BTreeMap, fs};

use super::{files, sources};

/// Lines of a file. A longer one holds more than one room.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 60;
/// Functions that are longer because they are tables: file and name.
const TABLES: [(&str, &str); 1] = [("costs/simulation/article.rs", "all")];

/// Fields of a struct.
const FIELDS_MAX: usize = 14;
/// Structs with more, each of them flat because what it stands for is: a field a key of a file, a column or a flag.
const FLAT: [(&str, &str); 18] = [
    // Tables of tintype.toml.
    ("config/mod.rs", "Config"),
    ("config/mod.rs", "Limits"),
    ("config/mod.rs", "ModelConfig"),
    ("config/overflow.rs", "OverflowConfig"),
    // A scenario's file, and the flags that stand for one.
    ("costs/simulation/scenario.rs", "Scenario"),
    ("cli/roi/mod.rs", "Usage"),
    // The flags of a command, and what commands print as JSON.
    ("cli/generate/mod.rs", "GenerateArgs"),
    ("cli/generate/report.rs", "Generated"),
    ("cli/key/json.rs", "KeyJson"),
    ("cli/asset.rs", "PartJson"),
    // A model's JSON.
    ("pipeline/source/config/schedule.rs", "Config"),
    ("pipeline/source/config/transformer.rs", "TransformerConfig"),
    // JSON of reports and pages.
    ("http/pages/jobs/report.rs", "OpenJobBody"),
    ("http/pages/playground/terms.rs", "Terms"),
    ("ledger/report/all_in.rs", "WholeMonth"),
    // Lines of exports.
    ("ledger/register.rs", "RegisterRow"),
    ("ledger/report/csv.rs", "MonthRow"),
    ("ledger/report/focus/row.rs", "FocusRow"),
];

/// How many types may have one name.
const NAMESAKES_MAX: usize = 2;

/// A function, struct or enum as rustfmt writes it: what its first line says, and its lines from there to its end.
struct Item<'a> {
    words: Vec<&'a str>,
    lines: Vec<&'a str>,
    indent: usize,
}

impl<'a> Item<'a> {
    /// Those of a file, whichever they are inside of. An item ends with the brace below its first letter.
    fn all(text: &'a str) -> Vec<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let begins = lines.iter().enumerate().filter_map(|(at, line)| {
            let indent = line.len() - line.trim_start().len();
            let words: Vec<&str> = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .filter(|word| !word.is_empty())
                .collect();
            let qualifiers =
                ["pub", "crate", "super", "self", "in", "http", "engine", "ledger", "pipeline", "cli"];
            let qualifiers = [qualifiers.as_slice(), &["const", "async", "unsafe", "extern"]].concat();
            let kind = words.iter().position(|word| !qualifiers.contains(word))?;
            let is_item =
                ["fn", "struct", "enum"].contains(&words[kind]) && !line.trim_start().starts_with("//");
            is_item.then(|| {
                let end = format!("{}}}", " ".repeat(indent));
                let more = lines[at + 1..].iter().position(|line| {
                    *line == end
                        || line.ends_with(";") && {
                            // A struct without a body.
                            line.len() - line.trim_start().len() == indent
                        }
                });
                let is_whole = line.ends_with([';', '}']);
                let length = if is_whole { 1 } else { more.map_or(1, |more| more + 2) };
                Self { words: words[kind..].to_vec(), lines: lines[at..at + length].to_vec(), indent }
            })
        });
        begins.collect()
    }

    fn is(&self, kind: &str) -> bool {
        self.words[0] == kind
    }

    fn name(&self) -> &'a str {
        self.words.get(1).copied().unwrap_or_default()
    }

    fn fields(&self) -> usize {
        let is_field = |line: &&&str| {
            let inner = line.trim_start();
            line.len() - inner.len() == self.indent + 4
                && !inner.starts_with(['/', '#'])
                && inner.split_once(": ").is_some_and(|(name, _)| !name.contains(['<', '"', '=']))
        };
        self.lines.iter().skip(1).filter(is_field).count()
    }
}

/// What each item of src/ that `is_too_large` names is, unless it is in `exceptions`; and the exceptions that are not needed.
fn faults(exceptions: &[(&str, &str)], is_too_large: impl Fn(&Item<'_>) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut unused = exceptions.to_vec();
    for source in sources() {
        for item in Item::all(&source.text).into_iter().filter(|item| is_too_large(item)) {
            let is_it = |(file, name): &(&str, &str)| source.file.ends_with(file) && *name == item.name();
            match unused.iter().position(is_it) {
                Some(place) => _ = unused.remove(place),
                None => faults.push(format!(
                    "{}: {} ({} lines, {} fields)",
                    source.file.display(),
                    item.name(),
                    item.lines.len(),
                    item.fields()
                )),
            }
        }
    }
    faults
        .extend(unused.into_iter().map(|(file, name)| format!("{file}: {name} needs no exception any more")));
    faults
}

#[test]
fn no_file_grows_too_long() {
    for file in files(&["rs", "js", "css", "cu", "cuh", "cpp"]) {
        let lines = fs::read_to_string(&file).expect("a source").lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines; split it", file.display());
    }
}

#[test]
fn no_function_grows_too_long() {
    let faults = faults(&TABLES, |item| item.is("fn") && item.lines.len() > FUNCTION_LINES_MAX);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_struct_has_too_many_fields() {
    let faults = faults(&FLAT, |item| item.is("struct") && item.fields() > FIELDS_MAX);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_name_is_given_too_often() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for source in sources() {
        for item in Item::all(&source.text).iter().filter(|item| !item.is("fn")) {
            places.entry(item.name().to_owned()).or_default().push(source.file.display().to_string());
        }
    }
    let faults: Vec<_> = places.into_iter().filter(|(_, places)| places.len() > NAMESAKES_MAX).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn items_are_measured_from_their_first_line_to_their_last() {
    let text = "pub(super) struct Wide {\n    /// One: not a field.\n    a: u8,\n    pub b: Vec<u8>,\n}\n\nstruct Unit;\n\n\
                impl Wide {\n    pub const fn f() {\n        struct Inner {\n            x: u8,\n        }\n    }\n}\n";
    let items = Item::all(text);
    let measured: Vec<_> = items.iter().map(|item| (item.name(), item.lines.len(), item.fields())).collect();
    assert_eq!(measured, [("Wide", 5, 2), ("Unit", 1, 0), ("f", 5, 0), ("Inner", 3, 1)]);
}
