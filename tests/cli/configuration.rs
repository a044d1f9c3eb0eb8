//! Configuration as people and clusters write it.

use tempfile::TempDir;

use crate::{complaint, out, program::tintype, run};

/// `tintype costs` in a directory with a ledger and this tintype.toml.
fn costs_with(toml: &str, variables: &[(&str, &str)]) -> std::process::Output {
    let place = TempDir::new().expect("a directory");
    std::fs::write(place.path().join("tintype.toml"), toml).expect("written");
    let run = |arguments: &[&str]| {
        let mut command = tintype();
        command.current_dir(place.path()).args(arguments).env_remove("TINTYPE_TIME_ZONE");
        command.envs(variables.iter().copied()).output().expect("the program runs")
    };
    // The ledger, where the configuration can be used at all.
    run(&["key", "create", "studio"]);
    run(&["costs"])
}

#[test]
fn what_kubernetes_sets_for_a_service_of_this_name_stops_nothing() {
    let links = [
        ("TINTYPE_PORT", "tcp://10.96.12.7:8080"),
        ("TINTYPE_SERVICE_HOST", "10.96.12.7"),
        ("TINTYPE_SERVICE_PORT", "8080"),
        ("TINTYPE_SERVICE_PORT_HTTP", "8080"),
        ("TINTYPE_PORT_8080_TCP", "tcp://10.96.12.7:8080"),
        ("TINTYPE_PORT_8080_TCP_PROTO", "tcp"),
        ("TINTYPE_PORT_8080_TCP_PORT", "8080"),
        ("TINTYPE_PORT_8080_TCP_ADDR", "10.96.12.7"),
    ];
    assert!(out(&costs_with("", &links)).starts_with("Costs"));
    let meant = costs_with("", &[("TINTYPE_PORT", "8080")]);
    assert!(complaint(&meant, 2).contains("`TINTYPE_PORT`; did you mean `TINTYPE_LISTEN`?"));
}

#[test]
fn a_zone_is_known_on_a_machine_that_has_none() {
    let empty = TempDir::new().expect("a directory");
    let no_zones = ("TZDIR", empty.path().to_str().expect("UTF-8"));
    for variables in [&[no_zones][..], &[]] {
        assert!(out(&costs_with("time_zone = \"Asia/Shanghai\"", variables)).starts_with("Costs"));
    }
    assert!(out(&costs_with("", &[no_zones, ("TZ", "America/New_York")])).starts_with("Costs"));
    assert!(
        complaint(&costs_with("time_zone = \"Asia/Schanghai\"", &[no_zones]), 2).contains("Asia/Schanghai")
    );
}

#[test]
fn the_machines_zone_is_refused_if_it_is_unknown_or_has_no_name_to_be_kept_by() {
    let unknown = costs_with("", &[("TZ", "Asia/Schanghai")]);
    assert!(complaint(&unknown, 2).contains("TZ is `Asia/Schanghai`, which is not a time zone"));
    let place = TempDir::new().expect("a directory");
    let rent = |name: &str, variables: &[(&str, &str)]| {
        let mut command = tintype();
        command.current_dir(place.path()).env_remove("TINTYPE_TIME_ZONE").envs(variables.iter().copied());
        command.args(["upkeep", "add", name, "--per-year", "1", "--from", "2026-01-01"]);
        command.output().expect("the program runs")
    };
    assert!(complaint(&rent("refused", &[("TZ", "CST-8")]), 2).contains("set time_zone"));
    out(&rent("named", &[("TZ", "CST-8"), ("TINTYPE_TIME_ZONE", "Asia/Shanghai")]));
    assert!(complaint(&rent("refused again", &[("TZ", "CST-8")]), 2).contains("set time_zone"));
}

#[test]
fn an_address_is_taken_as_people_write_it_or_the_line_says_how() {
    for listen in ["\"localhost:8080\"", "\":8080\"", "\"8080\"", "8080", "\"[::1]:8080\"", "\"studio\""] {
        assert!(out(&costs_with(&format!("listen = {listen}"), &[])).starts_with("Costs"), "{listen}");
    }
    assert!(out(&costs_with("", &[("TINTYPE_LISTEN", "8080")])).starts_with("Costs"));
    for refused in [
        costs_with("listen = \"http://localhost:8080\"", &[]),
        costs_with("", &[("TINTYPE_LISTEN", "localhost:http")]),
        run(std::path::Path::new("."), &["serve", "--listen", "1.2.3:80"]),
    ] {
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("127.0.0.1:8080"), "{refused:?}");
    }
}

#[test]
fn dates_need_no_quotes_and_texts_no_quotes_either() {
    let dates = "[[exchange_rate]]\nfrom = \"USD\"\nto = \"CNY\"\nrate = \"6.97\"\neffective_from = 2026-01-01\n\
                 [[costs.tariff]]\neffective_from = 2026-01-01\nprice_per_kwh = 1.2\n";
    assert!(out(&costs_with(dates, &[])).starts_with("Costs"));
    for variable in [
        ("TINTYPE_METADATA__PRODUCER", "360"),
        ("TINTYPE_METADATA__PRODUCER", "true"),
        ("TINTYPE_MODEL__ID", "4090"),
        ("TINTYPE_MODEL__ALIASES", "[4090, 1.5]"),
        ("TINTYPE_LIMITS__REQUESTS_PER_MINUTE", "60"),
    ] {
        assert!(out(&costs_with("", &[variable])).starts_with("Costs"), "{variable:?}");
    }
}

#[test]
fn a_slip_is_named_with_the_file_and_what_was_meant() {
    let said = complaint(&costs_with("[limits]\ndeadline_second = 5\n", &[]), 2);
    for words in ["tintype.toml: ", "`limits.deadline_second`", "did you mean `limits.deadline_seconds`?"] {
        assert!(said.contains(words), "{said}");
    }
    let said = complaint(&costs_with("[limits\n", &[]), 2);
    assert!(said.contains("tintype.toml"), "{said}");
}

#[test]
fn a_key_that_is_bound_to_no_model_is_warned_of_with_the_names_that_exist() {
    let place = TempDir::new().expect("a directory");
    let warning = |arguments: &[&str]| {
        let made = run(place.path(), arguments);
        assert!(made.status.success());
        String::from_utf8(made.stderr).expect("UTF-8")
    };
    let said = warning(&["key", "create", "x", "--models", "dall-e-33"]);
    for words in ["dall-e-33", "did you mean `dall-e-3`?", "gpt-image-1", "z-image-embedded"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!warning(&["key", "create", "y", "--models", "dall-e-3,z-image-embedded"]).contains("warning"));
}
