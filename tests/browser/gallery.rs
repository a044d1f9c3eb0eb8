//! The gallery in a browser: looked at, starred, asked for again, and edited.

use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use tintype::{
    domain::{ApiKey, Scopes},
    ledger::{KeyRules, NewKey},
};

use crate::{browser, driver::Driver, operator::assert_quiet, server::TestServer};

/// Asks for an image whose file is kept, as a page of any origin may.
fn make_kept(driver: &Driver, key: &str, prompt: &str, seed: u32) {
    let script = "return fetch('/v1/images/generations', { method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${arguments[0]}` },
        body: JSON.stringify({ prompt: arguments[1], seed: arguments[2], steps: 3, response_format: 'url' }) })
        .then((answer) => answer.status)";
    assert_eq!(driver.ask(script, &[json!(key), json!(prompt), json!(seed)]), json!(200));
}

fn sign_in(driver: &Driver, server: &TestServer, key: &str) {
    driver.open(&format!("{}/admin/sign-in", server.url));
    driver.find("#secret").fill(key);
    driver.find("main form button:not([name])").click();
    driver.find(".menu form[action='/admin/sign-out']");
}

#[test]
fn an_image_is_found_by_its_prompt_starred_asked_for_again_and_edited() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    sign_in(&driver, &server, &server.key);
    make_kept(&driver, &server.key, "a red apple", 77);
    make_kept(&driver, &server.key, "a lighthouse at dawn", 78);
    driver.open(&format!("{}/admin/gallery", server.url));
    driver.find("#filter-prompt").fill("apple");
    driver.find(".filter button").click();
    driver.wait_for("return document.querySelectorAll('.gallery li').length", &json!(1));

    driver.find(".gallery .open").click();
    driver.find("#lightbox[open] [data-star] button").click();
    driver.find(".gallery li.favourite");
    let pressed = "return [...document.querySelectorAll('[data-star] button')].map((button) => button.ariaPressed).join()";
    driver.wait_for(pressed, &json!("true,true"));
    driver.open(&format!("{}/admin/gallery?favourite=1", server.url));
    driver.wait_for("return document.querySelectorAll('.gallery li.favourite').length", &json!(1));

    driver.find(".gallery .open").click();
    driver.find("#lightbox[open] a[href*='take=all']").click();
    driver.find("#playground");
    driver.wait_for("return document.getElementById('prompt').value", &json!("a red apple"));
    driver.wait_for("return document.getElementById('seed').value", &json!("77"));
    driver.wait_for("return document.getElementById('steps').value", &json!("3"));
    // Once: what is typed since stays.
    assert_eq!(driver.ask("return location.search", &[]), json!(""));
    driver.find("#prompt").fill("a green apple");
    driver.reload();
    driver.wait_for("return document.getElementById('prompt').value", &json!("a green apple"));

    driver.open(&format!("{}/admin/gallery?favourite=1", server.url));
    driver.find(".gallery .open").click();
    driver.find("#lightbox[open] a[href*='edit=']").click();
    driver.find("#edit:not([hidden])");
    driver.wait_for("return document.getElementById('source').naturalWidth", &json!(32));
    assert_quiet(&driver);
}

#[test]
fn a_key_opens_its_own_gallery_from_the_playground_and_sees_nothing_else() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(5));
    let rules = KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() };
    let new = NewKey { key: &key, name: "shop window", rules };
    server.ledger().create_key(&new, "command line", jiff::Timestamp::now()).expect("a key");
    let key = key.reveal();
    driver.open(&format!("{}/playground", server.url));
    make_kept(&driver, &server.key, "of another key", 1);
    make_kept(&driver, &key, "its own", 2);
    driver.find("#key").fill(&key);
    driver.find("#key-use").click();
    driver.find("#key-held:not([hidden])");
    driver.find("#prompt").fill("kept from the playground");
    driver.ask("document.getElementById('more').open = true", &[]);
    driver.find("#keep").click();
    driver.find("#paint").click();
    driver.find("#gallery > li.picture:not(.in-work) [data-part=done]:not([hidden])");
    driver.find("#gallery-form button").click();
    driver.find(".gallery li img");
    driver.wait_for("return location.pathname", &json!("/gallery"));
    assert_eq!(driver.ask("return document.querySelectorAll('.gallery li').length", &[]), json!(2));
    let width = "return document.querySelector('.gallery img').naturalWidth > 0";
    driver.wait_for(width, &json!(true));
    let places = "return [...document.querySelectorAll('.places a')].map((place) => place.pathname).join()";
    assert_eq!(driver.ask(places, &[]), json!("/playground,/gallery,/docs"));
    assert_quiet(&driver);
}
