//! LoRAs of a request: how they are named, what they change, and what they leave as it was.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tintype::ledger::KeyRules;

use crate::{
    client::IMAGES,
    edits::{Form, columns, data_url, first_image, photo, png},
    lora_files::{write_lora, write_lora_of},
    server::TestServer,
    tiny_models,
};

/// A server with the LoRAs `ink` and `clay`, and with `flux`, which is another model's.
fn server_with(change: impl FnOnce(&mut tintype::config::Config)) -> TestServer {
    let server = TestServer::start_with(change);
    let folder = server.data.path().join("loras");
    fs::create_dir_all(&folder).expect("a directory");
    write_lora(&folder.join("ink.safetensors"), "layers.0.attention.to_q", 0);
    write_lora(&folder.join("clay.safetensors"), "layers.1.attention.to_v", 3);
    write_lora(&folder.join("flux.safetensors"), "double_blocks.0.img_attn.qkv", 0);
    server
}

fn server() -> TestServer {
    server_with(|_| {})
}

fn file(body: &Value) -> Vec<u8> {
    let text = body["data"][0]["b64_json"].as_str().unwrap_or_else(|| panic!("{body}"));
    BASE64_STANDARD.decode(text).expect("base64")
}

fn pixels(body: &Value) -> Vec<u8> {
    image::load_from_memory(&file(body)).expect("an image").to_rgb8().into_raw()
}

/// The answer to a request for one image of seed 7 with `lora`.
fn with_lora(server: &TestServer, lora: &Value) -> Value {
    let answer = server.generate(&json!({ "prompt": "tea", "seed": 7, "steps": 2, "lora": lora }));
    assert_eq!(answer.status, 200, "{lora}: {}", answer.text);
    answer.json()
}

fn sha256(file: &Path) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(fs::read(file).expect("a file")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_way_of_naming_a_lora_gives_the_same_image_and_the_next_request_has_none_of_it() {
    let server = server();
    let before = pixels(&with_lora(&server, &Value::Null));
    let inked = pixels(&with_lora(&server, &json!({ "name": "ink", "weight": 3 })));
    assert_ne!(before, inked);
    for lora in [
        json!([{ "name": "ink", "weight": 3 }]),
        json!({ "lora_name": "ink", "scale": 3 }),
        json!([{ "name": "ink", "strength": 3.0 }]),
        json!({ "name": "ink", "multiplier": 3 }),
        json!("{\"name\": \"ink\", \"weight\": 3}"),
    ] {
        assert!(pixels(&with_lora(&server, &lora)) == inked, "{lora}");
        assert!(pixels(&with_lora(&server, &Value::Null)) == before, "after {lora}");
    }
    assert!(pixels(&with_lora(&server, &json!({ "name": "ink", "weight": 0 }))) == before);
    let both = pixels(&with_lora(&server, &json!([{ "name": "ink", "weight": 3 }, "clay"])));
    assert!(both != inked && both != before);
}

#[test]
fn images_with_loras_and_without_wait_together_and_each_is_as_if_alone() {
    let server = server_with(|config| config.model.batch_max = std::num::NonZeroUsize::new(4));
    let loras = [Value::Null, json!({ "name": "ink", "weight": 3 }), json!({ "name": "clay", "weight": -4 })];
    let alone: Vec<_> = loras.iter().map(|lora| pixels(&with_lora(&server, lora))).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12)
            .map(|turn| {
                let (server, lora) = (&server, &loras[turn % loras.len()]);
                scope.spawn(move || pixels(&with_lora(server, lora)))
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().expect("an image")).collect()
    });
    for (turn, image) in together.iter().enumerate() {
        assert!(*image == alone[turn % loras.len()], "{turn}");
    }
}

