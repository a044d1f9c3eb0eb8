use std::fs;

use tempfile::TempDir;

use crate::{complaint, out, pixels, run, tiny_models};

#[test]
fn an_image_is_generated_without_a_server_and_its_receipt_printed() {
    let place = TempDir::new().expect("a directory");
    let said = out(&run(
        place.path(),
        &["generate", "a lighthouse at dawn", "--seed", "42", "-o", "light.png", "-v"],
    ));
    assert!(said.contains("light.png") && said.contains("seed          42"), "{said}");
    for part in [
        "electricity",
        "depreciation",
        "upkeep",
        "total",
        "saved",
        "estimated",
        "transformer   ",
        "text encoder  ",
        "schedule      flow-matching Euler",
        "precision     f32",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let image = image::open(place.path().join("light.png")).expect("a PNG").to_rgb8();
    assert_eq!((image.width(), image.height()), (256, 256));
    assert!(!place.path().join("data").exists(), "no ledger is made");
}

#[test]
fn a_file_has_the_format_of_its_name_and_standard_output_takes_one_image() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let generate = |extra: &[&str]| {
        let base = ["generate", "tea", "--model", &model, "--size", "32x16", "--steps", "1", "--seed", "7"];
        run(place.path(), &[&base, extra].concat())
    };
    for (file, format) in [
        ("cup.jpg", image::ImageFormat::Jpeg),
        ("cup.webp", image::ImageFormat::WebP),
        ("cup", image::ImageFormat::Png),
    ] {
        let said = out(&generate(&["-o", file]));
        assert!(said.starts_with(&format!("{file}  32x16, 1 steps, seed 7, ")), "{said}");
        assert_eq!(said.lines().filter(|line| !line.contains("example's")).count(), 1, "{said}");
        let bytes = fs::read(place.path().join(file)).expect("the file");
        assert_eq!(image::guess_format(&bytes).expect("an image"), format, "{file}");
    }
    let unnamed = image::load_from_memory(&fs::read(place.path().join("cup")).expect("the file"));
    let unnamed = unnamed.expect("a PNG").to_rgb8().into_raw();
    assert_eq!(pixels(&place.path().join("cup.webp")), unnamed, "lossless at 100");
    assert!(complaint(&generate(&["-o", "cup.gif"]), 2).contains(".webp"));

    let piped = generate(&["-o", "-", "--format", "webp"]);
    assert_eq!(image::guess_format(&piped.stdout).expect("an image"), image::ImageFormat::WebP);
    assert!(String::from_utf8_lossy(&piped.stderr).contains("seed 7"));
    assert!(!place.path().join("-").exists());
    assert!(complaint(&generate(&["-o", "-", "--n", "2"]), 2).contains("--grid"));
    assert!(complaint(&generate(&["-o", "-", "--json"]), 2).contains("--json"));

    let again = generate(&["-o", "cup.jpg", "--n", "1"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("replacing cup.jpg"), "nobody can be asked here");
    assert!(!String::from_utf8_lossy(&generate(&["-o", "cup.jpg", "--force"]).stderr).contains("replacing"));
    assert!(
        complaint(&run(place.path(), &["generate", " ", "--model", &model]), 2).contains("prompt 1 is empty")
    );
}

#[test]
fn several_images_are_described_as_json_and_added_up() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let generate = |extra: &[&str]| {
        let base = ["generate", "tea", "a cat", "--model", &model, "--size", "32x16", "--steps", "1"];
        out(&run(place.path(), &[&base, extra].concat()))
    };
    let images: serde_json::Value =
        serde_json::from_str(&generate(&["--seed", "7", "--json"])).expect("JSON alone");
    let images = images.as_array().expect("a list");
    let listed: Vec<_> =
        images.iter().map(|image| (&image["file"], &image["prompt"], &image["seed"])).collect();
    let [one, two] = ["picture-1.png", "picture-2.png"].map(serde_json::Value::from);
    assert_eq!(listed, [(&one, &"tea".into(), &7.into()), (&two, &"a cat".into(), &8.into())]);
    assert!(images.iter().all(|image| image["total"].is_number() && image["duration_ms"].is_u64()));
    let lines = generate(&[]);
    assert!(lines.lines().any(|line| line.starts_with("2 images, ")), "{lines}");
}

