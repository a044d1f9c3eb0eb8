use figment::Figment;

use super::*;
use crate::toml_text::TomlText;

fn parse(toml: &str) -> Result<Config, ConfigError> {
    Config::extract(&Figment::from(TomlText::string(toml)))
}

fn is_setting(line: &str) -> bool {
    let key = line.split(" = ").next().unwrap_or_default();
    line.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn the_shipped_file_says_every_default_and_nothing_else() {
    let shipped = include_str!("../../config/tintype.toml");
    // Every commented key, uncommented, must parse, and change nothing but what has no default.
    let uncommented: String = shipped
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .filter(|line| !line.contains(" = none"))
        .collect::<Vec<_>>()
        .join("\n");
    let config =
        Config { stated: StatedKeys::default(), ..parse(&uncommented).expect("config/tintype.toml") };
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    for section in [
        "[model]",
        "[model.steps]",
        "[limits]",
        "[edits]",
        "[pictures]",
        "[batches]",
        "[metadata]",
        "[log]",
        "[energy]",
        "[costs]",
        "[costs.hardware]",
        "[costs.charging]",
        "[[exchange_rate]]",
    ] {
        assert!(shipped.contains(section), "{section}");
    }
}

#[test]
fn devices_are_one_or_a_list_or_a_line() {
    for (toml, names) in [
        ("device = \"cuda:1\"", ["cuda:1"].as_slice()),
        ("device = [\"cuda:0\", \"cuda:1\"]", &["cuda:0", "cuda:1"]),
        ("device = \"cuda:0,cuda:1\"", &["cuda:0", "cuda:1"]),
    ] {
        let config = parse(&format!("[model]\n{toml}")).expect("parsed");
        assert_eq!(config.model.device.names(), names);
    }
}

#[test]
fn the_tariff_in_the_shipped_file_can_be_used() {
    let shipped = include_str!("../../config/tintype.toml");
    let rows: String =
        shipped.lines().filter_map(|line| line.strip_prefix("#     ")).collect::<Vec<_>>().join("\n");
    let config = parse(&rows).expect("a tariff");
    assert_eq!(config.costs.tariff.len(), 2);
    config.cost_model(jiff::civil::date(2026, 11, 23)).expect("a cost model");
}

/// Asserts that `toml` is refused in one line that has `name`.
fn assert_refused(toml: &str, name: &str) {
    let error = parse(toml).expect_err("refused").to_string();
    assert!(error.contains(name) && error.lines().count() == 1, "{error}");
}

#[test]
fn a_public_url_is_a_scheme_and_a_host() {
    for (toml, name) in [
        ("public_url = \"paint.example\"", "public_url"),
        ("public_url = \"https://host.example/tintype/\"", "has a path"),
        ("public_url = \"https://host.example?a=b\"", "has a path"),
        ("public_url = \"https://\"", "names no host"),
        ("public_url = \"https://user@host.example\"", "names no host"),
        ("public_url = \"https://host.example:99999\"", "names no host"),
        ("public_url = \"https://[::1\"", "names no host"),
        ("public_url = \"https://:443\"", "names no host"),
        ("public_url = \"https://a<script>\"", "names no host"),
        ("public_url = 'https://host.example\\tintype'", "has a path"),
    ] {
        assert_refused(toml, name);
    }
}

#[test]
fn a_wrong_key_or_value_is_named_in_one_line() {
    for (toml, name) in [
        ("colour = 1", "colour"),
        ("[model]\ndtype = \"f8\"", "f8"),
        ("[model]\ndevice = [\"cuda:1\", \"cuda:1\"]", "cuda:1 is listed twice"),
        ("[model]\ndevice = []", "device"),
        ("[costs]\nprice_per_kwh = \"cheap\"", "cheap"),
        (
            "[[costs.tariff]]\neffective_from = \"2026-01-01\"\nprice_per_kwh = \"1\"\nhours = \"night\"",
            "night",
        ),
        ("[model]\ndefault_size = \"big\"", "big"),
        ("listen = \"http://localhost:8080\"", "127.0.0.1:8080"),
        ("listn = \"8080\"", "did you mean `listen`?"),
        ("port = 8080", "did you mean `listen`?"),
        (
            "[limits]\ndeadline_second = 1",
            "`limits.deadline_second`; did you mean `limits.deadline_seconds`?",
        ),
        ("[limits]\non_disconnect = \"finnish\"", "did you mean `finish`?"),
        ("[[exchange_rate]]\nfrom = \"USD\"\nto = \"CNY\"\nrate = \"7\"", "effective_from is missing"),
        ("[model]\nguidance_scale = -1.0", "guidance_scale"),
        ("[model.steps]\nmax = 101", "model.steps"),
        ("data_dir = \"\"", "data_dir is empty"),
        ("price_book = \"\"", "price_book is empty"),
        ("[model]\npath = \"\"", "model.path is empty"),
        ("[model]\nid = \" \"", "model.id is empty"),
        ("[model]\nloras = [\"\"]", "model.loras is empty"),
        ("[model]\nid = \"a\\nb\"", "model.id or model.aliases: U+000A is not allowed"),
        ("[metadata]\nproducer = \"\"", "metadata.producer is empty"),
        ("[metadata]\nproducer = \"a\\u0000b\"", "metadata.producer: U+0000"),
        ("[limits]\npixels_max = 0", "limits.pixels_max must be above 0"),
        ("[limits]\nbody_bytes_max = 0", "limits.body_bytes_max must be above 0"),
        ("[pictures]\nlink_minutes = 0", "pictures.link_minutes must be above 0"),
        ("[batches]\nkeep_days = 0", "batches.keep_days must be above 0"),
        ("costs = 3", "costs is the number 3; expected a table of keys"),
        ("budgets = \"5 a day\"", "expected a list, in brackets"),
        ("hsts_seconds = -1", "expected a whole number from 0"),
        ("[limits]\nrequests_per_minute = 0", "requests_per_minute"),
        ("user_is_tag = \"perhaps\"", "expected true or false"),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies: `10.0.0.0/33` is not a network"),
        ("[limits]\ndeadline_seconds = 0", "deadline_seconds"),
        ("[pictures]\nkeep_days = 0", "keep_days"),
        ("[pictures]\nkeep_days = 1\nlink_minutes = 1441", "link_minutes"),
        ("[limits]\non_disconnect = \"wait\"", "on_disconnect"),
    ] {
        assert_refused(toml, name);
    }
    let endless = parse(&format!("{} = 1", "a".repeat(100_000))).expect_err("refused").to_string();
    assert!(endless.len() < 2000 && endless.contains("unknown key"), "{endless}");
}

#[test]
fn the_examples_yuan_are_not_taken_for_euros() {
    let today = jiff::civil::date(2026, 11, 23);
    let config = parse("[costs]\ncurrency = \"EUR\"").expect("parsed");
    assert!(matches!(config.cost_model(today), Err(ConfigError::ExampleAmounts(_))));
    let euros = "[costs]\ncurrency = \"EUR\"\nprice_per_kwh = \"0.35\"\nupkeep_per_image = \"0.004\"\n[costs.hardware]\nprice = \"2100\"\n\
                 residual = \"800\"\n[[exchange_rate]]\nfrom = \"USD\"\nto = \"EUR\"\nrate = \"0.86\"\n\
                 effective_from = \"2026-01-01\"";
    let model = parse(euros).expect("parsed").cost_model(today).expect("a cost model");
    assert_eq!(model.currency(), Currency::EUR);
}

#[test]
fn an_amount_may_be_a_bare_number() {
    let config = parse("[costs]\nprice_per_kwh = 0.35\nupkeep_per_image = 1").expect("parsed");
    assert_eq!(config.costs.price_per_kwh.to_string(), "0.35");
    assert_eq!(config.costs.upkeep_per_image.to_string(), "1.00");
}

#[test]
fn a_zone_that_is_none_is_named() {
    let config = parse("time_zone = \"Mars/Olympus\"").expect("parsed");
    assert!(config.zone().expect_err("refused").to_string().contains("Mars/Olympus"));
}
