//! What deploy/ asks Prometheus for is there: every metric and label of the dashboard and the alerts.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};
use tintype::ledger::KeyRules;

use crate::{client::IMAGES, commercial_api::CommercialApi, server::TestServer};

fn read(file: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The queries of all panels.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect()
}

/// Each metric that a query names, with the labels that it is selected by: `tintype_devices{state="lost"}`.
fn metrics(query: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (start, _) in query.match_indices("tintype_") {
        let rest = &query[start..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let selector =
            rest[end..].strip_prefix('{').and_then(|after| after.split('}').next()).unwrap_or_default();
        // No value of ours holds a comma.
        let labels = selector.split(',').filter_map(|part| part.split(['=', '!', '~']).next());
        let labels = labels.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
        found.push((rest[..end].to_owned(), labels.collect()));
    }
    found
}

/// The labels of `sum by (le, route)`.
fn groups(query: &str) -> Vec<String> {
    let lists = query.split(" by (").skip(1).filter_map(|after| after.split(')').next());
    lists.flat_map(|list| list.split(',')).map(|label| label.trim().to_owned()).collect()
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_is_served() {
    let (api, directory) = (CommercialApi::start(), tempfile::TempDir::new().expect("a directory"));
    let overflow = api.overflow(&directory.path().join("key"), &json!({}));
    let overflow = serde_json::from_value(overflow).expect("an overflow");
    let server = TestServer::start_with(|config| config.overflow = vec![overflow]);
    let rules = KeyRules { scopes: IMAGES, may_overflow: true, ..KeyRules::default() };
    let key = server.make_key(1, rules).reveal();
    let kept = server.post("/v1/images/generations").bearer(&key).json(&json!({ "prompt": "x", "seed": 1 }));
    assert_eq!(kept.status, 200, "a rule keeps it here");
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
    assert_eq!(server.generate(&json!({ "prompt": "" })).status, 400);
    let served = server.get("/metrics").send("").text;
    let has = |metric: &str, labels: &[String]| {
        served.lines().any(|line| {
            let sample = line.strip_prefix(metric).filter(|rest| rest.starts_with([' ', '{']));
            sample.is_some_and(|rest| labels.iter().all(|label| rest.contains(&format!("{label}=\""))))
        })
    };
    let dashboard = serde_json::from_str(&read("grafana/dashboards/tintype.json")).expect("JSON");
    let mut asked = queries(&dashboard);
    assert!(asked.len() > 10, "{asked:?}");
    let rules = read("prometheus/tintype.rules.yml");
    // A query may go on over several lines: all that is not a comment.
    let lines: Vec<&str> = rules.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    asked.extend(lines.join(" ").split("- alert:").skip(1).map(str::to_owned));
    let mut names = BTreeSet::new();
    for query in &asked {
        let metrics = metrics(query);
        for (metric, labels) in &metrics {
            assert!(has(metric, labels), "{metric} {labels:?} of `{query}` is not served:\n{served}");
            names.insert(metric.clone());
        }
        for label in groups(query) {
            let is_there = metrics.iter().any(|(metric, _)| has(metric, std::slice::from_ref(&label)));
            assert!(is_there, "no metric of `{query}` has the label {label}");
        }
    }
    assert!(names.len() >= 8, "{names:?}");
}

#[test]
fn queries_are_read_to_their_labels() {
    let query =
        r#"sum by (work) (rate(tintype_energy_total{work="failed", source!="x"}[1h])) > tintype_ready"#;
    let labels = vec!["work".to_owned(), "source".to_owned()];
    assert_eq!(
        metrics(query),
        [("tintype_energy_total".to_owned(), labels), ("tintype_ready".to_owned(), Vec::new())]
    );
    assert_eq!(groups(query), ["work"]);
}
