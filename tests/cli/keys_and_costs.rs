use tempfile::TempDir;

use crate::{complaint, out, program::tintype, run};

/// The middle part of a key as it was printed.
fn public_id(key: &str) -> String {
    key.split('-').nth(1).expect("a public id").to_owned()
}

fn secret(key: &str) -> &str {
    key.trim().rsplit('-').next().expect("a secret")
}

#[test]
fn keys_are_made_listed_and_revoked_without_their_secrets() {
    let place = TempDir::new().expect("a directory");
    let made = out(&run(place.path(), &["key", "create", "studio", "--budget", "12.50"]));
    let key = made.trim();
    let [prefix, public_id, secret] = key.split('-').collect::<Vec<_>>()[..] else { panic!("{key}") };
    assert_eq!(prefix, "tt");
    let listed = out(&run(place.path(), &["key", "list"]));
    assert!(listed.contains(public_id) && listed.contains("studio") && listed.contains("12.50"), "{listed}");
    assert!(!listed.contains(secret), "{listed}");
    out(&run(place.path(), &["key", "revoke", public_id]));
    assert!(out(&run(place.path(), &["key", "list"])).contains("revoked"));
    assert!(complaint(&run(place.path(), &["key", "revoke", public_id]), 2).contains(public_id));
    let file = std::fs::read(place.path().join("data/ledger.sqlite3")).expect("the ledger");
    assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()), "the secret is nowhere");
}

#[test]
fn a_keys_rules_are_set_changed_and_taken_away() {
    let place = TempDir::new().expect("a directory");
    let create = [
        "key",
        "create",
        "studio",
        "--expires",
        "90d",
        "--models",
        "dall-e-3,gpt-image-1",
        "--concurrent",
        "2",
    ];
    let public_id = public_id(&out(&run(place.path(), &create)));
    let listed = || out(&run(place.path(), &["key", "list"]));
    for said in ["active", "never", "expires 2", "models dall-e-3,gpt-image-1", "concurrent jobs 2"] {
        assert!(listed().contains(said), "{said} in {}", listed());
    }
    let set = |arguments: &[&str]| run(place.path(), &[&["key", "set", &public_id], arguments].concat());
    out(&set(&[
        "--name",
        "archive",
        "--scopes",
        "images,admin",
        "--requests-per-minute",
        "60",
        "--models",
        "none",
    ]));
    assert!(listed().contains("archive") && listed().contains("images,admin"), "{}", listed());
    assert!(listed().contains("requests a minute 60") && !listed().contains("models"), "{}", listed());
    out(&set(&["--expires", "none", "--requests-per-minute", "none", "--concurrent", "none"]));
    assert!(!listed().contains("expires") && !listed().contains("60"), "{}", listed());

    assert!(complaint(&set(&[]), 2).contains("--budget"));
    assert!(complaint(&set(&["--expires", "2020-01-01"]), 2).contains("not in the future"));
    for nonsense in
        [["--expires", "soon"], ["--requests-per-minute", "0"], ["--scopes", "all"], ["--models", ","]]
    {
        assert_eq!(set(&nonsense).status.code(), Some(2), "{nonsense:?}");
    }
    let log = out(&run(place.path(), &["key", "log", &public_id]));
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 4, "{log}");
    assert!(lines[1].contains("created") && lines[1].contains("command line"), "{log}");
    assert!(lines[2].contains("changed") && lines[2].contains("models none"), "{log}");
    assert_eq!(out(&run(place.path(), &["key", "log"])), log, "it is the only key");
}

#[test]
fn a_key_has_the_scopes_that_its_flag_says() {
    let place = TempDir::new().expect("a directory");
    for (flags, scopes) in [
        (&[][..], "images"),
        (&["--admin"], "images,costs,admin"),
        (&["--admin-only"], "costs"),
        (&["--scopes", "images,costs"], "images,costs"),
        (&["--scopes", "admin"], "admin"),
    ] {
        let made = run(place.path(), &[&["key", "create", "studio"], flags].concat());
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(said.ends_with(&format!("; scopes: {scopes}\n")), "{said}");
    }
    for flags in [&["--scopes", "all"][..], &["--scopes", ""], &["--admin", "--scopes", "images"]] {
        let refused = run(place.path(), &[&["key", "create", "studio"], flags].concat());
        assert_eq!(refused.status.code(), Some(2), "{flags:?}");
    }
}

#[test]
fn a_name_shows_as_it_was_written() {
    let place = TempDir::new().expect("a directory");
    let public_id = public_id(&out(&run(place.path(), &["key", "create", "设计部 👩‍🎨"])));
    for name in ["a\nb", "a\u{1b}[2Jb", "a\u{7}b", "a\u{202e}b", "a\u{2066}b", "", &"x".repeat(65)] {
        for arguments in [&["key", "create", name][..], &["key", "set", &public_id, "--name", name]] {
            assert_eq!(run(place.path(), arguments).status.code(), Some(2), "{arguments:?}");
        }
    }
    assert_eq!(out(&run(place.path(), &["key", "list"])).lines().count(), 2);
}

