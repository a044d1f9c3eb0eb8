use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::json;

use super::{Form, columns, data_url, encoded, photo, png};
use crate::server::TestServer;

/// A JPEG whose frame header says four components, and nothing after it.
const CMYK: &[u8] = &[
    0xff, 0xd8, 0xff, 0xc0, 0, 20, 8, 0, 16, 0, 16, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0, 0xff,
    0xd9,
];

/// A PNG with an `acTL` chunk after its header, as an animated one has.
fn animated() -> Vec<u8> {
    let still = png(photo(8, 8));
    let mut chunk = Vec::from(*b"acTL");
    chunk.extend_from_slice(&2_u32.to_be_bytes());
    chunk.extend_from_slice(&0_u32.to_be_bytes());
    let header = 8 + 25;
    let mut file = still[..header].to_vec();
    file.extend_from_slice(&8_u32.to_be_bytes());
    file.extend_from_slice(&chunk);
    file.extend_from_slice(&crc32(&chunk).to_be_bytes());
    file.extend_from_slice(&still[header..]);
    file
}

/// A PNG that says it is `side` pixels wide and high, and has no more than the start of one.
fn bomb(side: u32) -> Vec<u8> {
    let mut file = png(RgbImage::new(1, 1));
    file[16..20].copy_from_slice(&side.to_be_bytes());
    file[20..24].copy_from_slice(&side.to_be_bytes());
    let crc = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&crc.to_be_bytes());
    file
}

/// ISO 3309, as PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn whatever_cannot_be_edited_is_refused_by_name() {
    let server = TestServer::start_with(|config| config.limits.pixels_max = 64 * 64);
    let plain = || Form::of(png(photo(16, 16)));
    let with_image = |file: Vec<u8>| Form::of(file);
    let with_mask = |file: Vec<u8>| plain().file("mask", file);
    let cases: Vec<(Form, &str, &str, &str)> = vec![
        (Form::empty().text("prompt", "x"), "image", "missing_required_parameter", "missing"),
        (Form::empty().file("image", png(photo(16, 16))), "prompt", "missing_required_parameter", "missing"),
        (plain().file("image", png(photo(16, 16))), "image", "unsupported_value", "one image"),
        (plain().file("image[]", png(photo(16, 16))), "image", "unsupported_value", "one image"),
        (with_image(b"GIF89a".to_vec()), "image", "invalid_image_file", "PNG, JPEG or WebP"),
        (with_image(Vec::new()), "image", "invalid_image_file", "PNG, JPEG or WebP"),
        (with_image(png(photo(16, 16))[..90].to_vec()), "image", "invalid_image_file", "cannot be decoded"),
        (with_image(animated()), "image", "invalid_image_file", "animated"),
        (with_image(CMYK.to_vec()), "image", "invalid_image_file", "CMYK"),
        (with_image(bomb(60_000)), "image", "invalid_image_file", "60000x60000"),
        (with_image(png(photo(100, 100))), "image", "invalid_value", "4096"),
        (with_mask(png(columns(16, 15, 0, 4))), "mask", "invalid_mask", "16x15"),
        (with_mask(png(columns(16, 16, 0, 0))), "mask", "invalid_mask", "opaque"),
        (with_mask(png(photo(16, 16))), "mask", "invalid_mask", "alpha"),
        (with_mask(b"mask".to_vec()), "mask", "invalid_image_file", "PNG"),
        (plain().file("mask_image", png(RgbImage::new(4, 4))), "mask_image", "invalid_mask", "dark"),
        (
            with_mask(png(columns(16, 16, 0, 4))).file("mask_image", png(photo(16, 16))),
            "mask",
            "unsupported_value",
            "one mask",
        ),
        (plain().text("background", "transparent"), "background", "invalid_value", "transparent"),
        (plain().text("output_format", "gif"), "output_format", "invalid_value", "gif"),
        (plain().text("markup", "[]"), "markup", "unknown_parameter", "markup"),
        (plain().text("strength", "0"), "strength", "invalid_value", "above 0"),
        (plain().text("strength", "1.5"), "strength", "invalid_value", "0 to 1"),
        (plain().text("strength", "much"), "strength", "invalid_type", "a number"),
        (plain().text("n", "11"), "n", "integer_above_max_value", "10"),
        (plain().text("n", "two"), "n", "invalid_type", "an integer"),
        (plain().text("n", "1").text("n", "1"), "n", "invalid_value", "twice"),
        (plain().text("stream", "yes"), "stream", "invalid_type", "true or false"),
        (plain().text("crop", "1"), "crop", "invalid_type", "true or false"),
        (plain().text("feather", "65"), "feather", "integer_above_max_value", "64"),
        (plain().text("fit", "fill"), "fit", "invalid_value", "cover or contain"),
        (plain().text("mask_mode", "soft"), "mask_mode", "invalid_value", "exact or reference"),
        (plain().text("input_fidelity", "max"), "input_fidelity", "invalid_value", "high or low"),
        (plain().text("size", "65x64"), "size", "invalid_value", "4160"),
        (plain().text("size", "99999x1"), "size", "invalid_value", "at most"),
        (
            plain().text("size", "17x16").text("mask_mode", "reference"),
            "size",
            "invalid_value",
            "multiples of",
        ),
        (plain().text("partial_images", "1"), "partial_images", "invalid_value", "stream"),
    ];
    for (form, param, code, said) in cases {
        let answer = server.edit(&form);
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["param"], &error["code"]),
            (400, &json!(param), &json!(code)),
            "{said}: {error}"
        );
        assert!(error["message"].as_str().is_some_and(|message| message.contains(said)), "{said}: {error}");
    }
    assert_eq!(server.totals().images, 0);
    assert_eq!(server.count("failed") + server.count("settled"), 0, "nothing was written");
}

