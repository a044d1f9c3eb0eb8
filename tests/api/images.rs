//! Images, and what is said about them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::server::TestServer;

fn png(image: &Value) -> Vec<u8> {
    let text = image["b64_json"].as_str().expect("b64_json");
    BASE64_STANDARD.decode(text).expect("base64")
}

fn pixels(image: &Value) -> image::RgbImage {
    image::load_from_memory(&png(image)).expect("a PNG").to_rgb8()
}

#[test]
fn an_image_is_generated_and_its_cost_is_in_the_ledger() {
    let server = TestServer::start();
    let answer = server.generate(&json!({ "prompt": "a lighthouse at dawn" }));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("x-request-id").starts_with("req_"));
    let body = answer.json();
    let image = pixels(&body["data"][0]);
    assert_eq!((image.width(), image.height()), (32, 32));

    let receipt = &body["data"][0]["receipt"];
    let amount = |name: &str| receipt[name].as_f64().unwrap_or_else(|| panic!("{name} in {receipt}"));
    assert!(amount("electricity") > 0.0 && amount("energy_kwh") > 0.0);
    let source = receipt["energy_source"].as_str().expect("a source");
    assert!(
        ["metered", "estimated"].contains(&source),
        "estimated where it was shorter than the counter's tick"
    );
    assert_eq!(receipt["currency"], "CNY");
    let sum = amount("electricity") + amount("depreciation") + amount("upkeep");
    assert!((amount("total") - sum).abs() < 1e-9);
    assert!((amount("saving") - (amount("compared_price") - amount("total"))).abs() < 1e-9);

    let totals = server.totals();
    assert_eq!(totals.images, 1);
    assert_eq!(totals.standard.to_string(), receipt["total"].to_string());
}

#[test]
fn the_answer_says_what_was_done() {
    let server = TestServer::start();
    let body = server
        .generate(&json!({
            "prompt": "一只猫坐在窗边", "n": 2, "size": "24x16", "seed": 7, "quality": "high", "model": "gpt-image-1",
            "response_format": "b64_json", "output_format": "png", "background": "auto", "moderation": "low",
            "style": "vivid", "user": "someone", "stream": false, "guidance_scale": 0, "negative_prompt": null
        }))
        .json();
    assert_eq!(body["size"], "24x16");
    assert_eq!(body["quality"], "high");
    assert_eq!(body["background"], "opaque");
    assert_eq!(body["output_format"], "png");
    assert_eq!((&body["data"][0]["seed"], &body["data"][1]["seed"]), (&json!(7), &json!(8)));
    assert!(body["created"].as_i64().is_some_and(|created| created > 1_700_000_000));
    let usage = &body["usage"];
    // The model's VAE halves, its patches halve again: 6 × 4 tokens an image.
    assert_eq!(usage["output_tokens"], 48);
    assert_eq!(usage["input_tokens_details"]["text_tokens"], usage["input_tokens"]);
    assert_eq!(usage["total_tokens"].as_u64(), usage["input_tokens"].as_u64().map(|input| input + 48));
    assert!(body["data"][0].get("url").is_none());
}

#[test]
fn a_seed_generates_the_same_image_alone_and_in_a_batch() {
    let server = TestServer::start();
    let generate = |seed: u64, n: u64| {
        server.generate(&json!({ "prompt": "a cup of tea", "seed": seed, "n": n })).json()["data"].clone()
    };
    let batch = generate(41, 3);
    assert_eq!(png(&batch[1]), png(&generate(42, 1)[0]));
    assert_ne!(png(&batch[0]), png(&batch[1]));
}

#[test]
fn a_drawn_seed_is_told_and_generates_the_image_again() {
    let server = TestServer::start();
    let first = server.generate(&json!({ "prompt": "a cup of tea" })).json();
    let other = server.generate(&json!({ "prompt": "a cup of tea" })).json();
    assert_ne!(first["data"][0]["seed"], other["data"][0]["seed"]);
    let again =
        server.generate(&json!({ "prompt": "a cup of tea", "seed": first["data"][0]["seed"] })).json();
    assert_eq!(png(&first["data"][0]), png(&again["data"][0]));
}

#[test]
fn steps_guidance_and_the_negative_prompt_change_the_image() {
    let server = TestServer::start();
    let generate = |extra: Value| {
        let mut body = json!({ "prompt": "a cup of tea", "seed": 1 });
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        png(&server.generate(&body).json()["data"][0])
    };
    let images = [
        generate(json!({})),
        generate(json!({ "steps": 3 })),
        generate(json!({ "guidance_scale": 4 })),
        generate(json!({ "guidance_scale": 4, "negative_prompt": "blurry" })),
    ];
    for (i, image) in images.iter().enumerate() {
        assert!(!images[..i].contains(image), "image {i}");
    }
    assert_eq!(generate(json!({ "num_inference_steps": 3 })), images[1]);
    assert_eq!(generate(json!({ "negative_prompt": "blurry" })), images[0], "no effect without guidance");
}

#[test]
fn the_image_over_http_is_the_goldens_image() {
    let goldens = crate::tiny_models::parity_dir();
    let cases: Value =
        serde_json::from_slice(&std::fs::read(goldens.join("cases.json")).expect("cases.json"))
            .expect("JSON");
    let case =
        cases.as_array().expect("cases").iter().find(|case| case["name"] == "base-32").expect("base-32");
    let golden = candle_core::safetensors::load(
        goldens.join("goldens/base-32.safetensors"),
        &candle_core::Device::Cpu,
    )
    .expect("goldens");
    let golden: Vec<u8> = golden["image"].flatten_all().and_then(|image| image.to_vec1()).expect("bytes");
    let server = TestServer::start();
    let body = server
        .generate(&json!({
            "prompt": case["prompts"][0], "seed": case["seeds"][0], "steps": case["steps"],
            "size": format!("{}x{}", case["width"], case["height"])
        }))
        .json();
    let ours = pixels(&body["data"][0]).into_raw();
    assert_eq!(ours.len(), golden.len());
    assert!(ours.iter().zip(&golden).all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn a_model_that_cannot_generate_the_usual_size_generates_its_largest() {
    let server = TestServer::start_with(|config| config.model.default_size = None);
    // 64 rows of 4 pixels are all the positions that this model has.
    let body = server.generate(&json!({ "prompt": "x", "steps": 1 })).json();
    assert_eq!(body["size"], "256x256");
}