#[test]
fn a_key_is_disabled_enabled_and_rotated() {
    let place = TempDir::new().expect("a directory");
    let first = out(&run(place.path(), &["key", "create", "studio"]));
    let public_id = public_id(&first);
    let key = |arguments: &[&str]| run(place.path(), &[&["key"], arguments].concat());
    out(&key(&["disable", &public_id]));
    assert!(out(&key(&["list"])).contains("disabled 2"));
    assert!(complaint(&key(&["disable", &public_id]), 2).contains("tintype key list"));
    out(&key(&["enable", &public_id]));
    let second = out(&key(&["rotate", &public_id]));
    assert!(second.starts_with(&format!("tt-{public_id}-")) && second != first, "{second}");
    assert!(out(&key(&["list"])).contains("old secret until 2"));
    let third = key(&["rotate", &public_id, "--grace", "0s"]);
    assert!(String::from_utf8_lossy(&third.stderr).contains("is no longer valid"));
    assert!(!out(&key(&["list"])).contains("old secret"));
    assert!(complaint(&key(&["rotate", &public_id, "--grace=-1h"]), 2).contains("0s"));
    for command in ["set", "disable", "enable", "rotate", "revoke", "log"] {
        let mut arguments = vec![command, "nobody"];
        arguments.extend((command == "set").then_some(["--budget", "1"]).into_iter().flatten());
        let said = complaint(&key(&arguments), 2);
        assert!(said.contains("nobody") && said.contains("tintype key list"), "{said}");
    }
    let log = out(&key(&["log", &public_id]));
    let kinds: Vec<_> =
        log.lines().skip(1).map(|line| line.split_whitespace().nth(3).expect("an event")).collect();
    assert_eq!(kinds, ["created", "disabled", "enabled", "rotated", "rotated"]);
    assert!(!log.contains(secret(&first)) && !log.contains(secret(&second)));
}

#[test]
fn an_empty_month_is_printed_as_text_and_as_json() {
    let place = TempDir::new().expect("a directory");
    let nothing = complaint(&run(place.path(), &["costs"]), 2);
    assert!(nothing.contains("no such ledger") && !place.path().join("data").exists(), "{nothing}");
    out(&run(place.path(), &["key", "create"]));
    let text = out(&run(place.path(), &["costs", "--month", "2026-11"]));
    assert!(text.contains("2026-11") && text.contains("images"), "{text}");
    let json = out(&run(place.path(), &["costs", "--month", "2026-11", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["month"], &json["images"]), (&"2026-11".into(), &0.into()));
    assert_eq!(run(place.path(), &["costs", "--month", "november"]).status.code(), Some(2));
}

#[test]
fn a_wrong_configuration_is_named() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["key", "create"]));
    let ask = |toml: &str| {
        std::fs::write(place.path().join("tintype.toml"), toml).expect("written");
        complaint(&run(place.path(), &["costs"]), 2)
    };
    assert!(ask("[costs]\nprice_per_kwh = \"cheap\"").contains("price_per_kwh"));
    assert!(ask("[costs]\ncompare_with = \"nobody/nothing\"").contains("nobody/nothing"));
    assert!(ask("colour = 1").contains("colour"));
    assert!(ask("[costs]\ncurrency = \"EUR\"").contains("yuan"));
    assert!(ask("price_book = \"nowhere.toml\"").contains("nowhere.toml"));
    std::fs::remove_file(place.path().join("tintype.toml")).expect("there");
    let missing = run(place.path(), &["costs", "--config", "absent.toml"]);
    assert!(complaint(&missing, 2).contains("absent.toml"));
}

#[test]
fn a_variable_comes_before_the_file() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["key", "create"]));
    std::fs::write(place.path().join("tintype.toml"), "[costs]\ncompare_with = \"nobody/nothing\"")
        .expect("written");
    let ask = |name: &str, value: &str| {
        tintype().current_dir(place.path()).arg("costs").env(name, value).output().expect("the program runs")
    };
    let text = out(&ask("TINTYPE_COSTS__COMPARE_WITH", "venice/z-image-turbo"));
    assert!(text.contains("venice/z-image-turbo"), "{text}");
    std::fs::remove_file(place.path().join("tintype.toml")).expect("there");
    out(&ask("TINTYPE_COSTS__PRICE_PER_KWH", "0.35"));
    assert!(complaint(&ask("TINTYPE_COSTS__PRICE_PER_KWH", "-1"), 2).contains("price_per_kwh"));
}

#[test]
fn a_key_for_a_model_that_does_not_exist_is_made_with_a_warning() {
    let place = TempDir::new().expect("a directory");
    let warning = |models: &str| {
        let made = run(place.path(), &["key", "create", "x", "--models", models]);
        assert!(out(&made).starts_with("tt-"));
        let stderr = String::from_utf8_lossy(&made.stderr).into_owned();
        stderr.lines().find(|line| line.starts_with("warning: ")).map(str::to_owned)
    };
    let said = warning("dall-e-3,dall-e-33").expect("a warning");
    assert!(said.contains("`dall-e-33`") && said.contains("z-image-embedded, dall-e-2, dall-e-3"), "{said}");
    assert_eq!(warning("dall-e-3"), None);
    assert_eq!(warning("none"), None);
}
