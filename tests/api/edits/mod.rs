//! POST /v1/images/edits and /v1/images/variations, as clients send them.

mod answers;
mod bodies;
mod misses;
mod outside;
mod refusals;
mod remote;

use std::io::Cursor;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::Value;

use crate::{client::Response, server::TestServer};

/// A body of `multipart/form-data` on its way.
pub struct Form {
    boundary: String,
    parts: Vec<(String, Option<String>, Vec<u8>)>,
}

impl Form {
    /// A form with an image and the prompt `tea`.
    pub fn of(image: Vec<u8>) -> Self {
        Self::empty().file("image", image).text("prompt", "tea")
    }

    pub fn empty() -> Self {
        Self { boundary: "----a1b2".into(), parts: Vec::new() }
    }

    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.parts.push((name.into(), None, value.into()));
        self
    }

    pub fn file(mut self, name: &str, content: Vec<u8>) -> Self {
        self.parts.push((name.into(), Some(format!("{name}.png")), content));
        self
    }

    /// The same in another order, with another boundary and other names of files.
    pub fn reversed(mut self) -> Self {
        self.boundary = "x".into();
        self.parts.reverse();
        for (_, file, _) in &mut self.parts {
            *file = file.as_ref().map(|file| format!("other-{file}"));
        }
        self
    }

    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, file, content) in &self.parts {
            let file = file.as_ref().map_or(String::new(), |file| format!("; filename=\"{file}\""));
            let head = format!(
                "--{}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n",
                self.boundary
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        body
    }
}

impl TestServer {
    /// POST /v1/images/edits with the first key.
    pub fn edit(&self, form: &Form) -> Response {
        self.send_form("/v1/images/edits", None, form)
    }

    pub fn send_form(&self, path: &str, idempotency_key: Option<&str>, form: &Form) -> Response {
        let mut request = self.post(path).bearer(&self.key).header("content-type", &form.content_type());
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        request.send(form.bytes())
    }

    /// The same as JSON.
    pub fn edit_json(&self, body: &Value) -> Response {
        self.post("/v1/images/edits").bearer(&self.key).json(body)
    }
}

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).expect("encoded");
    file.into_inner()
}

pub fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(&image.into(), ImageFormat::Png)
}

/// An image whose pixels all differ from their neighbours.
pub fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([x * 7 + y, y * 5 + 3, x * 3 + y * 11].map(|level| u8::try_from(level % 256).expect("a byte")))
    })
}

/// A mask that repaints the columns from `from` up to `until`.
pub fn columns(width: u32, height: u32, from: u32, until: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, _| {
        Rgba([0, 0, 0, if (from..until).contains(&x) { 0 } else { 255 }])
    })
}

pub fn data_url(file: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(file))
}

/// The file of an image or of an event.
pub fn file(of: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(of["b64_json"].as_str().unwrap_or_else(|| panic!("{of}"))).expect("base64")
}

/// The first image of an answer that must be a 200.
pub fn first_image(answer: &Response) -> RgbImage {
    assert_eq!(answer.status, 200, "{}", answer.text);
    image::load_from_memory(&file(&answer.json()["data"][0])).expect("an image").to_rgb8()
}
