use serde_json::{Value, json};

use super::nodes::Cluster;

#[test]
fn a_stream_at_a_gateway_has_the_partial_images_of_a_worker() {
    let Some(cluster) = Cluster::new() else { return };
    let (gateway, _worker) = (cluster.gateway(), cluster.worker());
    let body = json!({
        "prompt": "a lighthouse", "seed": 7, "steps": 8, "size": "32x32", "stream": true, "partial_images": 2,
    });
    let client = cluster.caller(&gateway);
    let text = client.send("POST", "/v1/images/generations", "application/json", &body.to_string());
    let text = String::from_utf8(text).expect("UTF-8");
    let event = |event: &str| {
        let (name, data) = event.split_once('\n').expect("an event");
        let data: Value = serde_json::from_str(data.trim_start_matches("data: ")).expect("JSON");
        (name.trim_start_matches("event: image_generation.").to_owned(), data)
    };
    let events: Vec<_> = text.split("\n\n").filter(|event| event.starts_with("event: ")).map(event).collect();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["partial_image", "partial_image", "completed"], "{text:.200}");
    let indices: Vec<_> = events[..2].iter().map(|(_, data)| data["partial_image_index"].clone()).collect();
    assert_eq!(indices, [0, 1]);
    let files: Vec<_> = events.iter().map(|(_, data)| data["b64_json"].as_str().expect("a file")).collect();
    assert!(files[0] != files[1] && files[1] != files[2]);
    assert_eq!(cluster.objects("partials"), 0, "they leave the store with their request");
    cluster.settles();
}
