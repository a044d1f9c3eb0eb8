//! What may come in with a dependency, as deny.toml says. cargo-deny says the same and more, but has to be compiled first;
//! this takes a second and runs with every other test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde::Deserialize;

/// The parts of deny.toml that this test enforces.
#[derive(Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Named>,
    skip: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "crate")]
    spec: String,
}

/// What `cargo metadata` prints.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: semver::Version,
    license: Option<String>,
    source: Option<String>,
    dependencies: Vec<Dependency>,
    metadata: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> Rules {
    Figment::from(Toml::file_exact(root().join("deny.toml"))).extract().expect("deny.toml")
}

/// Every package that a build for one of `targets` can contain, this one too.
fn packages(targets: &[String]) -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["metadata", "--format-version", "1", "--locked", "--all-features"]);
    cargo.args(targets.iter().flat_map(|target| ["--filter-platform", target]));
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let Metadata { packages, resolve } = serde_json::from_slice(&output.stdout).expect("metadata");
    let built: BTreeSet<String> = resolve.nodes.into_iter().map(|node| node.id).collect();
    packages.into_iter().filter(|package| built.contains(&package.id)).collect()
}

#[test]
fn every_licence_is_allowed() {
    let Rules { graph, licenses, .. } = rules();
    let mut faults = Vec::new();
    for package in packages(&graph.targets) {
        let own = licenses.exceptions.iter().filter(|exception| exception.name == package.name);
        let allowed: Vec<spdx::Licensee> = licenses
            .allow
            .iter()
            .chain(own.flat_map(|exception| &exception.allow))
            .map(|name| spdx::Licensee::parse(name).unwrap_or_else(|error| panic!("{name}: {error}")))
            .collect();
        let license = package.license.as_deref().unwrap_or_default();
        let is_allowed = spdx::Expression::parse_mode(license, spdx::ParseMode::LAX)
            .is_ok_and(|license| license.evaluate(|part| allowed.iter().any(|one| one.satisfies(part))));
        if !is_allowed {
            faults.push(format!(
                "{} {}: licence `{license}` is not in deny.toml",
                package.name, package.version
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_banned_and_nothing_from_outside_the_registry_comes_in() {
    let Rules { graph, bans, .. } = rules();
    for package in packages(&graph.targets) {
        let is_banned = bans.deny.iter().any(|banned| banned.spec == package.name);
        assert!(!is_banned, "{} is banned by deny.toml", package.name);
        let is_ours = package.source.is_none() && package.name == env!("CARGO_PKG_NAME");
        let source = package.source.unwrap_or_default();
        let is_from_registry = source == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(is_ours || is_from_registry, "{} comes from `{source}`", package.name);
    }
}

#[test]
fn a_crate_comes_in_two_versions_only_if_deny_toml_says_so() {
    let Rules { graph, bans, .. } = rules();
    let skipped = |package: &Package| {
        bans.skip.iter().any(|skip| {
            let (name, versions) = skip.spec.split_once('@').expect("name@version");
            let versions: semver::VersionReq = versions.parse().expect("a version requirement");
            name == package.name && versions.matches(&package.version)
        })
    };
    let mut versions: BTreeMap<String, Vec<semver::Version>> = BTreeMap::new();
    for package in packages(&graph.targets).into_iter().filter(|package| !skipped(package)) {
        versions.entry(package.name).or_default().push(package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(
        versions.is_empty(),
        "in several versions: {versions:?}; `cargo tree -i NAME@VERSION` says who asks for them"
    );
}

/// As cargo-machete finds them: a dependency whose name stands in no source file.
#[test]
fn every_dependency_is_used() {
    let packages = packages(&rules().graph.targets);
    let ours = packages.iter().find(|package| package.name == env!("CARGO_PKG_NAME")).expect("this package");
    let ignored = ours.metadata.as_ref().map(|metadata| &metadata["cargo-machete"]["ignored"]);
    let ignored: Vec<String> =
        ignored.and_then(|ignored| serde_json::from_value(ignored.clone()).ok()).unwrap_or_default();
    let mut words = BTreeSet::new();
    for place in ["src", "tests", "benches", "examples", "build.rs"] {
        add_words(&root().join(place), &mut words);
    }
    for Dependency { name } in &ours.dependencies {
        let is_used = words.contains(&name.replace('-', "_"));
        assert_ne!(
            is_used,
            ignored.contains(name),
            "{name}: used: {is_used}; see package.metadata.cargo-machete"
        );
    }
}

/// The words of every Rust file below `place`, comments left out.
fn add_words(place: &Path, words: &mut BTreeSet<String>) {
    if place.is_dir() {
        for entry in fs::read_dir(place).expect("a directory") {
            add_words(&entry.expect("an entry").path(), words);
        }
    } else if place.extension().is_some_and(|extension| extension == "rs") {
        let source = fs::read_to_string(place).expect("a source");
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let split = |line: &str| -> Vec<String> {
            line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned).collect()
        };
        words.extend(code.flat_map(split));
    }
}
