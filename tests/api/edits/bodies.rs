use std::fs;

use serde_json::json;

use super::{Form, columns, data_url, first_image, photo, png};
use crate::server::TestServer;

const EDITS: &str = "/v1/images/edits";

#[test]
fn a_repeat_may_have_another_boundary_and_order_of_parts() {
    let server = TestServer::start();
    let form = || Form::of(png(photo(32, 32))).file("mask", png(columns(32, 32, 0, 8))).text("n", "2");
    let first = server.send_form(EDITS, Some("a"), &form());
    let again = server.send_form(EDITS, Some("a"), &form().reversed());
    assert_eq!((first.status, again.status), (200, 200), "{}", again.text);
    assert_eq!(again.json(), first.json(), "receipts and how it ran included");
    assert_eq!(server.totals().images, 2);
    for other in [
        form().text("feather", "0"),
        Form::of(png(photo(32, 32))).file("mask", png(columns(32, 32, 0, 9))).text("n", "2"),
        // The same contents under other names.
        Form::of(png(photo(32, 32))).file("mask", png(columns(32, 32, 0, 8))).text("batch_size", "2"),
    ] {
        let refused = server.send_form(EDITS, Some("a"), &other);
        assert_eq!(
            (refused.status, &refused.json()["error"]["code"]),
            (422, &json!("idempotency_key_reused"))
        );
    }
    let variation = Form::empty().file("image", png(photo(32, 32)));
    assert_eq!(server.send_form("/v1/images/variations", Some("b"), &variation).status, 200);
    let edit = server.send_form(EDITS, Some("b"), &Form::of(png(photo(32, 32))));
    assert_eq!(edit.status, 422, "the route is part of what was asked for");
}

#[test]
fn a_long_body_lies_on_the_disk_and_is_removed() {
    let server = TestServer::start();
    let before = files_of(&server);
    // Noise: it has more bytes than are kept in memory.
    let source = image::RgbImage::from_fn(256, 256, |x, y| {
        let mixed =
            x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519);
        image::Rgb([mixed, mixed >> 8, mixed >> 16].map(|level| (level >> 3).to_le_bytes()[0]))
    });
    let file = png(source.clone());
    assert!(file.len() > 100_000, "{}", file.len());
    let form = Form::of(file.clone()).file("mask", png(columns(256, 256, 100, 110))).text("crop", "false");
    let image = first_image(&server.edit(&form.text("steps", "1")));
    assert_eq!(image.get_pixel(5, 5), source.get_pixel(5, 5));
    let body =
        json!({ "prompt": "tea", "steps": 1, "size": "16x16", "images": [{ "image_url": data_url(&file) }] });
    assert_eq!(first_image(&server.edit_json(&body)).dimensions(), (16, 16));
    assert_eq!(files_of(&server), before);
}

/// What lies in the data directory itself, but for SQLite's own files.
fn files_of(server: &TestServer) -> Vec<String> {
    let entries = fs::read_dir(server.data.path()).expect("the data directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names
        .filter(|name| !name.starts_with("ledger.sqlite3") && name != "pictures" && name != "shapes.json")
        .collect();
    names.sort();
    names
}