#[test]
fn the_answer_the_receipt_and_the_file_name_the_lora_and_its_hash() {
    let server = server_with(|config| config.metadata.embed = true);
    let hash = sha256(&server.data.path().join("loras/ink.safetensors"));
    let applied = json!([{ "name": "ink", "weight": 0.5, "sha256": hash }]);
    let answer = with_lora(&server, &json!({ "name": "ink", "weight": 0.5 }));
    assert_eq!(answer["loras"], applied);
    let bytes = file(&answer);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("tintype:loras") && text.contains(&hash), "the file's XMP");

    let id = answer["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let receipt = server.get(&format!("/v1/receipts/{id}")).bearer(&server.key).send("");
    assert_eq!(receipt.json()["loras"], applied, "{}", receipt.text);

    let computation = &answer["computation"];
    assert_eq!(receipt.json()["computation"], *computation);
    for (part, stem) in [
        ("transformer", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
        ("vae", "diffusion_pytorch_model"),
    ] {
        let weights = sha256(&tiny_models::directory("base").join(part).join(format!("{stem}.safetensors")));
        assert_eq!(computation["weights"][part], json!(weights));
        assert!(text.contains(&weights), "the file's XMP");
    }
    let texts =
        ["rng", "schedule", "precision", "device"].map(|name| computation[name].as_str().expect("a text"));
    assert_eq!(texts, ["MT19937, as torch.randn on a CPU", "flow-matching Euler, shift 3", "f32", "cpu"]);
    assert!(server.data.path().join("weights.json").is_file(), "the next start hashes nothing");
    assert!(with_lora(&server, &Value::Null).get("loras").is_none());

    let quoted = server.generate(&json!({ "prompt": "tea", "lora": "ink", "dry_run": true }));
    assert_eq!(quoted.json()["loras"], json!([{ "name": "ink", "weight": 1.0, "sha256": hash }]));
}

#[test]
fn a_repeat_has_the_loras_of_the_first_answer_even_after_the_file_has_gone() {
    let server = server();
    let ask = |lora: &str| {
        let body = json!({ "prompt": "tea", "seed": 7, "steps": 2, "lora": lora });
        server
            .post("/v1/images/generations")
            .bearer(&server.key)
            .header("idempotency-key", "once")
            .json(&body)
    };
    let first = ask("ink");
    assert_eq!(first.status, 200, "{}", first.text);
    fs::remove_file(server.data.path().join("loras/ink.safetensors")).expect("removed");
    let again = ask("ink");
    assert_eq!((again.status, &again.json()["loras"]), (200, &first.json()["loras"]), "{}", again.text);
    assert_eq!(again.json()["computation"], first.json()["computation"]);
    assert!(file(&again.json()) == file(&first.json()));
    let other = ask("clay");
    assert_eq!((other.status, &other.json()["error"]["code"]), (422, &json!("idempotency_key_reused")));
}

#[test]
fn a_stream_takes_loras_too() {
    let server = server();
    let body = json!({ "prompt": "tea", "seed": 7, "steps": 2, "lora": "ink", "stream": true });
    let streamed = server.generate(&body);
    assert_eq!(streamed.status, 200, "{}", streamed.text);
    let mut data = streamed.text.lines().filter_map(|line| line.strip_prefix("data: "));
    let last: Value = serde_json::from_str(data.next_back().expect("an event")).expect("JSON");
    assert_eq!((&last["loras"][0]["name"], &last["computation"]["device"]), (&json!("ink"), &json!("cpu")));
    let bytes = BASE64_STANDARD.decode(last["b64_json"].as_str().expect("base64")).expect("base64");
    let image = image::load_from_memory(&bytes).expect("an image").to_rgb8().into_raw();
    assert!(image == pixels(&with_lora(&server, &json!("ink"))));
}

#[test]
fn what_cannot_be_applied_is_refused_by_name() {
    let server = server();
    fs::write(server.data.path().join("loras/broken.safetensors"), b"nothing").expect("written");
    for (lora, status, code, said) in [
        (json!("inc"), 400, "lora_not_found", "clay, flux, ink"),
        (json!("../loras/ink"), 400, "lora_not_found", "no LoRA"),
        (json!("flux"), 422, "lora_unfit", "Flux"),
        (json!("broken"), 422, "lora_unfit", "cannot be applied"),
        (json!(7), 400, "invalid_value", "must be a name"),
        (json!({ "name": "ink", "path": "/x" }), 400, "invalid_value", "path"),
        (json!({ "name": "ink", "weight": 11 }), 400, "invalid_value", "from -10 to 10"),
        (json!(["ink", "ink"]), 400, "invalid_value", "twice"),
        (json!(["a", "b", "c", "d", "e"]), 400, "invalid_value", "at most 4"),
    ] {
        for is_dry_run in [false, true] {
            let answer = server.generate(&json!({ "prompt": "tea", "lora": lora, "dry_run": is_dry_run }));
            let error = &answer.json()["error"];
            assert_eq!((answer.status, &error["code"]), (status, &json!(code)), "{lora}: {}", answer.text);
            assert_eq!(error["param"], "lora");
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains(said), "{lora}: {message}");
            assert!(!message.contains(server.data.path().to_str().expect("a path")), "{message}");
        }
    }
    assert_eq!(server.totals().images, 0);
}

