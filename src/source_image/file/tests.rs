use std::io::Write;

use image::{
    ExtendedColorType, ImageEncoder,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    metadata::Orientation,
};
use img_parts::{Bytes, ImageEXIF, jpeg::Jpeg};
use moxcms::ColorProfile;

use super::*;
use crate::source_image::MaskError;

fn png(numbers: &[u8], (width, height): (u32, u32), kind: ExtendedColorType) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(numbers, width, height, kind).expect("a PNG");
    file
}

/// Two rows of three: each pixel its own colour.
const SIX: [u8; 18] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0, 0, 255, 255, 255, 0, 255];

fn decode(file: &[u8]) -> SourceImage {
    SourceImage::decode(file).expect("an image")
}

fn refusal(file: &[u8]) -> String {
    SourceImage::decode(file).expect_err("it is refused").to_string()
}

#[test]
fn a_plain_png_is_itself() {
    let image = decode(&png(&SIX, (3, 2), ExtendedColorType::Rgb8));
    assert_eq!((image.pixels.rgb.as_slice(), image.alpha), (&SIX[..], None));
    assert_eq!(image.pixels.size.to_string(), "3x2");
}

#[test]
fn grey_16_bits_and_palettes_are_read() {
    let grey = decode(&png(&[0, 128, 255], (3, 1), ExtendedColorType::L8));
    assert_eq!(grey.pixels.rgb, [0, 0, 0, 128, 128, 128, 255, 255, 255]);
    // Big-endian in the file, native in memory.
    let numbers: Vec<u8> = [0u16, 0x8080, 0xFFFF].iter().flat_map(|number| number.to_ne_bytes()).collect();
    let deep = decode(&png(&numbers, (1, 1), ExtendedColorType::Rgb16));
    assert_eq!(deep.pixels.rgb, [0, 128, 255]);
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, 3, 1);
    encoder.set_color(::png::ColorType::Indexed);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_palette(vec![9, 8, 7, 100, 50, 25]);
    encoder.set_trns(vec![255, 0]);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&[0, 1, 0])).expect("a PNG");
    let indexed = decode(&file);
    assert_eq!(indexed.pixels.rgb, [9, 8, 7, 255, 255, 255, 9, 8, 7], "clear is white");
    assert_eq!(indexed.alpha, Some(vec![255, 0, 255]));
}

#[test]
fn alpha_is_over_white_and_is_the_mask() {
    let image =
        decode(&png(&[10, 20, 30, 255, 0, 0, 0, 127, 0, 0, 0, 128], (3, 1), ExtendedColorType::Rgba8));
    assert_eq!(image.pixels.rgb, [10, 20, 30, 128, 128, 128, 127, 127, 127]);
    let repaints: Vec<bool> = image.alpha_mask().expect("a mask").repaints().collect();
    assert_eq!(repaints, [false, true, false], "below 128 is repainted");
}

#[test]
fn masks_that_repaint_nothing_are_refused() {
    let opaque = decode(&png(&[0, 0, 0, 255], (1, 1), ExtendedColorType::Rgba8));
    assert_eq!(opaque.alpha_mask(), Err(MaskError::AllOpaque));
    assert_eq!((opaque.own_mask(), opaque.any_mask()), (None, Err(MaskError::AllDark)));
    let without = decode(&png(&[255, 255, 255], (1, 1), ExtendedColorType::Rgb8));
    assert_eq!(without.alpha_mask(), Err(MaskError::NoAlpha));
    assert_eq!(without.any_mask().expect("white").repainted(), 1);
    let grey = |level| decode(&png(&[level], (1, 1), ExtendedColorType::L8)).luminance_mask();
    assert_eq!((grey(127), grey(128).expect("light").repainted()), (Err(MaskError::AllDark), 1));
}

/// TIFF with one entry: the orientation.
fn exif(orientation: u8) -> Bytes {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif.into()
}

#[test]
fn every_exif_orientation_is_turned_upright() {
    // Grey, whose levels a JPEG keeps in blocks of 8: left dark, right light, the lower half darker still.
    let levels: Vec<u8> =
        (0..16 * 24).map(|i| if i % 24 < 8 { 0 } else { 240 } / (1 + u8::from(i >= 8 * 24))).collect();
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 100)
        .write_image(&levels, 24, 16, ExtendedColorType::L8)
        .expect("a JPEG");
    let plain = decode(&file).pixels;
    for number in 1..=8 {
        let mut jpeg = Jpeg::from_bytes(file.clone().into()).expect("a JPEG");
        jpeg.set_exif(Some(exif(number)));
        let mut turned = Vec::new();
        jpeg.encoder().write_to(&mut turned).expect("written");
        let image = image::RgbImage::from_raw(24, 16, plain.rgb.clone()).expect("pixels");
        let mut expected = DynamicImage::ImageRgb8(image);
        expected.apply_orientation(Orientation::from_exif(number).expect("one of eight"));
        let turned = decode(&turned).pixels;
        assert_eq!(
            (turned.size.width(), turned.size.height()),
            (expected.width(), expected.height()),
            "{number}"
        );
        assert_eq!(turned.rgb, expected.to_rgb8().into_raw(), "{number}");
    }
}

