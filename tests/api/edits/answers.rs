use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use tintype::domain::Scopes;

use super::{Form, columns, data_url, encoded, file, first_image, photo, png};
use crate::{client::eventually, server::TestServer};

#[test]
fn an_edit_without_a_mask_changes_the_whole_image_and_says_how_it_ran() {
    let server = TestServer::start();
    let answer = server.edit(&Form::of(png(photo(20, 33))).text("steps", "8").text("seed", "7"));
    let image = first_image(&answer);
    assert_eq!(image.dimensions(), (20, 33), "the size of the image, no multiple of the model's");
    let body = answer.json();
    assert_eq!(
        (&body["size"], &body["painted_size"]),
        (&json!("20x33"), &json!("20x36")),
        "padded for the model"
    );
    for place in [&body, &body["data"][0]["receipt"]] {
        assert_eq!((&place["steps_run"], &place["edited_pixels"]), (&json!(5), &json!(660)), "{place}");
        assert_eq!(place["unchanged_outside_mask"], Value::Null);
        assert!(place["sigma"].as_f64().is_some_and(|sigma| sigma > 0.5 && sigma < 1.0), "{place}");
    }
    assert!(body["data"][0]["receipt"]["total"].as_f64() > Some(0.0));
    let id = body["data"][0]["receipt"]["request_id"].as_str().expect("an id");
    let receipts = server.get(&format!("/v1/receipts/{id}")).bearer(&server.key).send("").json();
    assert_eq!(receipts["data"][0]["receipt"], body["data"][0]["receipt"]);
    for field in ["steps_run", "sigma", "edited_pixels", "unchanged_outside_mask"] {
        assert_eq!(receipts[field], body[field], "{field}");
    }
    let plain = server.generate(&json!({ "prompt": "tea" })).json();
    assert!(plain.get("steps_run").is_none() && plain["data"][0]["receipt"].get("sigma").is_none());
}