#[test]
fn what_of_a_lora_has_no_effect_is_said_in_a_header() {
    let server = server();
    let layers = ["layers.0.attention.to_q", "layers.1.attention.to_v", "layers.7.attention.to_q"];
    let folder = server.data.path().join("loras");
    write_lora_of(&folder.join("larger 画.safetensors"), &layers, 1);
    for is_dry_run in [false, true] {
        for (lora, warning) in [
            ("ink", ""),
            (
                "larger 画",
                "LoRA larger %E7%94%BB: only 2 of its 3 layers are in this model; the others have no effect",
            ),
        ] {
            let asked = json!({ "prompt": "tea", "steps": 1, "lora": lora, "dry_run": is_dry_run });
            let answer = server.generate(&asked);
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.header("x-tintype-warning"), warning, "{lora}");
        }
    }
}

#[test]
fn a_prompt_names_loras_only_if_the_operator_lets_it() {
    let ask = |server: &TestServer, prompt: &str| {
        server.generate(&json!({ "prompt": prompt, "seed": 7, "steps": 2 })).json()
    };
    let plain = server();
    assert!(ask(&plain, "tea <lora:ink:3>").get("loras").is_none());
    let server = server_with(|config| config.model.loras_in_prompt = true);
    let named = ask(&server, "tea <lora:ink:3>");
    assert_eq!((&named["loras"][0]["name"], &named["loras"][0]["weight"]), (&json!("ink"), &json!(3.0)));
    assert!(pixels(&named) == pixels(&with_lora(&server, &json!({ "name": "ink", "weight": 3 }))));
    assert_eq!(ask(&server, "<lora:ink>")["error"]["param"], "prompt");
}

#[test]
fn the_list_has_what_the_data_directory_and_the_configuration_have() {
    let elsewhere = tempfile::TempDir::new().expect("a directory");
    write_lora(&elsewhere.path().join("paper.safetensors"), "layers.0.attention.to_k", 1);
    let folder = elsewhere.path().to_owned();
    let server = server_with(|config| config.model.loras = vec![folder]);
    let listed = server.get("/v1/loras").bearer(&server.key).send("");
    assert_eq!(listed.status, 200, "{}", listed.text);
    let body = listed.json();
    let ids: Vec<_> = body["data"].as_array().expect("a list").iter().map(|lora| &lora["id"]).collect();
    assert_eq!(ids, ["clay", "flux", "ink", "paper"]);
    assert_eq!(body["data"][0]["sha256"], sha256(&server.data.path().join("loras/clay.safetensors")));
    assert_eq!((&body["data"][2]["kinds"], &body["data"][2]["ranks"]), (&json!({ "LoRA": 1 }), &json!([2])));
    assert!(body["data"][1]["other_family"].as_str().is_some_and(|family| family.contains("Flux")));
    assert!(!listed.text.contains(elsewhere.path().to_str().expect("a path")));
    pixels(&with_lora(&server, &json!("paper")));
    assert_eq!(server.get("/v1/loras").send("").status, 401);
}

