use image::{DynamicImage, ImageFormat, RgbImage, Rgba, RgbaImage};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Form, encoded, file, png};
use crate::server::TestServer;

/// Edits that are tried.
const EDITS: usize = 500;
/// Clients that try them.
const CLIENTS: usize = 4;

/// An image, a mask and a size that nobody chose.
struct Case {
    form: Form,
    /// What the answer must have wherever the mask is opaque.
    source: RgbImage,
    is_repainted: Vec<bool>,
    described: String,
}

fn case(seed: u64) -> Case {
    let mut rng = StdRng::seed_from_u64(seed);
    let (width, height) = (rng.random_range(1..=40), rng.random_range(1..=40));
    let source = RgbImage::from_fn(width, height, |_, _| image::Rgb(rng.random()));
    let mut repainted = mask(&mut rng, width, height);
    let at = rng.random_range(0..repainted.len());
    repainted[at] = true;
    let alpha = |rng: &mut StdRng, is_repainted: bool| {
        if is_repainted { rng.random_range(0..128_u8) } else { rng.random_range(128..=255_u8) }
    };
    let index = |x: u32, y: u32| (y * width + x) as usize;
    let format = if rng.random_bool(0.5) { "png" } else { "webp" };
    let feather = rng.random_range(0..=8_u8);
    let mut form = Form::empty()
        .text("prompt", "tea")
        .text("seed", &seed.to_string())
        .text("steps", &rng.random_range(1..=2_u8).to_string())
        .text("strength", &rng.random_range(0.01..=1.0_f64).to_string())
        .text("feather", &feather.to_string())
        .text("output_format", format);
    let crop = rng.random_range(0..3_u8);
    if crop > 0 {
        form = form.text("crop", if crop == 1 { "true" } else { "false" });
    }
    let is_own = rng.random_bool(0.25);
    let source = if is_own {
        let own = RgbaImage::from_fn(width, height, |x, y| {
            let [red, green, blue] = source.get_pixel(x, y).0;
            // An opaque pixel of the image itself stays as it is; a half clear one lies over white.
            let alpha = if repainted[index(x, y)] { alpha(&mut rng, true) } else { 255 };
            Rgba([red, green, blue, alpha])
        });
        form = form.file("image", png(own));
        source
    } else {
        let mask = RgbaImage::from_fn(width, height, |x, y| {
            let alpha = alpha(&mut rng, repainted[index(x, y)]);
            Rgba([rng.random(), rng.random(), rng.random(), alpha])
        });
        let formats = [ImageFormat::Png, ImageFormat::WebP];
        let format = formats[rng.random_range(0..formats.len())];
        let source = DynamicImage::from(source);
        form = form.file("image", encoded(&source, format)).file("mask", png(mask));
        source.to_rgb8()
    };
    let described =
        format!("seed {seed}: {width}x{height}, {format}, feather {feather}, crop {crop}, own {is_own}");
    Case { form, source, is_repainted: repainted, described }
}

/// Noise, a rectangle or a thin stroke.
fn mask(rng: &mut StdRng, width: u32, height: u32) -> Vec<bool> {
    let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    match rng.random_range(0..3_u8) {
        0 => {
            let share = rng.random_range(0.0..0.9);
            all.map(|_| rng.random_bool(share)).collect()
        }
        1 => {
            let (left, top) = (rng.random_range(0..width), rng.random_range(0..height));
            let (right, bottom) = (rng.random_range(left..width), rng.random_range(top..height));
            all.map(|(x, y)| (left..=right).contains(&x) && (top..=bottom).contains(&y)).collect()
        }
        _ => {
            let shift = rng.random_range(0..width);
            all.map(|(x, y)| x == (y + shift) % width).collect()
        }
    }
}

#[test]
fn pixels_outside_the_mask_are_the_sources_in_500_random_edits() {
    let server = TestServer::start();
    let count = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let server = &server;
                scope.spawn(move || (client..EDITS).step_by(CLIENTS).map(|i| check(server, i as u64)).count())
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("every edit holds")).sum::<usize>()
    });
    assert_eq!((count, server.totals().images), (EDITS, 500));
}

fn check(server: &TestServer, seed: u64) {
    let Case { form, source, is_repainted, described } = case(seed);
    let answer = server.edit(&form);
    assert_eq!(answer.status, 200, "{described}: {}", answer.text);
    let body = answer.json();
    let edited = is_repainted.iter().filter(|is_repainted| **is_repainted).count();
    assert_eq!(
        (&body["edited_pixels"], &body["unchanged_outside_mask"]),
        (&edited.into(), &true.into()),
        "{described}"
    );
    let image = image::load_from_memory(&file(&body["data"][0])).expect("an image").to_rgb8();
    assert_eq!(image.dimensions(), source.dimensions(), "{described}");
    for ((before, after), is_repainted) in source.pixels().zip(image.pixels()).zip(&is_repainted) {
        assert!(*is_repainted || before == after, "{described}");
    }
}