#[test]
fn a_strength_is_rounded_to_a_step_and_decides_what_is_left() {
    let server = TestServer::start();
    let run = |strength: &str| {
        let form =
            Form::of(png(photo(32, 32))).text("steps", "8").text("seed", "1").text("strength", strength);
        let answer = server.edit(&form);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let runs = ["0.1", "0.5", "0.9", "1"].map(run);
    assert_eq!(runs.each_ref().map(|body| body["steps_run"].as_u64()), [Some(1), Some(4), Some(8), Some(8)]);
    assert_eq!(runs[3]["sigma"], 1.0);
    assert_eq!(run("0.45")["data"][0]["b64_json"], runs[1]["data"][0]["b64_json"]);
    assert_ne!(runs[0]["data"][0]["b64_json"], runs[1]["data"][0]["b64_json"]);
}

#[test]
fn each_image_equals_a_request_with_its_own_seed() {
    let server = TestServer::start();
    let form = |seed: &str, n: &str| {
        Form::of(png(photo(24, 24))).file("mask", png(columns(24, 24, 4, 20))).text("seed", seed).text("n", n)
    };
    let three = server.edit(&form("5", "3")).json();
    for (i, seed) in ["5", "6", "7"].iter().enumerate() {
        let alone = server.edit(&form(seed, "1")).json();
        assert_eq!(alone["data"][0]["b64_json"], three["data"][i]["b64_json"], "seed {seed}");
    }
}

#[test]
fn a_size_covers_or_contains_the_image() {
    let server = TestServer::start();
    let form = |fit: &str| {
        Form::of(png(photo(40, 20)))
            .text("size", "30x30")
            .text("fit", fit)
            .text("seed", "1")
            .text("steps", "8")
    };
    let [cover, contain] = ["cover", "contain"].map(|fit| first_image(&server.edit(&form(fit))));
    assert_eq!((cover.dimensions(), contain.dimensions()), ((30, 30), (30, 30)));
    assert!(cover != contain);
    let auto = Form::of(png(photo(40, 20))).text("size", "auto");
    assert_eq!(first_image(&server.edit(&auto)).dimensions(), (40, 20));
}

#[test]
fn a_stream_shows_partial_images_that_are_put_back_too() {
    let server = TestServer::start();
    let source = photo(32, 32);
    let form = Form::of(png(source.clone()))
        .file("mask", png(columns(32, 32, 10, 20)))
        .text("steps", "8")
        .text("seed", "3")
        .text("partial_images", "2");
    let events = server.edit(&form.text("stream", "true")).events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image_edit.partial_image", "image_edit.partial_image", "image_edit.completed"]);
    for (i, (name, event)) in events.iter().enumerate() {
        assert_eq!(event["type"], name.as_str());
        assert_eq!(event.get("partial_image_index"), (i < 2).then_some(&json!(i)));
        let image = image::load_from_memory(&file(event)).expect("an image").to_rgb8();
        for (x, y, pixel) in image.enumerate_pixels().filter(|(x, ..)| !(10..20).contains(x)) {
            assert_eq!(pixel, source.get_pixel(x, y), "{name} at {x}, {y}");
        }
    }
    let last = &events[2].1;
    assert_eq!((&last["steps_run"], &last["unchanged_outside_mask"]), (&json!(8), &json!(true)));
    eventually("it is noted as delivered", || server.totals().undelivered == 0);
}

#[test]
fn lossy_files_say_that_pixels_changed() {
    let server = TestServer::start();
    let form = |format: &str, quality: &str| {
        Form::of(png(photo(32, 32)))
            .file("mask", png(columns(32, 32, 0, 16)))
            .text("output_format", format)
            .text("output_compression", quality)
    };
    for (format, quality, is_kept) in
        [("png", "100", true), ("webp", "100", true), ("webp", "60", false), ("jpeg", "90", false)]
    {
        let answer = server.edit(&form(format, quality)).json();
        assert_eq!(answer["unchanged_outside_mask"], is_kept, "{format} {quality}: {answer}");
        assert_eq!(answer["output_format"], format);
    }
    let reference = server.edit(&form("png", "100").text("mask_mode", "reference")).json();
    assert_eq!(reference["unchanged_outside_mask"], Value::Null);
}

#[test]
fn masks_are_read_by_alpha_or_by_lightness_and_an_image_may_hold_its_own() {
    let server = TestServer::start();
    let edited = |form: &Form| server.edit(form).json()["edited_pixels"].clone();
    let form = || Form::of(png(photo(32, 32)));
    assert_eq!(edited(&form().file("mask", png(columns(32, 32, 8, 12)))), 4 * 32);
    assert_eq!(edited(&form().file("mask", png(columns(32, 32, 0, 32)))), 32 * 32, "all clear is all of it");
    let light = image::GrayImage::from_fn(16, 16, |x, _| image::Luma([if x < 8 { 255 } else { 0 }]));
    assert_eq!(edited(&form().file("mask_image", png(light))), 16 * 32, "scaled to the image");
    let mut own = DynamicImage::from(photo(32, 32)).to_rgba8();
    own.put_pixel(3, 3, image::Rgba([1, 2, 3, 0]));
    assert_eq!(edited(&Form::of(png(own))), 1);
    let opaque = DynamicImage::from(photo(32, 32)).to_rgba8();
    assert_eq!(edited(&Form::of(png(opaque))), 32 * 32, "no clear pixel is no mask");
}

#[test]
fn json_bodies_have_images_as_data_urls() {
    let server = TestServer::start();
    let source = data_url(&png(photo(32, 32)));
    let mask = data_url(&png(columns(32, 32, 8, 12)));
    let form = Form::of(png(photo(32, 32))).file("mask", png(columns(32, 32, 8, 12))).text("seed", "9");
    let of_form = server.edit(&form).json()["data"][0]["b64_json"].clone();
    for images in [json!([{ "image_url": source }]), json!({ "image_url": { "url": source } }), json!(source)]
    {
        let body = json!({ "prompt": "tea", "seed": 9, "images": images, "mask": { "image_url": mask } });
        let answer = server.edit_json(&body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["data"][0]["b64_json"], of_form);
    }
}

#[test]
fn jpeg_and_webp_files_are_read_too() {
    let server = TestServer::start();
    for format in [ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Png] {
        let source = encoded(&photo(32, 16).into(), format);
        // As libjpeg-turbo reads it: other decoders' colours are up to 5 of 255 away.
        let decoded = match format {
            ImageFormat::Jpeg => {
                let decoded = libjpeg_turbo_rs::decompress(&source).expect("an image");
                RgbImage::from_raw(32, 16, decoded.data).expect("pixels")
            }
            _ => image::load_from_memory(&source).expect("an image").to_rgb8(),
        };
        let answer = server.edit(&Form::of(source).file("mask", png(columns(32, 16, 0, 8))));
        let image = first_image(&answer);
        assert!((8..32).all(|x| image.get_pixel(x, 3) == decoded.get_pixel(x, 3)), "{format:?}");
    }
}

#[test]
fn a_dry_run_says_what_an_edit_would_take_and_writes_nothing() {
    let server = TestServer::start();
    let form =
        Form::of(png(photo(32, 32))).text("dry_run", "true").text("strength", "0.5").text("steps", "8");
    let quote = server.edit(&form);
    assert_eq!(quote.status, 200, "{}", quote.text);
    let quote = quote.json();
    assert_eq!(
        (&quote["object"], &quote["steps"], &quote["steps_run"]),
        (&json!("quote"), &json!(8), &json!(4))
    );
    assert_eq!((&quote["sigma"], &quote["edited_pixels"]), (&json!(0.75), &json!(1024)));
    // The first service in the price book that sells edits of the same weights.
    assert_eq!(quote["per_image"]["compared_with"], "fal/z-image-turbo");
    assert_eq!(server.totals().images, 0);
}

#[test]
fn an_edit_is_compared_with_edits_alone() {
    let server = TestServer::start_with(|config| config.costs.compare_with = "venice/z-image-turbo".into());
    let compared = |receipt: &Value| (receipt["compared_with"].clone(), receipt["saving"].clone());
    let edit = server.edit(&Form::of(png(photo(32, 32)))).json();
    assert_eq!(compared(&edit["data"][0]["receipt"]), (Value::Null, Value::Null), "it sells none");
    let quote = server.edit(&Form::of(png(photo(32, 32))).text("dry_run", "true")).json();
    assert_eq!(compared(&quote["all_images"]), (Value::Null, Value::Null));
    let plain = server.generate(&json!({ "prompt": "tea" })).json();
    assert_eq!(plain["data"][0]["receipt"]["compared_with"], "venice/z-image-turbo");
}

#[test]
fn variations_are_edits_without_a_prompt_and_deprecated() {
    let server = TestServer::start();
    let form = |seed: &str| Form::empty().file("image", png(photo(32, 32))).text("seed", seed);
    let answer = server.send_form("/v1/images/variations", None, &form("1"));
    assert!(answer.header("deprecation").starts_with('@'), "{:?}", answer.headers);
    assert_eq!(first_image(&answer).dimensions(), (32, 32));
    assert_eq!(answer.json()["edited_pixels"], 1024);
    let masked = form("1").file("mask", png(columns(32, 32, 0, 8)));
    let refused = server.send_form("/v1/images/variations", None, &masked);
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("mask")));
    let prompted = server.send_form("/v1/images/variations", None, &form("1").text("prompt", "tea"));
    assert_eq!((prompted.status, &prompted.json()["error"]["param"]), (400, &json!("prompt")));
}

