//! What an operator does to a cluster that goes on: nodes are drained before they stop, and LoRAs are removed.

use serde_json::{Value, json};

use super::nodes::{Cluster, Node};
use crate::{eventually::eventually, lora_files::write_lora, program::tintype};

/// The status of a gateway's /readyz, and what it says.
fn readiness(gateway: &Node) -> (u16, String) {
    let asked = ureq::get(format!("{}/readyz", gateway.url)).config().http_status_as_error(false).build();
    let mut answer = asked.call().expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
}

#[test]
fn a_drained_gateway_answers_though_it_is_not_ready_and_a_drained_worker_stays_so_though_taken_for_dead() {
    let Some(cluster) = Cluster::new() else { return };
    let (drained, other) = (cluster.gateway(), cluster.gateway());
    eventually("they say what is missing", || readiness(&drained).1.contains("no worker runs"));
    let worker = cluster.worker();
    eventually("both are ready", || readiness(&drained).0 == 200 && readiness(&other).0 == 200);
    cluster.succeeds(&["node", "drain", &drained.id]);
    eventually("a load balancer sees it", || readiness(&drained).0 == 503);
    assert!(readiness(&drained).1.contains("drained"), "{}", readiness(&drained).1);
    assert_eq!(readiness(&other).0, 200);
    cluster.client(&drained).generate(None, 1).expect("what was on its way is answered");
    drained.stop();
    // Whoever is about to switch its machine off does not find it at work again.
    cluster.succeeds(&["node", "drain", &worker.id]);
    worker.freeze();
    let gone = format!("SELECT count(*) FROM nodes WHERE id = '{}' AND fenced = 1", worker.id);
    eventually("it is taken for dead", || cluster.count(&gone) == 1);
    worker.thaw();
    let again = "SELECT count(*) FROM nodes WHERE role = 'worker' AND fenced = 0";
    eventually("it joins again", || cluster.count(again) == 1);
    assert_eq!(cluster.count(&format!("{again} AND draining = 1")), 1, "it is still drained");
}

#[test]
fn a_ledger_that_nodes_use_is_not_moved_and_the_refusal_makes_none() {
    let Some(cluster) = Cluster::new() else { return };
    let _gateway = cluster.gateway();
    let to = cluster.aside().join("moved");
    let mut command = tintype();
    command.args(["ledger", "move", "--from", &cluster.database.url(), "--to"]).arg(&to);
    let refused = command.output().expect("tintype");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another server uses this ledger"));
    assert!(!to.join("ledger.sqlite3").exists(), "it would be taken for the one that was moved");
}

#[test]
fn a_lora_that_is_removed_stays_for_the_requests_that_were_accepted_with_it() {
    let Some(cluster) = Cluster::new() else { return };
    let gateway = cluster.gateway();
    let (file, images) = (cluster.aside().join("ink.safetensors"), cluster.aside().join("images"));
    write_lora(&file, "layers.0.attention.to_q", 0);
    let (file, images) = (file.display().to_string(), images.display().to_string());
    cluster.succeeds(&["lora", "add", &file, "--images", &images]);
    let client = cluster.caller(&gateway);
    let body = json!({ "prompt": "a boat", "steps": 2, "lora": "ink" }).to_string();
    let accepted = client.json("POST", "/v1/async/images/generations", &body);
    let id = accepted["id"].as_str().unwrap_or_else(|| panic!("an id: {accepted}"));
    eventually("it waits", || cluster.count("SELECT count(*) FROM queue") == 1);
    cluster.succeeds(&["lora", "remove", "ink", "--images", &images]);
    assert_eq!(client.json("GET", "/v1/loras", "")["data"], json!([]), "new requests do not find it");
    // No worker has used it before.
    let _worker = cluster.worker();
    let mut answer = Value::Null;
    eventually("an answer", || {
        answer = client.json("GET", &format!("/v1/async/{id}"), "");
        answer["data"].is_array()
    });
    assert_eq!(answer["loras"][0]["name"], "ink", "{answer:.300}");
    cluster.settles();
}
