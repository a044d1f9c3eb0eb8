use std::io::Cursor;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};

use super::nodes::Cluster;
use crate::{batches::Client, eventually::eventually, served::Place};

const SIDE: u32 = 32;

fn url_of(image: &DynamicImage) -> String {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, ImageFormat::Png).expect("a file");
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(file.into_inner()))
}

/// An edit of the left half of an image.
fn edit() -> Value {
    let source = RgbImage::from_fn(SIDE, SIDE, |x, y| {
        Rgb([x * 7, y * 7, 90].map(|side| u8::try_from(side).expect("small")))
    });
    let mask = RgbaImage::from_fn(SIDE, SIDE, |x, _| Rgba([0, 0, 0, if x < SIDE / 2 { 0 } else { 255 }]));
    json!({
        "prompt": "a red door", "images": [{ "image_url": url_of(&source.into()) }],
        "mask": { "image_url": url_of(&mask.into()) }, "seed": 7, "steps": 4, "n": 2,
    })
}

/// The pixels of what `body` is answered with.
fn pixels(client: &Client, body: &Value) -> Vec<Vec<u8>> {
    let answer = client.json("POST", "/v1/images/edits", &body.to_string());
    let images = answer["data"].as_array().unwrap_or_else(|| panic!("images: {answer}"));
    let file =
        |image: &Value| BASE64_STANDARD.decode(image["b64_json"].as_str().expect("a file")).expect("Base64");
    let decoded = |file: Vec<u8>| image::load_from_memory(&file).expect("an image").to_rgb8().into_raw();
    images.iter().map(file).map(decoded).collect()
}

#[test]
fn an_edit_at_a_gateway_is_made_by_a_worker_as_one_machine_makes_it() {
    let Some(cluster) = Cluster::new() else { return };
    let (gateway, worker) = (cluster.gateway(), cluster.worker());
    let made = pixels(&cluster.caller(&gateway), &edit());
    assert_eq!(made.len(), 2);
    assert_ne!(made[0], made[1]);
    assert_eq!(cluster.objects("sources"), 0, "what was edited leaves the store with its request");
    let mut place = Place::new();
    let served = place.serve();
    assert_eq!(made, pixels(&Client::of(&place, &served), &edit()));
    served.stop();
    // What is edited waits in the store, and leaves it with a request that is cancelled.
    worker.stop();
    let mut body = edit();
    body["n"] = json!(1);
    let waits = "SELECT count(*) FROM queue WHERE state = 0";
    cluster.hang_up_once(&gateway, ("/v1/images/edits", &body), || {
        let is_waiting = cluster.count(waits) == 1;
        assert!(!is_waiting || cluster.objects("sources") == 2, "a source and its mask");
        is_waiting
    });
    eventually("it has left the queue", || cluster.count(waits) == 0);
    eventually("what was to be edited is gone", || cluster.objects("sources") == 0);
    cluster.settles();
}
