//! Edits in the playground: an image comes in, its mask is painted by mouse, finger and keys, and nothing else changes.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    browser,
    driver::{Driver, Screen},
    operator::{assert_quiet, use_key},
    playground::{DONE, open},
    server::TestServer,
};

/// Returns how many pixels of the first image differ from the source's, outside the mask and within it.
const CHANGED: &str = "return (async () => {
    const pixels = async (image) => {
        await image.decode();
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, canvas.width, canvas.height).data;
    };
    const source = await pixels(document.getElementById('source'));
    const result = await pixels(document.querySelector('#gallery [data-part=image]'));
    const canvas = document.getElementById('mask');
    const mask = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    if (source.length !== result.length || mask.length !== result.length) throw new Error('sizes differ');
    const changed = { outside: 0, inside: 0 };
    for (let at = 0; at < result.length; at += 4) {
        const isChanged = [0, 1, 2].some((side) => source[at + side] !== result[at + side]);
        if (isChanged) changed[mask[at + 3] >= 128 ? 'inside' : 'outside'] += 1;
    }
    return changed;
})()";
/// Returns what is said of the mask.
const STATUS: &str = "return document.getElementById('mask-status').textContent";
const EMPTY: &str = "Nothing is painted, so the whole image changes.";
/// Begins a script: `data` has the file that it is given the name of, an image unless that ends in txt.
const FILE: &str = "return (async () => {
    const [name] = arguments;
    const canvas = new OffscreenCanvas(40, 24);
    canvas.getContext('2d').fillRect(4, 4, 20, 10);
    const blob = name.endsWith('txt') ? new Blob(['x'], { type: 'text/plain' }) : await canvas.convertToBlob();
    const data = new DataTransfer();
    data.items.add(new File([blob], name, { type: blob.type }));";
const PHONE: Screen = Screen { name: "phone", width: 375, height: 812, is_dark: false };

/// A photograph of 48 × 32 pixels, each of another colour.
fn photo(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("harbour.png");
    let pixel = |x: u32, y: u32| {
        image::Rgb([x * 5, y * 7, (x * y) % 256].map(|side| u8::try_from(side).unwrap_or(255)))
    };
    image::RgbImage::from_fn(48, 32, pixel).save(&file).expect("a file");
    file
}

/// The playground with a photograph to edit.
fn edit(driver: &Driver, server: &TestServer) {
    use_key(driver, server, &server.key);
    driver.find("#prompt").fill("a red door");
    driver.find("#source-file").choose(&photo(server.data.path()));
    driver.find("#edit:not([hidden])");
    driver.wait_for(STATUS, &json!(EMPTY));
}

fn status(driver: &Driver) -> String {
    driver.ask(STATUS, &[]).as_str().expect("text").to_owned()
}

#[test]
fn a_mask_is_painted_and_nothing_outside_it_changes() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    edit(&driver, &server);
    driver.draw("mouse", "#mask", &[(-80, -40), (0, 30), (80, -40)]);
    let painted = status(&driver);
    assert!(painted.ends_with("The rest stays as it is."), "{painted}");
    driver.find("#quote:not([hidden])");
    driver.find("#paint-edit").click();
    driver.find(DONE);
    let changed = driver.ask(CHANGED, &[]);
    assert_eq!(changed["outside"], 0, "{changed}");
    assert!(changed["inside"].as_u64() > Some(0), "{changed}");
    let facts = driver.find(&format!("{DONE} [data-part=edited]")).text();
    assert!(facts.ends_with("every other pixel unchanged"), "{facts}");
    assert_eq!(server.totals().images, 1);

    driver.find(&format!("{DONE} [data-part=compare]:not([hidden])")).click();
    let slider = "const slider = document.querySelector('#gallery [data-part=slider]'); slider.focus();
        return document.querySelector('#gallery [data-part=before]').style.clipPath";
    assert_eq!(driver.ask(slider, &[]), "inset(0px 50% 0px 0px)");
    driver.press("Right");
    assert_eq!(driver.ask(slider, &[]), "inset(0px 49% 0px 0px)");

    driver.reload();
    driver.find("#edit:not([hidden])");
    driver.wait_for(STATUS, &json!(painted));
    driver.wait_for("return document.getElementById('prompt').value", &json!("a red door"));
    driver.find(&format!("{DONE} [data-part=compare]:not([hidden])"));
    assert_eq!(driver.ask(CHANGED, &[]), changed, "source, mask and image are what they were");
    driver.find("#undo:not([disabled])").click();
    driver.wait_for(STATUS, &json!(EMPTY));
    driver.find(&format!("{DONE} [data-part=reuse]")).click();
    driver.wait_for(STATUS, &json!(painted));
    assert_quiet(&driver);
}

