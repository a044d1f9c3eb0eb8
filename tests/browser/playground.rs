//! What a visitor does in the playground: what is kept, and what is deleted.

use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use tintype::{
    domain::{ApiKey, Scopes},
    ledger::{KeyRules, NewKey},
};

use crate::{
    browser,
    driver::Driver,
    lora_files::write_lora,
    operator::{assert_quiet, generate},
    server::TestServer,
};

/// The card of an image that is done.
pub const DONE: &str = "#gallery > li.picture:not(.in-work):has([data-part=done]:not([hidden]))";
/// Returns what the form says.
const FORM: &str = "return ['prompt', 'seed'].map((id) => document.getElementById(id).value)";
/// Returns the width of each image in the gallery that is seen.
const SEEN: &str =
    "return [...document.querySelectorAll('#gallery [data-part=image]')].map((image) => image.naturalWidth)";

pub fn open(driver: &Driver, server: &TestServer) {
    driver.open(&format!("{}/playground", server.url));
}

/// Presses the button `name` of the first card, and `answer` in the dialog that asks.
fn delete_first(driver: &Driver, answer: &str) {
    driver.find(&format!("{DONE} [data-part=delete]")).click();
    driver.find(&format!("#delete-dialog[open] button[value={answer}]")).click();
    driver.find("#delete-dialog:not([open])");
}

#[test]
fn what_was_typed_outlives_the_page() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    open(&driver, &server);
    driver.find("#prompt").fill("a lighthouse at dusk");
    driver.find("#seed").fill("7");
    driver.open(&format!("{}/", server.url));
    driver.find_text("a", "Playground").click();
    driver.find("#gallery");
    driver.wait_for(FORM, &json!(["a lighthouse at dusk", "7"]));
    assert_quiet(&driver);
}

#[test]
fn a_draft_from_before_the_database_is_taken_over() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    open(&driver, &server);
    let old = json!({
        "prompt": "a lighthouse in fog", "negative": "", "size": "24x16", "quality": "low", "steps": 3, "guidance": 0,
        "n": 2, "format": "webp", "seed": 11, "preview": false, "locked": true,
    });
    driver.ask("localStorage.setItem('tintype-draft', arguments[0])", &[json!(old.to_string())]);
    driver.reload();
    driver.wait_for(FORM, &json!(["a lighthouse in fog", "11"]));
    driver.wait_for("return localStorage.getItem('tintype-draft')", &json!(null));
    driver.reload();
    driver.wait_for(FORM, &json!(["a lighthouse in fog", "11"]));
    let rest = "return [document.getElementById('format').value, document.getElementById('preview').checked]";
    assert_eq!(driver.ask(rest, &[]), json!(["webp", false]));

    // A page that is left in the middle of this has the draft in the database, and still the old one.
    driver.ask("localStorage.setItem('tintype-draft', arguments[0])", &[json!(old.to_string())]);
    driver.find("#prompt").fill("a lighthouse at dusk");
    driver.reload();
    driver.wait_for("return localStorage.getItem('tintype-draft')", &json!(null));
    driver.wait_for(FORM, &json!(["a lighthouse at dusk", "11"]));
    assert_quiet(&driver);
}

#[test]
fn images_outlive_the_page_until_they_are_deleted() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    generate(&driver, &server, &server.key, "a lighthouse at dawn");
    driver.find(DONE);
    let cost = driver.find(&format!("{DONE} [data-part=cost]")).text();
    let seed = driver.find(&format!("{DONE} [data-part=seed]")).text();
    driver.find("#prompt").fill("a lighthouse at dusk");
    driver.find("#paint:not([hidden])").click();
    driver.wait_for(&format!("return document.querySelectorAll('{DONE}').length"), &json!(2));

    driver.reload();
    driver.wait_for(SEEN, &json!([32, 32]));
    let oldest = format!("{DONE}:last-child");
    assert_eq!(driver.find(&format!("{oldest} [data-part=prompt]")).text(), "a lighthouse at dawn");
    assert_eq!(driver.find(&format!("{oldest} [data-part=cost]")).text(), cost);
    driver.find(&format!("{oldest} [data-part=reuse]")).click();
    driver.wait_for(FORM, &json!(["a lighthouse at dawn", seed]));

    delete_first(&driver, "keep");
    driver.wait_for(SEEN, &json!([32, 32]));
    delete_first(&driver, "delete");
    driver.wait_for(SEEN, &json!([32]));
    driver.reload();
    driver.wait_for(SEEN, &json!([32]));
    assert_eq!(driver.find(&format!("{DONE} [data-part=prompt]")).text(), "a lighthouse at dawn");
    driver.find("#delete-all").click();
    driver.find("#delete-dialog[open] button[value=delete]").click();
    driver.wait_for(SEEN, &json!([]));
    driver.reload();
    driver.find("#empty:not([hidden])");
    driver.wait_for(FORM, &json!(["a lighthouse at dawn", seed]));
    driver.wait_for(SEEN, &json!([]));
    assert_quiet(&driver);
}

