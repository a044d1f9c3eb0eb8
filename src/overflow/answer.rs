//! What a seller's answer holds: images, or not what was asked for.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::{
    domain::{ImageSize, Pixels, RenderJob},
    source_image::SourceImage,
};

/// The body of a 200, as OpenAI's API has it. What else is in it is passed over.
#[derive(Deserialize)]
struct SoldImages {
    #[serde(default)]
    data: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    b64_json: Option<String>,
    url: Option<String>,
}

/// Fetches the file of a URL; why not, in words.
type Fetch<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The images of `body`: as many as `job` asks for, of its size. Those that it has as URLs are fetched.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn images(body: &[u8], job: &RenderJob, fetch: Fetch<'_>) -> Result<Vec<Pixels>, String> {
    let body: SoldImages =
        serde_json::from_slice(body).map_err(|error| format!("its answer is not JSON: {error}"))?;
    if body.data.len() != job.images as usize {
        return Err(format!("it sent {} images; {} were asked for", body.data.len(), job.images));
    }
    body.data.into_iter().map(|image| pixels(&image, job.spec.size, fetch)).collect()
}

fn pixels(image: &Image, size: ImageSize, fetch: Fetch<'_>) -> Result<Pixels, String> {
    let file = match (&image.b64_json, &image.url) {
        (Some(base64), _) => {
            BASE64_STANDARD.decode(base64.trim()).map_err(|error| format!("b64_json: {error}"))?
        }
        (None, Some(url)) => fetch(url)?,
        (None, None) => return Err("it sent an image without b64_json and url".into()),
    };
    let pixels = SourceImage::decode(&file).map_err(|error| format!("its image: {error}"))?.pixels;
    if pixels.size == size {
        Ok(pixels)
    } else {
        Err(format!("it sent an image of {}; {size} was asked for", pixels.size))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        domain::{Encoding, ImageFormat},
        encode::encode,
        overflow::seller::tests::job,
    };

    fn png(size: ImageSize) -> String {
        let rgb = vec![9; usize::try_from(size.pixels()).expect("small") * 3];
        let encoding = Encoding { format: ImageFormat::Png, quality: 100 };
        BASE64_STANDARD.encode(encode(&Pixels { size, rgb }, encoding, None).expect("a file"))
    }

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let fetch = |url: &str| match url {
            "https://acme.test/a.png" => {
                Ok(BASE64_STANDARD.decode(png(ImageSize::square(32))).expect("a file"))
            }
            _ => Err("its image could not be fetched".to_owned()),
        };
        let of = |data: serde_json::Value| {
            images(json!({ "created": 1, "data": data }).to_string().as_bytes(), &job(), &fetch)
        };
        let good = png(ImageSize::square(32));
        assert_eq!(of(json!([{ "b64_json": good }])).expect("an image")[0].rgb[0], 9);
        let fetched = of(json!([{ "url": "https://acme.test/a.png" }]));
        assert_eq!(fetched.expect("an image")[0].size, ImageSize::square(32));
        for (data, said) in [
            (json!([]), "0 images"),
            (json!([{ "b64_json": good }, { "b64_json": good }]), "2 images"),
            (json!([{ "revised_prompt": "a" }]), "without b64_json and url"),
            (json!([{ "url": "https://acme.test/b.png" }]), "could not be fetched"),
            (json!([{ "b64_json": "!" }]), "b64_json"),
            (json!([{ "b64_json": "aGVsbG8=" }]), "its image"),
            (json!([{ "b64_json": png(ImageSize::square(64)) }]), "64x64"),
        ] {
            let error = of(data).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        assert!(images(b"{\"data\": [", &job(), &fetch).is_err_and(|error| error.contains("not JSON")));
    }
}