#[test]
fn a_result_is_the_next_source_and_several_are_one_request() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    edit(&driver, &server);
    driver.ask(
        "for (const id of ['more', 'preview']) { const e = document.getElementById(id); e.open = true; }",
        &[],
    );
    driver.find("#preview").click();
    driver.find("#count").fill("2");
    driver.find("#paint").click();
    driver.wait_for(&format!("return document.querySelectorAll('{DONE}').length"), &json!(2));
    driver.find(&format!("{DONE} [data-part=edit]")).click();
    driver.wait_for(
        "return /^\\d+\\.png · 48×32$/.test(document.getElementById('source-name').textContent)",
        &json!(true),
    );
    driver.find("#source-remove").click();
    driver.find("#edit[hidden]");
    assert_eq!(driver.ask("return document.querySelector('[name=size]:checked').value", &[]), "32x32");
    let code = driver.find("#code-text").text();
    assert!(code.contains("/v1/images/generations"), "{code}");
    assert_eq!(server.totals().images, 2);
    assert_quiet(&driver);
}

/// Sends the page's requests on, and keeps what each form of an edit says: whether it is a quote, and the bytes of its
/// image.
const WATCH: &str = "const send = window.fetch; window.sent = [];
    window.fetch = (url, options) => {
        const form = options?.body;
        if (form instanceof FormData) window.sent.push([form.has('dry_run'), form.get('image').size]);
        return send(url, options);
    };";
/// Returns what was quoted last, in full.
const QUOTED: &str =
    "return document.getElementById('quote').hidden ? null : document.getElementById('quote-text').title";

#[test]
fn a_quote_costs_what_the_source_would_and_leaves_it_at_home() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    use_key(&driver, &server, &server.key);
    driver.find("#prompt").fill("a red door");
    driver.ask(WATCH, &[]);
    // Noise, as photographs are: 200 × 150 × 3 bytes.
    let photo = image::RgbImage::from_fn(200, 150, |_, _| image::Rgb(rand::random()));
    let file = server.data.path().join("noise.png");
    photo.save(&file).expect("a file");
    driver.find("#source-file").choose(&file);
    driver.wait_for("return window.sent.length", &json!(1));
    driver.draw("mouse", "#mask", &[(-20, -20), (20, 20)]);
    driver.wait_for("return window.sent.length", &json!(2));
    driver.find("#quote:not([hidden])");
    let source = driver.find("#quote-source").text();
    assert!(["time measured", "time estimated"].contains(&source.as_str()), "{source}");
    let sent = driver.ask("return window.sent", &[]);
    for quote in sent.as_array().expect("quotes") {
        assert_eq!(quote[0], true);
        assert!(quote[1].as_u64().is_some_and(|bytes| bytes < 500), "the source has 90,000: {sent}");
    }
    let quoted = driver.ask(QUOTED, &[]);
    assert!(quoted.as_str().is_some_and(|quoted| quoted.contains("CNY")), "{quoted}");

    // An image that holds its own mask is sent: the blank one would be another edit.
    driver.find("#source-remove").click();
    let holed = image::RgbaImage::from_fn(48, 32, |x, y| {
        image::Rgba([7, 7, 7, if (x, y) == (40, 30) { 0 } else { 255 }])
    });
    let file = server.data.path().join("holed.png");
    holed.save(&file).expect("a file");
    let bytes = std::fs::metadata(&file).expect("a file").len();
    driver.find("#source-file").choose(&file);
    driver.wait_for("return window.sent.at(-1)", &json!([true, bytes]));

    // What is too large for the model has no price, and says so before anything is sent to be made.
    driver.find("#source-remove").click();
    let file = server.data.path().join("wide.png");
    image::RgbImage::new(9000, 16).save(&file).expect("a file");
    driver.find("#source-file").choose(&file);
    let refused = driver.find("#quote-refused:not([hidden])").text();
    assert!(refused.starts_with("not possible") && refused.contains("9000"), "{refused}");
    assert_eq!(driver.ask(QUOTED, &[]), Value::Null);
    assert_eq!(server.totals().images, 0);
    assert_quiet(&driver);
}