#[test]
fn links_and_tags_and_budgets_know_edits() {
    let server = TestServer::start();
    let form = Form::of(png(photo(32, 32))).text("response_format", "url");
    let answer = server.edit(&form).json();
    let url = answer["data"][0]["url"].as_str().expect("a link");
    let path = url.strip_prefix(&server.url).expect("of this server");
    let image = server.get(path).send("");
    assert_eq!(image::load_from_memory(&image.bytes).expect("an image").width(), 32);
    let rules = tintype::ledger::KeyRules {
        scopes: Scopes::IMAGES,
        budgets: "2 images a month".parse().expect("budgets"),
        ..Default::default()
    };
    let key = server.make_key(1, rules).reveal();
    let ask = |n: &str| {
        let form = Form::of(png(photo(16, 16))).text("n", n);
        let request = server.post("/v1/images/edits").bearer(&key);
        request.header("content-type", &form.content_type()).send(form.bytes())
    };
    assert_eq!((ask("2").status, ask("1").status), (200, 429));
}

#[test]
fn models_say_what_they_can_do() {
    let server = TestServer::start();
    let model = server.get("/v1/models").bearer(&server.key).send("").json()["data"][0].clone();
    let can = json!({ "text": true, "edit": true, "inpaint": true, "instructions": false });
    assert_eq!(model["capabilities"], can);
}
