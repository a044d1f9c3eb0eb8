//! Images as files: formats, links, what they say of their making.

use std::{collections::BTreeMap, fs, io::Cursor, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{ImageDecoder, ImageReader};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use tintype::{domain::Scopes, ledger::KeyRules};

use crate::{client::Response, server::TestServer};

fn file(image: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(image["b64_json"].as_str().expect("base64")).expect("base64")
}

fn fetch(server: &TestServer, url: &str) -> Response {
    server.get(url.strip_prefix(&server.url).expect("a link to this server")).send("")
}

#[test]
fn every_format_holds_the_same_image() {
    let server = TestServer::start();
    let generate = |format: &str, quality: u8| {
        let body = json!({
            "prompt": "x", "seed": 1, "size": "64x32", "output_format": format, "output_compression": quality
        });
        let answer = server.generate(&body).json();
        assert_eq!(answer["output_format"], format);
        image::load_from_memory(&file(&answer["data"][0])).expect("an image").to_rgb8()
    };
    let png = generate("png", 100);
    assert_eq!(generate("webp", 100), png, "lossless at 100");
    let off = |other: &image::RgbImage| {
        let sum: u64 = png.iter().zip(other.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum / png.len() as u64
    };
    let (fine, coarse) = (generate("jpeg", 95), generate("jpeg", 10));
    assert_eq!(fine.dimensions(), (64, 32));
    assert!(off(&fine) < off(&coarse) && off(&coarse) < 64);
}

#[test]
fn links_are_given_to_those_who_ask_and_to_clients_of_dall_e() {
    let server = TestServer::start();
    for (body, by_link) in [
        (json!({ "prompt": "x" }), false),
        (json!({ "prompt": "x", "model": "gpt-image-1" }), false),
        (json!({ "prompt": "x", "model": "dall-e-3" }), true),
        (json!({ "prompt": "x", "model": "dall-e-3", "response_format": "b64_json" }), false),
        (json!({ "prompt": "x", "response_format": "url" }), true),
    ] {
        let image = &server.generate(&body).json()["data"][0];
        assert_eq!(
            (image.get("url").is_some(), image.get("b64_json").is_none()),
            (by_link, by_link),
            "{body}"
        );
    }
}

#[test]
fn a_link_shows_its_image_without_a_key() {
    let server = TestServer::start();
    let body = json!({ "prompt": "x", "seed": 3, "n": 2, "response_format": "url", "output_format": "jpeg" });
    let linked = server.generate(&body).json();
    let inline =
        server.generate(&json!({ "prompt": "x", "seed": 3, "n": 2, "output_format": "jpeg" })).json();
    for i in 0..2 {
        let url = linked["data"][i]["url"].as_str().expect("a link");
        assert!(url.split('?').next().is_some_and(|path| path.ends_with(".jpg")), "{url}");
        let answer = fetch(&server, url);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"));
        assert_eq!(answer.bytes, file(&inline["data"][i]));
    }
}

#[test]
fn a_link_that_was_changed_or_is_over_shows_nothing() {
    let server = TestServer::start();
    let url = |server: &TestServer| {
        let body = server.generate(&json!({ "prompt": "x", "response_format": "url" })).json();
        body["data"][0]["url"].as_str().expect("a link").to_owned()
    };
    let link = url(&server);
    let (path, _) = link.split_once('?').expect("a query");
    for forged in [
        path.to_owned(),
        link.replace("_0.png", "_1.png"),
        link.replace("expires=", "expires=9"),
        format!("{link}x"),
        format!("{}/pictures/..%2Fledger.sqlite3?expires=9999999999&signature=AA", server.url),
    ] {
        let answer = fetch(&server, &forged);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (403, &json!("link_forged")),
            "{forged}"
        );
    }
    let brief = TestServer::start_with(|config| config.pictures.link_minutes = 0);
    let answer = fetch(&brief, &url(&brief));
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("picture_gone")));
    fs::remove_dir_all(server.data.path().join("pictures")).expect("swept");
    assert_eq!(fetch(&server, &link).status, 404);
}

#[test]
fn a_link_ends_with_the_key_that_it_was_given_to() {
    let server = TestServer::start();
    let key = server.make_key(7, KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() });
    let body = json!({ "prompt": "x", "size": "16x16", "response_format": "url" });
    let made = server.post("/v1/images/generations").bearer(&key.reveal()).json(&body).json();
    let link = made["data"][0]["url"].as_str().expect("a link").to_owned();
    let (ledger, now) = (server.ledger(), jiff::Timestamp::now());
    assert_eq!(fetch(&server, &link).status, 200);
    assert!(ledger.disable_key(key.public_id(), "command line", now).expect("disabled"));
    assert_eq!(fetch(&server, &link).status, 404);
    assert!(ledger.enable_key(key.public_id(), "command line", now).expect("enabled"));
    assert_eq!(fetch(&server, &link).status, 200);
    assert!(ledger.revoke_key(key.public_id(), "command line", now).expect("revoked"));
    let gone = fetch(&server, &link);
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (404, &json!("picture_gone")));
}