#[test]
fn a_profile_is_converted_to_srgb_and_a_broken_one_passed_over() {
    // Between the ends, where a profile with wider primaries means other numbers.
    let tones = SIX.map(|number| number / 2 + 40);
    let with_profile = |profile: Vec<u8>| {
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_icc_profile(profile).expect("PNG has profiles");
        encoder.write_image(&tones, 3, 2, ExtendedColorType::Rgb8).expect("a PNG");
        decode(&file).pixels.rgb
    };
    let profile = |profile: ColorProfile| profile.encode().expect("a profile");
    let srgb = with_profile(profile(ColorProfile::new_srgb()));
    assert!(srgb.iter().zip(tones).all(|(a, b)| a.abs_diff(b) <= 1), "{srgb:?}");
    let mut adobe = ColorProfile::new_adobe_rgb();
    adobe.cicp = None;
    let wide = with_profile(profile(adobe));
    assert_ne!(wide, tones);
    assert_eq!(with_profile(b"not a profile".to_vec()), tones);
}

#[test]
fn a_profile_that_unpacks_to_more_than_any_has_is_passed_over() {
    let mut profile = ColorProfile::new_adobe_rgb().encode().expect("a profile");
    profile.resize(usize::try_from(METADATA_BYTES_MAX).expect("it fits") + 1, 0);
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(profile).expect("PNG has profiles");
    encoder.write_image(&SIX, 3, 2, ExtendedColorType::Rgb8).expect("a PNG");
    assert!(file.len() < 1 << 20, "{}", file.len());
    let decoder = PngDecoder::with_limits(Cursor::new(&file), limits(METADATA_BYTES_MAX));
    assert_eq!(decoder.expect("a PNG").icc_profile().expect("read"), None);
    assert_eq!(decode(&file).pixels.rgb, SIX);
}

#[test]
fn a_jpeg_of_twelve_bits_is_refused() {
    let mut file = GOLDEN[0].0.to_vec();
    let frame = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a frame");
    file[frame + 4] = 12;
    assert!(refusal(&file).contains("12 bits"), "{}", refusal(&file));
}

#[test]
fn what_cannot_be_edited_is_refused_by_name() {
    assert!(refusal(b"GIF89a").contains("PNG, JPEG or WebP"));
    assert!(refusal(b"").contains("PNG, JPEG or WebP"));
    let whole = png(&SIX, (3, 2), ExtendedColorType::Rgb8);
    assert!(refusal(&whole[..whole.len() - 20]).contains("cannot be decoded"));
    let mut animated = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut animated, 1, 1);
    encoder.set_animated(2, 0).expect("two frames");
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[0]).and_then(|()| writer.write_image_data(&[9])).expect("frames");
    writer.finish().expect("a PNG");
    assert!(refusal(&animated).contains("animated"));
}

/// An image of 35 × 21 random colours as Pillow 13.0 (libjpeg-turbo) writes it with each subsampling, 4:2:2 progressively, and what
/// Pillow reads in each file.
const GOLDEN: [(&[u8], &[u8]); 3] = [
    (include_bytes!("golden/420.jpg"), include_bytes!("golden/420.png")),
    (include_bytes!("golden/422.jpg"), include_bytes!("golden/422.png")),
    (include_bytes!("golden/444.jpg"), include_bytes!("golden/444.png")),
];

#[test]
fn the_pixels_of_a_jpeg_are_those_that_pillow_and_browsers_show() {
    for (jpeg, expected) in GOLDEN {
        assert_eq!(decode(jpeg).pixels, decode(expected).pixels);
    }
}

#[test]
fn a_jpeg_that_breaks_off_is_damaged() {
    let whole = GOLDEN[0].0;
    for kept in [20, whole.len() / 2, whole.len() - 40] {
        assert!(refusal(&whole[..kept]).contains("cannot be decoded"), "{kept}");
    }
}

#[test]
fn a_jpeg_of_four_colours_is_refused() {
    let mut file = Vec::new();
    JpegEncoder::new(&mut file).write_image(&SIX, 3, 2, ExtendedColorType::Rgb8).expect("a JPEG");
    // SOF0: marker, length, precision, height, width, components.
    let frame = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a frame");
    file[frame + 9] = 4;
    assert!(refusal(&file).contains("CMYK"));
}

#[test]
fn a_bomb_is_refused_before_it_is_decoded() {
    // A header of 60,000 × 60,000 pixels, and a few bytes of zeros.
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, 60_000, 60_000);
    encoder.set_color(::png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_chunk(::png::chunk::IDAT, &[0x78, 0x9C, 0x03, 0x00]).expect("a chunk");
    drop(writer);
    let refused = refusal(&file);
    assert!(refused.contains("60000x60000") && refused.contains("at most"), "{refused}");
    let mut large = vec![0u8; FILE_BYTES_MAX + 1];
    large.as_mut_slice().write_all(&file).expect("room");
    assert!(refusal(&large).contains("bytes"));
}
