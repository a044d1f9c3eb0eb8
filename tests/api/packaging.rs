//! The Debian package: what its scripts do on a machine, below another root, and what Cargo.toml packs.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde_json::Value;
use tempfile::TempDir;

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// A machine's root with the package's files in it, and stand-ins for what needs to be root.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(TempDir::new().expect("a root"));
        for folder in ["etc/tintype", "var/lib", "var/cache", "stand-ins"] {
            std::fs::create_dir_all(machine.path(folder)).expect("a folder");
        }
        std::fs::copy(source("config/tintype.toml"), machine.path("etc/tintype/tintype.toml"))
            .expect("copied");
        machine.set_mode("etc/tintype/tintype.toml", 0o644);
        for program in ["systemd-sysusers", "chown"] {
            let file = format!("stand-ins/{program}");
            let said = machine.path("said");
            let text = format!("#!/bin/sh\necho {program} \"$@\" >>'{}'\n", said.display());
            std::fs::write(machine.path(&file), text).expect("written");
            machine.set_mode(&file, 0o755);
        }
        machine
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn mode(&self, file: &str) -> u32 {
        std::fs::metadata(self.path(file)).expect(file).permissions().mode() & 0o777
    }

    fn set_mode(&self, file: &str, mode: u32) {
        std::fs::set_permissions(self.path(file), std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// What dpkg runs.
    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let done = Command::new("sh")
            .arg(source("deploy/debian").join(script))
            .args(arguments)
            .env("DPKG_ROOT", self.0.path())
            .env("PATH", format!("{}:{path}", self.path("stand-ins").display()))
            .output()
            .expect("sh");
        assert!(done.status.success(), "{script} {arguments:?}: {done:?}");
        done
    }

    /// What the stand-ins were asked for, without the root's path.
    fn asked(&self) -> String {
        let said = std::fs::read_to_string(self.path("said")).unwrap_or_default();
        said.replace(&self.0.path().display().to_string(), "")
    }
}

#[test]
fn an_installation_makes_the_user_and_its_folders_and_hides_the_configuration() {
    let machine = Machine::new();
    machine.run("postinst", &["configure", ""]);
    assert_eq!(machine.mode("var/lib/tintype"), 0o700);
    assert_eq!(machine.mode("var/cache/tintype"), 0o700);
    assert_eq!(machine.mode("etc/tintype/tintype.toml"), 0o640);
    let asked = machine.asked();
    for said in [
        "systemd-sysusers --root= tintype.conf",
        "chown tintype:tintype /var/lib/tintype",
        "chown tintype:tintype /var/cache/tintype",
        "chown root:tintype /etc/tintype/tintype.toml",
    ] {
        assert!(asked.contains(said), "{said} in {asked}");
    }
    assert!(asked.starts_with("systemd-sysusers"), "the user is there before its folders: {asked}");
}

#[test]
fn an_upgrade_leaves_what_its_owner_changed() {
    let machine = Machine::new();
    machine.run("postinst", &["configure", ""]);
    machine.set_mode("etc/tintype/tintype.toml", 0o600);
    machine.set_mode("var/lib/tintype", 0o750);
    machine.run("postinst", &["configure", "0.1.0-1"]);
    assert_eq!((machine.mode("etc/tintype/tintype.toml"), machine.mode("var/lib/tintype")), (0o600, 0o750));
    // Somebody may have deleted the configuration: all its keys have defaults.
    std::fs::remove_file(machine.path("etc/tintype/tintype.toml")).expect("deleted");
    machine.run("postinst", &["configure", "0.1.0-1"]);
}

#[test]
fn no_removal_takes_the_ledger_and_a_purge_says_where_it_is() {
    let machine = Machine::new();
    machine.run("postinst", &["configure", ""]);
    std::fs::write(machine.path("var/lib/tintype/ledger.db"), "books").expect("written");
    std::fs::write(machine.path("var/cache/tintype/model"), "weights").expect("written");
    let removed = machine.run("postrm", &["remove"]);
    assert!(removed.stderr.is_empty() && machine.path("var/cache/tintype/model").exists());
    let purged = machine.run("postrm", &["purge"]);
    let said = String::from_utf8_lossy(&purged.stderr).into_owned();
    assert!(said.contains("stay in /var/lib/tintype") && said.lines().count() == 1, "{said}");
    assert!(machine.path("var/lib/tintype/ledger.db").exists());
    assert!(!machine.path("var/cache/tintype").exists());

    let unused = Machine::new();
    unused.run("postinst", &["configure", ""]);
    assert!(unused.run("postrm", &["purge"]).stderr.is_empty());
    assert!(!unused.path("var/lib/tintype").exists(), "an empty folder is no ledger");
}

#[test]
fn what_is_packed_is_there_and_nothing_is_started_without_asking() {
    let manifest: Value = Figment::from(Toml::file_exact(source("Cargo.toml"))).extract().expect("TOML");
    let deb = &manifest["package"]["metadata"]["deb"];
    let unit = &deb["systemd-units"];
    for key in ["enable", "start"] {
        assert_eq!(unit[key], false, "{key}");
    }
    let made = std::fs::read_to_string(source("tools/package/tarball")).expect("the script");
    let mut installed = Vec::new();
    for asset in deb["assets"].as_array().expect("assets") {
        let [from, to] = [0_usize, 1].map(|place| asset[place].as_str().expect("a path"));
        let name = from.rsplit('/').next().unwrap_or_default();
        installed.push(if to.ends_with('/') { format!("/{to}{name}") } else { format!("/{to}") });
        // The rest is made by tools/package/tarball.
        let is_made = from.starts_with("target/package/deb/") && made.contains("$out/deb");
        assert!(is_made || source(from).exists(), "{from} is not there");
    }
    let unit = std::fs::read_to_string(source("deploy/systemd/tintype.service")).expect("the unit");
    for file in deb["conf-files"].as_array().expect("files").iter().filter_map(Value::as_str) {
        assert!(installed.iter().any(|installed| installed == file), "{file} is not packed");
        assert!(unit.contains(&format!("--config {file} ")), "the unit reads {file}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(installed.iter().any(|file| file.contains(shell)), "{shell} in {installed:?}");
    }
}