#[test]
fn json_bodies_are_refused_by_name_too() {
    let server = TestServer::start();
    let source = data_url(&png(photo(16, 16)));
    for (images, param, code) in [
        (json!([{ "image_url": source }, { "image_url": source }]), "image", "unsupported_value"),
        (json!([{ "file_id": "file-1" }]), "images", "unsupported_value"),
        (json!([{ "image_url": "https://example.com/a.png" }]), "images", "unsupported_value"),
        (json!([{ "image_url": "http://127.0.0.1/a.png" }]), "images", "unsupported_value"),
        (json!([{ "image_url": "data:image/png,raw" }]), "images", "invalid_value"),
        (json!([{ "image_url": "data:image/png;base64,***" }]), "images", "invalid_value"),
        (json!([{ "image_url": "data:image/png;base64,AAAA" }]), "image", "invalid_image_file"),
        (json!([7]), "images", "invalid_type"),
        (json!([]), "image", "missing_required_parameter"),
    ] {
        let answer = server.edit_json(&json!({ "prompt": "x", "images": images }));
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["param"], &error["code"]),
            (400, &json!(param), &json!(code)),
            "{error}"
        );
    }
}

#[test]
fn a_body_that_is_neither_a_form_nor_json_is_refused() {
    let server = TestServer::start();
    let send = |content_type: &str, body: Vec<u8>| {
        let request = server.post("/v1/images/edits").bearer(&server.key);
        let answer = request.header("content-type", content_type).send(body);
        (answer.status, answer.json()["error"]["code"].clone())
    };
    let form = Form::of(png(photo(16, 16)));
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"] {
        let refused = send(content_type, form.bytes());
        assert_eq!(refused, (400, json!("unsupported_content_type")), "{content_type}");
    }
    assert_eq!(send("multipart/form-data", form.bytes()).0, 400, "no boundary");
    assert_eq!(send("multipart/form-data; boundary=other", form.bytes()).0, 400, "another boundary");
    assert_eq!(send(&form.content_type(), form.bytes()[..200].to_vec()).0, 400, "it ends early");
    let mut many = Form::empty();
    for part in 0..100 {
        many = many.text(&format!("field{part}"), "x");
    }
    assert_eq!(server.edit(&many).status, 400);
    let long = Form::of(png(photo(16, 16))).text("negative_prompt", &"x".repeat(4 << 20));
    assert_eq!(server.edit(&long).json()["error"]["param"], "negative_prompt");
}

#[test]
fn an_edit_needs_a_key_with_the_images_scope() {
    let server = TestServer::start();
    let form = Form::of(png(photo(16, 16)));
    let answer =
        server.post("/v1/images/edits").header("content-type", &form.content_type()).send(form.bytes());
    assert_eq!(answer.status, 401);
    assert_eq!(server.get("/v1/images/edits").bearer(&server.key).send("").status, 405);
}

#[test]
fn every_field_of_edits_that_is_documented_is_read() {
    let server = TestServer::start();
    for field in tintype::http::EDIT_FIELDS {
        let image = if field == "image" { "images" } else { "image" };
        let body = json!({ "prompt": "x", image: data_url(&png(photo(16, 16))), field: { "not": "this" } });
        let answer = server.edit_json(&body);
        let error = answer.json()["error"].clone();
        assert_eq!((&error["param"], &error["code"]), (&json!(field), &json!("invalid_type")), "{error}");
    }
}

#[test]
fn a_photo_turned_by_exif_has_the_masks_size_once_upright() {
    let server = TestServer::start();
    let upright = DynamicImage::from(photo(16, 24));
    let lying = encoded(&upright.rotate270(), ImageFormat::Jpeg);
    // Orientation 6: turn it by 90° clockwise.
    let exif: [u8; 36] = [
        0xff, 0xe1, 0, 34, b'E', b'x', b'i', b'f', 0, 0, b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3,
        0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
    ];
    let turned = [&lying[..2], &exif, &lying[2..]].concat();
    let answer = server.edit(&Form::of(turned.clone()).file("mask", png(columns(16, 24, 0, 8))));
    assert_eq!((answer.status, &answer.json()["size"]), (200, &json!("16x24")), "{}", answer.text);
    let refused = server.edit(&Form::of(turned).file("mask", png(columns(24, 16, 0, 8))));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("mask")));
}