#[test]
fn a_browser_without_a_database_generates_and_keeps_nothing() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.run_before_pages("Object.defineProperty(window, 'indexedDB', { value: undefined })");
    generate(&driver, &server, &server.key, "a lighthouse at dawn");
    driver.find(DONE);
    let kept = driver.find("#kept").text();
    assert!(kept.starts_with("This browser keeps no images."), "{kept}");
    driver.reload();
    driver.find("#key-held:not([hidden])");
    driver.find("#empty:not([hidden])");
    assert_eq!(driver.ask(SEEN, &[]), json!([]));
    assert_quiet(&driver);
}

#[test]
fn a_double_click_generates_one_image_and_does_not_stop_it() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.open(&format!("{}/playground", server.url));
    driver.find("#prompt").fill("a lighthouse at noon");
    // A key that was typed and not confirmed counts.
    driver.find("#key").fill(&server.key);
    driver.ask("document.getElementById('paint').click(); document.getElementById('stop').click()", &[]);
    driver.find("#gallery > li.picture:not(.in-work) [data-part=done]:not([hidden])");
    assert_eq!(server.totals().images, 1);
    assert_quiet(&driver);
}

#[test]
fn the_loras_of_the_key_are_chosen_applied_and_named() {
    let Some(driver) = browser("zh-CN") else { return };
    let server = TestServer::start();
    let folder = server.data.path().join("loras");
    std::fs::create_dir_all(&folder).expect("a directory");
    for name in ["ink", "clay"] {
        write_lora(&folder.join(format!("{name}.safetensors")), "layers.0.attention.to_q", 0);
    }
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(7));
    let scopes = Scopes { images: true, ..Scopes::default() };
    let rules = KeyRules { scopes, loras: Some(vec!["ink".into()]), ..KeyRules::default() };
    let new = NewKey { key: &key, name: "bound", rules };
    server.ledger().create_key(&new, "command line", jiff::Timestamp::now()).expect("a key");
    open(&driver, &server);
    assert_eq!(driver.ask("return document.getElementById('lora-entry').hidden", &[]), json!(true), "no key");
    driver.find("#prompt").fill("a lighthouse at dawn");
    driver.find("#key").fill(&key.reveal());
    driver.find("#key-use").click();
    driver.find("#lora-entry:not([hidden]) summary").click();
    let names = "return [...document.querySelectorAll('#loras li')].map((row) => row.dataset.name)";
    driver.wait_for(names, &json!(["ink"]));
    driver.find("#loras [type=checkbox]").click();
    driver.find("#loras [type=number]").fill("-0.5");
    let code = driver.find("#code-text").text();
    assert!(code.contains("\"lora\"") && code.contains("-0.5"), "{code}");
    driver.find("#paint:not([hidden])").click();
    driver.find(DONE);
    assert_eq!(driver.find(&format!("{DONE} [data-part=loras]")).text(), "ink × −0.5");
    driver.wait_for(
        &format!(
            "return document.querySelector('{DONE} [data-part=weights]').textContent.split(' · ').length"
        ),
        &json!(3),
    );

    driver.reload();
    driver.wait_for(names, &json!(["ink"]));
    let chosen =
        "return [...document.querySelectorAll('#loras input')].map((input) => input.checked || input.value)";
    driver.wait_for(chosen, &json!([true, "-0.5"]));
    assert_quiet(&driver);
}

#[test]
fn an_operator_chooses_a_key_and_types_none() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.open(&format!("{}/admin/sign-in", server.url));
    driver.find("#secret").fill(&server.key);
    driver.find("main form.card button").click();
    driver.find_text("main", "No images were generated");
    driver.open(&format!("{}/playground", server.url));
    driver.find("#key-entry[hidden]");
    driver.find("#prompt").fill("a lighthouse at noon");
    driver.find("#quote:not([hidden])");
    driver.find("#paint").click();
    driver.find(DONE);
    assert_eq!(server.totals().images, 1);
    let gallery = driver.ask("return document.getElementById('own-gallery').search", &[]);
    assert!(gallery.as_str().is_some_and(|query| query.starts_with("?key=")), "{gallery}");
    assert_quiet(&driver);
}

#[test]
fn a_prompt_without_a_word_that_the_demo_model_knows_is_said_to_have_none() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start_with(|config| config.model.path = None);
    driver.open(&format!("{}/playground", server.url));
    driver.find("#prompt").fill("democracy in the abstract");
    driver.find("#unknown:not([hidden])");
    for known in ["two butterflies on grey", "白色背景上的企鹅"] {
        driver.ask("document.getElementById('prompt').value = ''", &[]);
        driver.find("#prompt").fill(known);
        driver.wait_for("return document.getElementById('unknown').hidden", &true.into());
    }
    assert_quiet(&driver);
}
