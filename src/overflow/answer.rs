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
}

/// The images of `body`: as many as `job` asks for, of its size.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn images(body: &[u8], job: &RenderJob) -> Result<Vec<Pixels>, String> {
    let body: SoldImages =
        serde_json::from_slice(body).map_err(|error| format!("its answer is not JSON: {error}"))?;
    if body.data.len() != job.images as usize {
        return Err(format!("it sent {} images; {} were asked for", body.data.len(), job.images));
    }
    body.data.into_iter().map(|image| pixels(image, job.spec.size)).collect()
}

fn pixels(image: Image, size: ImageSize) -> Result<Pixels, String> {
    let base64 = image.b64_json.ok_or("it sent an image without b64_json")?;
    let file = BASE64_STANDARD.decode(base64.trim()).map_err(|error| format!("b64_json: {error}"))?;
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
        let of = |data: serde_json::Value| {
            images(json!({ "created": 1, "data": data }).to_string().as_bytes(), &job())
        };
        let good = png(ImageSize::square(32));
        assert_eq!(of(json!([{ "b64_json": good }])).expect("an image")[0].rgb[0], 9);
        for (data, said) in [
            (json!([]), "0 images"),
            (json!([{ "b64_json": good }, { "b64_json": good }]), "2 images"),
            (json!([{ "url": "https://acme.test/a.png" }]), "without b64_json"),
            (json!([{ "b64_json": "!" }]), "b64_json"),
            (json!([{ "b64_json": "aGVsbG8=" }]), "its image"),
            (json!([{ "b64_json": png(ImageSize::square(64)) }]), "64x64"),
        ] {
            let error = of(data).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        assert!(images(b"{\"data\": [", &job()).is_err_and(|error| error.contains("not JSON")));
    }
}