#[test]
fn a_link_begins_where_the_operator_says() {
    let server = TestServer::start_with(|config| config.public_url = Some("https://paint.example/".into()));
    let body = server.generate(&json!({ "prompt": "x", "response_format": "url" })).json();
    let url = body["data"][0]["url"].as_str().expect("a link");
    assert!(url.starts_with("https://paint.example/pictures/"), "{url}");
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_generated() {
    let server = TestServer::start_with(|config| config.pictures.free_disk_min_mib = u64::MAX >> 20);
    let full = server.generate(&json!({ "prompt": "x", "response_format": "url" }));
    assert_eq!((full.status, &full.json()["error"]["code"]), (507, &json!("insufficient_storage")));
    assert_eq!(full.header("x-should-retry"), "false");
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200, "nothing of it goes to the disk");
    assert_eq!(server.totals().images, 1);
}

/// A file system of 1 MiB, for as long as this lives.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(place: &std::path::Path) -> Option<Self> {
        fs::create_dir_all(place).ok()?;
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(place).status();
        mount.is_ok_and(|status| status.success()).then(|| Self(place.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_disk_that_fills_up_costs_the_image_and_nothing_of_the_ledger() {
    let mut disk = None;
    let server = TestServer::start_with(|config| {
        config.pictures.free_disk_min_mib = 0;
        disk = SmallDisk::mount(&config.data_dir.join("pictures"));
    });
    if disk.is_none() {
        return crate::skip::skip_or_fail("a small disk", "mount needs root");
    }
    // 10 images of 196,608 bytes of colour each, which noise does not compress.
    let body = json!({ "prompt": "x", "size": "256x256", "n": 10, "steps": 1, "response_format": "url" });
    let full = server.generate(&body);
    assert_eq!((full.status, &full.json()["error"]["code"]), (507, &json!("insufficient_storage")));
    let totals = server.totals();
    assert_eq!(totals.images, 0);
    assert!(totals.failed_electricity > tintype::units::Money::ZERO, "what it took is booked");
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200);
}

#[test]
fn files_say_how_they_were_made_and_that_they_were_generated() {
    let server = TestServer::start_with(|config| config.metadata.embed = true);
    for format in ["png", "jpeg", "webp"] {
        let body = json!({ "prompt": "a secret garden", "seed": 11, "steps": 3, "output_format": format });
        let answer = server.generate(&body).json();
        let file = file(&answer["data"][0]);
        let text = String::from_utf8_lossy(&file);
        let id = answer["data"][0]["receipt"]["request_id"].as_str().expect("an id").replace('-', "");
        for part in ["trainedAlgorithmicMedia", "TC260:AIGC", &id, ">11<", ">3<", ">base<", "Tintype 0."] {
            assert!(text.contains(part), "{format}: no {part}");
        }
        assert!(!text.contains("secret garden"), "{format}: the prompt is hashed");
    }
}

/// The namespace of our own properties.
const OURS: &str = "urn:uuid:71ea806b-ccdd-4176-99fd-eb13ca667e43#";

/// The fields of the receipt in a file's XMP packet; none if it has none.
fn embedded_receipt(file: &[u8]) -> Option<BTreeMap<String, String>> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().expect("a format");
    let packet =
        reader.into_decoder().expect("an image").xmp_metadata().expect("readable").expect("a packet");
    let packet = String::from_utf8(packet).expect("UTF-8");
    let document = roxmltree::Document::parse(&packet).expect("XML");
    let receipt = document.descendants().find(|node| node.has_tag_name((OURS, "receipt")))?;
    let field = |field: roxmltree::Node| {
        (field.tag_name().name().to_owned(), field.text().unwrap_or_default().to_owned())
    };
    Some(receipt.children().map(field).collect())
}

/// The receipts of GET /v1/receipts/{id}, as they are written.
fn written_receipts(server: &TestServer, id: &str) -> Vec<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Image>,
    }
    #[derive(Deserialize)]
    struct Image {
        receipt: BTreeMap<String, Box<RawValue>>,
    }
    let answer = server.get(&format!("/v1/receipts/{id}")).bearer(&server.key).send("");
    let answer: Answer = serde_json::from_str(&answer.text).expect("receipts");
    let written = |(name, value): (String, Box<RawValue>)| (name, value.get().trim_matches('"').to_owned());
    answer.data.into_iter().map(|image| image.receipt.into_iter().map(written).collect()).collect()
}

#[test]
fn an_image_says_what_it_cost_to_the_digit_of_its_receipt() {
    let server = TestServer::start_with(|config| {
        config.metadata.embed = true;
        config.costs.host_watts = tintype::units::Power::from_watts(7);
        config.costs.wall_factor_percent = 113;
    });
    for format in ["png", "jpeg", "webp"] {
        let body = json!({ "prompt": "x", "n": 2, "output_format": format });
        let answer = server.generate(&body).json();
        let id = answer["data"][0]["receipt"]["request_id"].as_str().expect("an id");
        let receipts = written_receipts(&server, id);
        assert_eq!(receipts.len(), 2);
        for (image, mut receipt) in answer["data"].as_array().expect("images").iter().zip(receipts) {
            // What others charge is no cost of this image, and changes.
            for comparison in ["compared_with", "compared_price", "saving"] {
                assert!(receipt.remove(comparison).is_some(), "{comparison}");
            }
            assert_eq!(embedded_receipt(&file(image)), Some(receipt), "{format}");
        }
    }
}

#[test]
fn an_image_on_its_way_has_no_cost_yet() {
    let server = TestServer::start_with(|config| config.metadata.embed = true);
    let body = json!({ "prompt": "x", "steps": 4, "stream": true, "partial_images": 2 });
    let receipts: Vec<_> =
        server.generate(&body).events().iter().map(|(_, event)| embedded_receipt(&file(event))).collect();
    assert_eq!(receipts.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true]);
}