#[test]
fn several_images_are_numbered_and_equal_the_ones_generated_alone() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let generate = |seed: &str, n: &str, file: &str| {
        let arguments = [
            "generate", "茶", "--model", &model, "--size", "32x16", "--steps", "3", "--seed", seed, "--n", n,
            "-o", file,
        ];
        out(&run(place.path(), &arguments))
    };
    generate("7", "3", "cup.png");
    generate("8", "1", "alone.png");
    let read = |file: &str| pixels(&place.path().join(file));
    assert_eq!(read("cup-2.png"), read("alone.png"));
    assert_ne!(read("cup-1.png"), read("cup-3.png"));
}

#[test]
fn several_prompts_make_a_grid_of_the_images_generated_alone() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let generate = |extra: &[&str]| {
        let base = ["generate", "--model", &model, "--size", "32x16", "--steps", "2"];
        out(&run(place.path(), &[&base, extra].concat()));
    };
    generate(&["茶", "tea", "a cat", "--seed", "7", "--grid", "2", "-o", "grid.png"]);
    generate(&["a cat", "--seed", "9", "-o", "alone.png"]);
    let read = |file: &str| image::open(place.path().join(file)).expect("a PNG").to_rgb8();
    let (grid, alone) = (read("grid.png"), read("alone.png"));
    assert_eq!(grid.dimensions(), (64, 32));
    assert_eq!(image::imageops::crop_imm(&grid, 0, 16, 32, 16).to_image(), alone);
}

#[test]
fn every_flag_changes_the_image() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let mut images = Vec::new();
    let variants: [&[&str]; 5] = [
        &["--steps", "2"],
        &["--steps", "4"],
        &["--steps", "2", "--guidance", "4"],
        &["--steps", "2", "--guidance", "4", "--negative-prompt", "blurry"],
        &["--steps", "2", "--dtype", "bf16", "--device", "cpu"],
    ];
    for extra in variants {
        let base = ["generate", "tea", "--model", &model, "--size", "32x32", "--seed", "1"];
        out(&run(place.path(), &[&base, extra].concat()));
        let image = pixels(&place.path().join("picture.png"));
        assert!(!images.contains(&image), "{extra:?}");
        images.push(image);
    }
}

#[test]
fn an_image_says_that_it_was_generated_unless_the_operator_says_otherwise() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let generate = ["generate", "tea", "--model", &model, "--size", "32x32", "--steps", "1"];
    let says = || {
        let file = fs::read(place.path().join("picture.png")).expect("an image");
        String::from_utf8_lossy(&file).contains("TC260:AIGC")
    };
    out(&run(place.path(), &generate));
    assert!(says());
    fs::write(place.path().join("tintype.toml"), "[metadata]\nembed = false").expect("written");
    out(&run(place.path(), &generate));
    assert!(!says());
}

#[test]
fn what_cannot_be_is_said_in_one_line_with_exit_code_2() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let missing = run(place.path(), &["generate", "x", "--model", "./nowhere"]);
    assert!(complaint(&missing, 2).contains("nowhere"));
    let size = run(place.path(), &["generate", "x", "--model", &model, "--size", "31x32"]);
    assert!(complaint(&size, 2).contains("multiples of 4"));
    let cuda = run(place.path(), &["generate", "x", "--model", &model, "--device", "cuda"]);
    assert!(complaint(&cuda, 2).contains("cuda"));
    let broken = place.path().join("broken");
    tiny_models::write("base", &broken);
    fs::remove_file(broken.join("vae/config.json")).expect("there");
    let broken = run(place.path(), &["generate", "x", "--model", "broken"]);
    assert!(complaint(&broken, 2).contains("vae/config.json"));
    for flags in [["--steps", "0"], ["--steps", "101"], ["--n", "11"], ["--guidance", "21"], ["--seed", "-1"]]
    {
        let refused = run(place.path(), &["generate", "x", flags[0], flags[1]]);
        assert_eq!(refused.status.code(), Some(2), "{flags:?}");
    }
}
