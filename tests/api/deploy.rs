//! What deploy/ asks Prometheus for is there: every metric and label of the dashboard and the alerts. What it configures are keys
//! of the configuration, and what a manifest refers to is in it.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
};

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
fn proxies_let_the_largest_uploads_through() {
    let megabytes = |file: &str, directive: &str, unit: &str| -> u64 {
        let text = read(file);
        let mut values = text.lines().filter_map(|line| line.trim().strip_prefix(directive));
        let value = values.next().unwrap_or_else(|| panic!("{directive} in {file}"));
        value.trim().strip_suffix(unit).expect(unit).parse().expect("a number")
    };
    let nginx = megabytes("nginx/tintype.conf", "client_max_body_size", "m;") << 20;
    let caddy = megabytes("caddy/Caddyfile", "max_size", "MB") * 1_000_000;
    // A body of that length is refused by the server itself, by what its head announces.
    let server = TestServer::start();
    for (proxy, bytes) in [("nginx", nginx), ("caddy", caddy)] {
        let address = server.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("connected");
        write!(
            stream,
            "POST /v1/files HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: multipart/form-data; \
             boundary=x\r\nContent-Length: {bytes}\r\n\r\n",
            server.key
        )
        .expect("sent");
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).expect("an answer");
        assert!(
            status.starts_with("HTTP/1.1 413"),
            "{proxy} cuts off uploads that the server takes: {status}"
        );
    }
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
    let rules: Vec<&str> = lines(&rules).collect();
    asked.extend(rules.join(" ").split("- alert:").skip(1).map(str::to_owned));
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

/// The lines of a deployment that are not comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with('#'))
}

#[test]
fn every_variable_of_a_deployment_is_a_key_of_the_configuration() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tintype.toml");
    let keys = std::fs::read_to_string(keys).expect("tintype.toml");
    // A flag alone, and what Caddy is given.
    let others = ["TINTYPE_DATA_DIR", "TINTYPE_HOST", "TINTYPE_READY", "TINTYPE_UPSTREAM"];
    let mut names = BTreeSet::new();
    for file in ["compose.yaml", "cluster.yaml", "kubernetes/tintype.yaml", "kubernetes/cluster.yaml"] {
        let text = read(file);
        for line in lines(&text) {
            for (at, _) in line.match_indices("TINTYPE_") {
                let name = line[at..].split(|c: char| !c.is_ascii_uppercase() && c != '_').next();
                names.extend(name.map(str::to_owned));
            }
        }
    }
    assert!(names.len() >= 6, "{names:?}");
    for name in names.iter().filter(|name| !others.contains(&name.as_str())) {
        let key = name.trim_start_matches("TINTYPE_").to_lowercase();
        let (table, key) = key.rsplit_once("__").unwrap_or(("", &key));
        let has_table = table.is_empty() || keys.lines().any(|line| line == format!("[{table}]"));
        let is_key = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} ="));
        assert!(has_table && keys.lines().any(is_key), "{name} is not a key of config/tintype.toml");
    }
}

#[test]
fn what_a_manifest_refers_to_is_in_it() {
    for file in ["kubernetes/tintype.yaml", "kubernetes/cluster.yaml"] {
        let text = read(file);
        let documents: Vec<&str> = text.split("\n---\n").collect();
        let of_kind = |kind: &str, name: &str| {
            documents.iter().any(|document| {
                let has = |wanted: &str| lines(document).any(|line| line == wanted);
                has(&format!("kind: {kind}")) && has(&format!("  name: {name}"))
            })
        };
        let mut named = 0;
        for line in lines(&text) {
            for (word, kind) in
                [("claimName: ", "PersistentVolumeClaim"), ("secretKeyRef: {name: ", "Secret")]
            {
                let Some((_, name)) = line.split_once(word) else { continue };
                let name = name.split([',', '}']).next().unwrap_or_default();
                assert!(of_kind(kind, name), "{file} has no {kind} {name}");
                named += 1;
            }
        }
        assert!(named >= 2, "{file} refers to its volumes");
        let mounts = lines(&text).filter_map(|line| line.trim().strip_prefix("- {name: "));
        for mount in mounts.filter_map(|mount| mount.split(',').next()) {
            let is_volume = lines(&text).any(|line| {
                line.trim() == format!("- name: {mount}") || line.trim() == format!("name: {mount}")
            });
            assert!(is_volume, "{file} has no volume {mount}");
        }
    }
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
