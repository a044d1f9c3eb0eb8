//! `generate --image`: what an edit changes, what it leaves, what it refuses.

use std::{path::Path, process::Output};

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use tempfile::TempDir;

use crate::{complaint, out, run, tiny_models};

/// Writes an image, `in.png`, and a mask that repaints its columns 8 to 11, `mask.png`.
fn write_files(place: &Path) -> RgbImage {
    let level = |value: u32| u8::try_from(value % 256).expect("a byte");
    let source = RgbImage::from_fn(30, 20, |x, y| Rgb([level(x * 7), level(y * 9), level(x * y)]));
    source.save(place.join("in.png")).expect("written");
    let alpha = |x: u32| if (8..12).contains(&x) { 0 } else { 255 };
    let mask = RgbaImage::from_fn(30, 20, |x, _| Rgba([0, 0, 0, alpha(x)]));
    mask.save(place.join("mask.png")).expect("written");
    // The same for `--mask`, which reads an opaque file by its lightness.
    let light = RgbImage::from_fn(30, 20, |x, _| Rgb([255 - alpha(x); 3]));
    light.save(place.join("light.png")).expect("written");
    source
}

fn edit(place: &Path, arguments: &[&str]) -> Output {
    let model = tiny_models::directory("base").display().to_string();
    let base = ["generate", "tea", "-v", "--model", &model, "--seed", "1", "-o", "out.png"];
    run(place, &[&base, arguments].concat())
}

fn read(place: &Path) -> RgbImage {
    image::open(place.join("out.png")).expect("a PNG").to_rgb8()
}

#[test]
fn pixels_outside_the_mask_are_the_sources() {
    let place = TempDir::new().expect("a directory");
    let source = write_files(place.path());
    let mut edited = Vec::new();
    for mask in ["mask.png", "light.png"] {
        let said = out(&edit(place.path(), &["--image", "in.png", "--mask", mask, "--strength", "0.45"]));
        assert!(said.contains("edit          4 of 8 steps, from noise level 0.75"), "{said}");
        assert!(said.contains("edited        80 pixels"), "{said}");
        assert!(said.contains("unchanged     520 of 520 pixels outside the mask"), "{said}");
        edited.push(read(place.path()));
    }
    assert_eq!(edited[0], edited[1], "the same mask by alpha and by lightness");
    assert_eq!(edited[0].dimensions(), (30, 20));
    for (x, y, pixel) in edited[0].enumerate_pixels().filter(|(x, ..)| !(8..12).contains(x)) {
        assert_eq!(pixel, source.get_pixel(x, y), "at {x}, {y}");
    }
    assert_ne!(edited[0], source, "the mask is repainted");

    // The mask's surroundings are all of so small an image.
    let cropped = ["--image", "in.png", "--mask", "mask.png", "--crop", "--feather", "0", "--steps", "1"];
    let said = out(&edit(place.path(), &cropped));
    assert!(said.contains("1 of 1 steps") && said.contains("unchanged     520 of 520"), "{said}");
    let sized = ["--image", "in.png", "--mask", "mask.png", "--size", "15x10", "--steps", "1"];
    let said = out(&edit(place.path(), &sized));
    assert!(said.contains("edited        20 pixels"), "{said}");
    assert_eq!(read(place.path()).dimensions(), (15, 10));

    let reference = ["--image", "in.png", "--mask", "mask.png", "--mask-mode", "reference", "--steps", "1"];
    let said = out(&edit(place.path(), &reference));
    assert!(!said.contains("unchanged"), "nothing is promised: {said}");
    assert_ne!(read(place.path()).dimensions(), (30, 20), "scaled down to what the model generates");
}

#[test]
fn what_cannot_be_edited_is_refused_in_one_line() {
    let place = TempDir::new().expect("a directory");
    write_files(place.path());
    RgbaImage::from_pixel(9, 9, Rgba([0; 4])).save(place.path().join("small.png")).expect("written");
    RgbImage::new(30, 20).save(place.path().join("dark.png")).expect("written");
    std::fs::write(place.path().join("text.png"), "no image").expect("written");
    for (arguments, said) in [
        (&["--image", "none.png"][..], "none.png: cannot be read"),
        (&["--image", "text.png"], "text.png: the file is not a PNG, JPEG or WebP"),
        (&["--image", "in.png", "--mask", "small.png"], "the mask is 9x9, the image is 30x20"),
        (&["--image", "in.png", "--mask", "dark.png"], "dark everywhere"),
    ] {
        let message = complaint(&edit(place.path(), arguments), 2);
        assert!(message.contains(said), "{message}");
    }
    for arguments in [
        &["--mask", "mask.png"][..],
        &["--image", "in.png", "--strength", "0"],
        &["--image", "in.png", "--mask-mode", "soft"],
        &["--image", "in.png", "--crop"],
    ] {
        assert_eq!(edit(place.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert!(!place.path().join("out.png").exists());
}
