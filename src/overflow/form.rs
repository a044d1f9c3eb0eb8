//! An edit as a form (RFC 7578), which is how OpenAI's API takes one.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde_json::{Map, Value};

use crate::domain::{Edit, ImageSize, Mask, Pixels};

/// Stands between two parts. No part holds it: files are compressed, and a text that holds it would need its 32 digits.
const BOUNDARY: &str = "tintype-7c1d54f2a99b4b0e8d1f6a3c5e2b7d90";

/// The media type of a form.
pub(super) fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The form of an edit: the fields of `body`, the image, and its mask if it has one.
///
/// # Errors
/// What cannot be written down, in words.
pub(super) fn of_edit(body: &Map<String, Value>, edit: &Edit) -> Result<Vec<u8>, String> {
    let mut form = Vec::new();
    for (name, value) in body {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text.contains(BOUNDARY) {
            return Err("the prompt holds the form's boundary".into());
        }
        part(&mut form, &format!("name=\"{name}\""), text.as_bytes());
    }
    let Pixels { size, rgb } = &edit.source;
    let image = png(*size, rgb, ExtendedColorType::Rgb8)?;
    file(&mut form, "image", &image);
    if let Some(mask) = &edit.mask {
        file(&mut form, "mask", &png(*size, &clear_where_repainted(mask), ExtendedColorType::Rgba8)?);
    }
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Ok(form)
}

/// `image` with every pixel outside the mask of `edit` as its source has it, if that is promised.
pub(super) fn keep_outside(mut image: Pixels, edit: &Edit) -> Pixels {
    if let Some(mask) = edit.mask.as_ref().filter(|_| edit.keeps_outside() && image.size == edit.source.size)
    {
        let (after, before) = (image.rgb.as_chunks_mut::<3>().0, edit.source.rgb.as_chunks::<3>().0);
        for ((after, before), is_repainted) in after.iter_mut().zip(before).zip(mask.repaints()) {
            if !is_repainted {
                *after = *before;
            }
        }
    }
    image
}

/// OpenAI repaints where a mask is clear.
fn clear_where_repainted(mask: &Mask) -> Vec<u8> {
    mask.repaints().flat_map(|is_repainted| [0, 0, 0, if is_repainted { 0 } else { 255 }]).collect()
}

fn file(form: &mut Vec<u8>, name: &str, png: &[u8]) {
    let disposition = format!("name=\"{name}\"; filename=\"{name}.png\"\r\ncontent-type: image/png");
    part(form, &disposition, png);
}

fn part(form: &mut Vec<u8>, disposition: &str, content: &[u8]) {
    form.extend_from_slice(
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {disposition}\r\n\r\n").as_bytes(),
    );
    form.extend_from_slice(content);
    form.extend_from_slice(b"\r\n");
}

fn png(size: ImageSize, samples: &[u8], colour: ExtendedColorType) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let encoder = PngEncoder::new(&mut file);
    encoder
        .write_image(samples, size.width(), size.height(), colour)
        .map_err(|error| format!("the image cannot be sent: {error}"))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        domain::{FEATHER_DEFAULT, MaskMode, Strength},
        source_image::SourceImage,
    };

    fn edit() -> Edit {
        let size = ImageSize::square(2);
        Edit {
            source: Pixels { size, rgb: vec![7; 12] },
            mask: Some(Mask { size, levels: vec![255, 0, 0, 0] }),
            strength: Strength::MASKED_DEFAULT,
            mode: MaskMode::Exact,
            feather: FEATHER_DEFAULT,
            crop: None,
        }
    }

    #[test]
    fn a_form_holds_the_fields_the_image_and_a_mask_that_is_clear_where_it_is_repainted() {
        let body = json!({ "prompt": "a hat", "n": 1 });
        let form = of_edit(body.as_object().expect("an object"), &edit()).expect("a form");
        let text = String::from_utf8_lossy(&form);
        assert!(
            text.contains("name=\"prompt\"\r\n\r\na hat\r\n") && text.contains("name=\"n\"\r\n\r\n1\r\n")
        );
        assert_eq!(text.matches(BOUNDARY).count(), 5, "four parts and an end");
        let begin = form.windows(4).rposition(|bytes| bytes == b"\x89PNG").expect("a mask");
        let mask = SourceImage::decode(&form[begin..]).expect("an image").alpha_mask().expect("a mask");
        assert_eq!(mask.repaints().collect::<Vec<_>>(), [true, false, false, false]);
        let bad = json!({ "prompt": BOUNDARY });
        assert!(of_edit(bad.as_object().expect("an object"), &edit()).is_err());
    }

    #[test]
    fn pixels_outside_the_mask_stay_the_sources() {
        let size = ImageSize::square(2);
        let kept = keep_outside(Pixels { size, rgb: vec![9; 12] }, &edit());
        assert_eq!(kept.rgb, [9, 9, 9, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
    }
}
