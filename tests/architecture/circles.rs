//! Modules beside each other import in one direction: no two of them need each other, not by way of a third one either.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ModulePath, Source,
    reading::{Named, brought_in, named_from},
    sources,
};

/// Every module, and what its `use` brings in: a name that is re-exported is traced to where it comes from.
struct Modules {
    brought_in: BTreeMap<ModulePath, BTreeMap<String, ModulePath>>,
}

impl Modules {
    fn of(sources: &[Source]) -> Self {
        let module = |source: &Source| {
            let names = brought_in(&source.text, &source.module).into_iter().collect();
            (source.module.clone(), names)
        };
        Self { brought_in: sources.iter().map(module).collect() }
    }

    /// The module that defines what `path` names.
    fn defining(&self, path: &[String]) -> ModulePath {
        let mut path = path.to_vec();
        // A chain of re-exports is short; the bound ends one that leads back to itself.
        for _ in 0..8 {
            let (module, rest) = self.split(&path);
            let origin = rest.first().and_then(|name| self.brought_in.get(module)?.get(name));
            match origin {
                Some(origin) if self.brought_in.contains_key(self.split(origin).0) && *origin != path => {
                    path = [origin, &rest[1..]].concat();
                }
                _ => break,
            }
        }
        self.split(&path).0.to_vec()
    }

    /// The longest beginning of a path that is a module, and the rest.
    fn split<'a>(&self, path: &'a [String]) -> (&'a [String], &'a [String]) {
        let length = (0..=path.len()).rev().find(|length| self.brought_in.contains_key(&path[..*length]));
        path.split_at(length.unwrap_or(0))
    }
}

/// Which children of a module name which, each with one file's path that does.
type Arrows = BTreeMap<String, BTreeMap<String, String>>;

/// Per module, the arrows between its children: between `a::b::x` and `a::c::y` one of `b` to `c` in `a`.
/// Those between a module and what is within it are no arrows.
fn arrows(sources: &[Source]) -> BTreeMap<ModulePath, Arrows> {
    let modules = Modules::of(sources);
    let mut found: BTreeMap<ModulePath, Arrows> = BTreeMap::new();
    for Source { module, text, .. } in sources {
        for (from, named) in named_from(text, module) {
            let Named::Inside(path) = named else { continue };
            // A test reads what it checks by whatever shows it.
            if from.iter().any(|part| ["tests", "testing"].contains(&part.as_str())) {
                continue;
            }
            let other = modules.defining(&path);
            let shared = module.iter().zip(&other).take_while(|(one, other)| one == other).count();
            let (Some(from), Some(to)) = (module.get(shared), other.get(shared)) else { continue };
            let arrows = found.entry(module[..shared].to_vec()).or_default();
            let example = format!("{} names {}", module.join("::"), path.join("::"));
            arrows.entry(from.clone()).or_default().insert(to.clone(), example);
        }
    }
    found
}

/// The way from `from` back to itself, if there is one.
fn circle(arrows: &Arrows, from: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![from.to_owned()]];
    while let Some(way) = ways.pop() {
        let last = way.last().expect("a way begins somewhere");
        for next in arrows.get(last).into_iter().flat_map(BTreeMap::keys) {
            if next == from {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

/// One line per step of a circle: who names whom.
fn described(arrows: &Arrows, circle: &[String]) -> String {
    let next = circle.iter().cycle().skip(1);
    let steps = circle.iter().zip(next).map(|(from, to)| format!("  {}", arrows[from][to]));
    steps.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_modules_go_in_a_circle() {
    let mut faults = BTreeMap::new();
    for (parent, arrows) in arrows(&sources()) {
        for child in arrows.keys() {
            if let Some(circle) = circle(&arrows, child) {
                let members: BTreeSet<String> = circle.iter().cloned().collect();
                let fault = format!("in {}: {members:?}\n{}", parent.join("::"), described(&arrows, &circle));
                faults.entry((parent.clone(), members)).or_insert(fault);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.into_values().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_circle_is_found_through_re_exports_and_a_third_module() {
    let source = |module: &[&str], text: &str| Source {
        file: "".into(),
        module: module.iter().map(|part| (*part).to_owned()).collect(),
        text: text.to_owned(),
    };
    let mut sources = vec![
        source(&["a"], "pub use b::{B, Other};\npub use c::C;"),
        source(&["a", "b"], "use super::C;"),
        source(&["a", "c"], "use super::d;"),
        source(&["a", "d", "deep"], "use crate::a::Own;"),
        source(&["a", "d"], "mod deep;"),
    ];
    let circles = |sources: &[Source]| circle(&arrows(sources)[&vec!["a".to_owned()]], "b");
    assert_eq!(circles(&sources), None);
    sources[3].text = "use crate::a::B;".to_owned();
    assert_eq!(circles(&sources), Some(vec!["b".to_owned(), "c".to_owned(), "d".to_owned()]));
}