#[test]
fn a_finger_paints_and_does_not_move_the_page() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.set_screen(PHONE);
    edit(&driver, &server);
    driver.ask("document.getElementById('paper').scrollIntoView({ block: 'center' })", &[]);
    let place = driver.ask("return scrollY", &[]);
    driver.draw("touch", "#mask", &[(-60, -60), (0, 60)]);
    assert_ne!(status(&driver), EMPTY);
    assert_eq!(driver.ask("return scrollY", &[]), place);
    driver.find("#eraser").click();
    for side in [-60, 0] {
        driver.ask("const size = document.getElementById('brush-size'); size.value = size.max", &[]);
        driver.draw("pen", "#mask", &[(side, -60), (side, 60)]);
    }
    assert_eq!(status(&driver), EMPTY, "the eraser of a pen erases all that was painted");
    assert_quiet(&driver);
}

#[test]
fn a_mask_is_painted_by_keys_alone() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    edit(&driver, &server);
    // Where a chosen image puts the focus.
    driver.wait_for("return document.activeElement.id", &json!("mask"));
    driver.press("Left Shift+Up Space");
    assert!(status(&driver).starts_with("The brush is down."), "{}", status(&driver));
    driver.press("Right Right Down Space");
    let painted = status(&driver);
    assert!(painted.ends_with("The rest stays as it is."), "{painted}");
    driver.press("Control+z");
    assert_eq!(status(&driver), EMPTY);
    driver.press("Control+y");
    assert_eq!(status(&driver), painted);
    driver.press("i");
    assert_ne!(status(&driver), painted);
    driver.press("i e ] ]");
    assert_eq!(status(&driver), painted);
    let tool = "return document.getElementById('eraser').getAttribute('aria-pressed')";
    assert_eq!(driver.ask(tool, &[]), "true");
    driver.press("Delete");
    assert_eq!(status(&driver), EMPTY);
    assert_quiet(&driver);
}

#[test]
fn images_are_dropped_and_pasted_and_other_files_are_refused() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    open(&driver, &server);
    let event = |name: &str, kind: &str, class: &str, field: &str| {
        let fire = format!(
            "{FILE} return dispatchEvent(new {class}('{kind}', {{ {field}: data, bubbles: true, cancelable: true }})); }})()"
        );
        driver.ask(&fire, &[json!(name)])
    };
    let name = "return document.getElementById('source-name').textContent";
    let drop = |file: &str| event(file, "drop", "DragEvent", "dataTransfer");
    drop("notes.txt");
    driver.wait_for(
        "return document.getElementById('problem').textContent",
        &json!("This browser cannot read that file as an image. Use PNG, JPEG or WebP."),
    );
    drop("my boat.png");
    driver.wait_for(name, &json!("my boat.png · 40×24"));
    let code = driver.find("#code-text").text();
    assert!(code.contains("-F image=@source.png"), "a name with a space is written plainly: {code}");
    let paste: Value = event("image.png", "paste", "ClipboardEvent", "clipboardData");
    assert_eq!(paste, Value::Bool(false), "the page takes the image itself");
    driver.wait_for(name, &json!("image.png · 40×24"));
    assert_quiet(&driver);
}