#[test]
fn a_key_that_is_bound_to_loras_may_name_no_others() {
    let server = server();
    let loras = Some(vec!["ink".into(), "paper".into()]);
    let key = server.make_key(9, KeyRules { scopes: IMAGES, loras, ..KeyRules::default() }).reveal();
    let ask = |lora: Value| {
        let body = json!({ "prompt": "tea", "seed": 7, "steps": 2, "lora": lora });
        server.post("/v1/images/generations").bearer(&key).json(&body)
    };
    assert_eq!(ask(json!("ink")).status, 200);
    assert_eq!(ask(Value::Null).status, 200);
    for lora in [json!("clay"), json!(["ink", "clay"]), json!("unheard of")] {
        let refused = ask(lora.clone());
        let error = &refused.json()["error"];
        assert_eq!((refused.status, &error["param"]), (403, &json!("lora")), "{lora}: {}", refused.text);
        assert!(
            error["message"].as_str().is_some_and(|said| said.contains("may use ink, paper.")),
            "{error}"
        );
    }
    let listed = server.get("/v1/loras").bearer(&key).send("").json();
    let ids: Vec<_> = listed["data"].as_array().expect("a list").iter().map(|lora| &lora["id"]).collect();
    assert_eq!(ids, ["ink"]);
}

#[test]
fn an_edit_takes_loras_in_a_form_and_in_json_and_keeps_what_is_outside_its_mask() {
    let server = server();
    let (photo, mask) = (png(photo(32, 32)), png(columns(32, 32, 8, 24)));
    let form = || Form::of(photo.clone()).file("mask", mask.clone()).text("seed", "7").text("steps", "2");
    let without = first_image(&server.edit(&form()));
    let edited = server.edit(&form().text("lora", r#"{"name": "ink", "weight": 3}"#));
    let inked = first_image(&edited);
    assert_ne!(inked, without);
    for (x, y, pixel) in inked.enumerate_pixels().filter(|(x, ..)| !(8..24).contains(x)) {
        assert_eq!(pixel, without.get_pixel(x, y), "{x}, {y}");
    }
    let body = edited.json();
    assert_eq!((&body["loras"][0]["name"], &body["unchanged_outside_mask"]), (&json!("ink"), &json!(true)));
    let id = body["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let receipt = server.get(&format!("/v1/receipts/{id}")).bearer(&server.key).send("");
    assert_eq!(receipt.json()["loras"], body["loras"], "{}", receipt.text);
    let as_json = json!({ "prompt": "tea", "seed": 7, "steps": 2, "lora": [{ "name": "ink", "weight": 3 }],
        "images": [{ "image_url": data_url(&photo) }], "mask": { "image_url": data_url(&mask) } });
    assert_eq!(first_image(&server.edit_json(&as_json)), inked);
    assert_eq!(first_image(&server.edit(&form())), without, "nothing of it is left");
    let unknown = server.edit(&form().text("lora", "inc"));
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (400, &json!("lora_not_found")));
    let varied = Form::empty().file("image", photo.clone()).text("lora", "ink");
    let varied = server.send_form("/v1/images/variations", None, &varied);
    assert_eq!((varied.status, &varied.json()["loras"][0]["name"]), (200, &json!("ink")), "{}", varied.text);
}

#[test]
fn a_lora_that_is_replaced_counts_from_the_next_request_on() {
    let server = server();
    let first = pixels(&with_lora(&server, &json!({ "name": "ink", "weight": 3 })));
    let file = server.data.path().join("loras/ink.safetensors");
    let draft = file.with_extension("partial");
    write_lora(&draft, "layers.0.attention.to_q", 5);
    fs::rename(&draft, &file).expect("replaced");
    assert_ne!(pixels(&with_lora(&server, &json!({ "name": "ink", "weight": 3 }))), first);
}

#[test]
fn a_lora_that_takes_more_memory_than_it_may_is_refused() {
    let server = server_with(|config| config.model.lora_cache_mib = 0);
    let answer = server.generate(&json!({ "prompt": "tea", "lora": "ink" }));
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("bytes of memory"), "{}", answer.text);
}
