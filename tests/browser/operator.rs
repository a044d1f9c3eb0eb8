//! What an operator does on the first day.

use tintype::{
    admit::PasswordHash,
    domain::{Calendar, SignInSecret},
    ledger::Month,
    units::Money,
};

use crate::{browser, driver::Driver, server::TestServer};

/// What Chromium says of each answer that is a refusal; nothing of the page is wrong then.
const REFUSED: &str = "Failed to load resource: the server responded with a status of 4";

/// Nothing has gone wrong on the pages since this was last asked, but for refusals that the test provoked.
pub fn assert_quiet(driver: &Driver) {
    let complaints: Vec<_> =
        driver.complaints().into_iter().filter(|complaint| !complaint.contains(REFUSED)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// A link as `tintype serve` prints it at its first start.
fn make_link(server: &TestServer) -> String {
    let (secret, now) = (SignInSecret::generate(&mut rand::rng()), jiff::Timestamp::now());
    server.ledger().create_sign_in_link(secret.hash(), SignInSecret::expiry(now), now).expect("made");
    format!("{}{}", server.url, secret.path())
}

/// Signs in by such a link, to the page of costs.
fn sign_in_by_link(driver: &Driver, server: &TestServer) {
    driver.open(&make_link(server));
    driver.find("main form button:not([name])").click();
    driver.find("#standing");
}

/// Electricity, depreciation and upkeep of all rows of a statement.
fn sum_of_month(csv: &str) -> Money {
    let mut rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = rows.next().expect("a head");
    let parts = ["electricity", "depreciation", "upkeep"];
    let columns = parts.map(|name| head.iter().position(|column| *column == name).expect(name));
    let amounts = rows.flat_map(|row| columns.map(|column| row[column].parse::<Money>().expect("an amount")));
    amounts.reduce(|sum, amount| sum.plus(amount).expect("in range")).expect("a row")
}

pub fn generate(driver: &Driver, server: &TestServer, key: &str, prompt: &str) {
    use_key(driver, server, key);
    driver.find("#prompt").fill(prompt);
    driver.find("#paint").click();
}

pub fn use_key(driver: &Driver, server: &TestServer, key: &str) {
    driver.open(&format!("{}/playground", server.url));
    // Whoever has signed in chooses a key; this one is pasted all the same.
    driver.ask(
        "const own = document.getElementById('own-key'); \
         if (own) { own.value = ''; own.dispatchEvent(new Event('change')); }",
        &[],
    );
    driver.find("#key").fill(key);
    driver.find("#key-use").click();
    driver.find("#key-held:not([hidden])");
}

#[test]
fn the_first_day_from_the_link_to_the_cost_of_an_image() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.open(&make_link(&server));
    driver.find("main form button:not([name])").click();
    driver.find_text("main", "No images were generated");

    generate(&driver, &server, &server.key, "a lighthouse at dawn");
    driver.find("#gallery > li.picture:not(.in-work) [data-part=done]:not([hidden])");
    let width = driver.ask("return document.querySelector('#gallery [data-part=image]').naturalWidth", &[]);
    assert_eq!(width, 32, "the image is seen");
    let cost = driver.find("#gallery [data-part=cost]").text();
    assert!(cost.contains("CN") || cost.contains('¥'), "{cost}");

    driver.open(&format!("{}/admin/costs", server.url));
    assert!(driver.find("#images").text().starts_with("Images1How"), "{}", driver.find("#images").text());
    assert_eq!(server.totals().images, 1);
    let total = driver.find("#total dd > button").text();
    driver.find("#downloads a[href*='costs.csv']:not([href*=focus])").click();
    let month = Month::of(jiff::Timestamp::now(), &Calendar::UTC);
    let sum = sum_of_month(&driver.downloaded(&format!("tintype-{month}.csv")));
    assert_eq!(total, format!("CN¥{}", sum.readable()), "the page and the file");

    driver.find("form[action='/admin/preferences'] button[name=language]").click();
    driver.find("html[lang=zh-CN] #standing");
    driver.find_text("h1", "成本");
    assert_quiet(&driver);
}

/// How the API answers an image's request with `key`.
fn status_of_generating(server: &TestServer, key: &str) -> u16 {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let request = agent
        .post(format!("{}/v1/images/generations", server.url))
        .header("authorization", format!("Bearer {key}"));
    request.send_json(serde_json::json!({ "prompt": "x" })).expect("an answer").status().as_u16()
}

#[test]
fn a_key_is_made_used_revoked_and_then_refused() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    sign_in_by_link(&driver, &server);
    driver.open(&format!("{}/admin/keys", server.url));
    driver.find("#name").fill("summer job");
    driver.find("#budgets").fill("1");
    driver.ask("document.querySelector('[name=budget_unit_0]').value = 'images'", &[]);
    driver.find("#make form button").click();
    let key = driver.ask("return arguments[0].value", &[driver.find("#secret[readonly]").reference()]);
    let key = key.as_str().expect("a key");
    assert_eq!(status_of_generating(&server, key), 200);

    use_key(&driver, &server, key);
    let over = driver.find("#quote-over:not([hidden])");
    assert_eq!(over.text(), "over budget");

    driver.open(&format!("{}/admin/keys", server.url));
    driver.find_text("a", "summer job").click();
    driver.find("form[action$='/revoke'] input[name=sure]").click();
    driver.find("form[action$='/revoke'] button").click();
    driver.find("main:not(:has(form[action$='/revoke']))");
    assert_eq!(status_of_generating(&server, key), 401);
    generate(&driver, &server, key, "a lighthouse at night");
    driver.find("#key-problem:not([hidden])");
    let typed = driver.ask("return document.getElementById('key').value", &[]);
    assert_eq!(typed, key, "a refused key stays in its field, to be corrected");
    assert_eq!(server.totals().images, 1);
    assert_quiet(&driver);
}

#[test]
fn a_breach_of_the_security_policy_would_be_told() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.open(&format!("{}/admin/sign-in", server.url));
    assert_quiet(&driver);
    driver.ask(
        "document.body.append(Object.assign(document.createElement('style'), { textContent: 'p {}' }))",
        &[],
    );
    let complaints = driver.complaints();
    assert!(
        complaints.iter().any(|complaint| complaint.contains("Content Security Policy")),
        "{complaints:?}"
    );
}

#[test]
fn a_wrong_password_is_refused_and_nothing_is_shown() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    let password = "silver on black iron";
    let hash = PasswordHash::new(password, &mut rand::rng()).expect("a hash");
    server.ledger().set_operator_password(Some(hash.as_str()), jiff::Timestamp::now()).expect("set");
    driver.open(&format!("{}/admin/costs", server.url));
    driver.find("#secret").fill("a wrong password");
    driver.find("main form button:not([name])").click();
    driver.find("#problem[role=alert]");
    driver.open(&format!("{}/admin/costs", server.url));
    driver.find("#secret").fill(password);
    driver.find("main form button:not([name])").click();
    driver.find("#standing");
    assert_quiet(&driver);
}

#[test]
fn what_was_typed_outlives_a_session_that_ended() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    sign_in_by_link(&driver, &server);
    driver.open(&format!("{}/admin/keys", server.url));
    driver.find("#name").fill("summer job");
    server.ledger().end_sessions(jiff::Timestamp::now()).expect("ended");
    driver.find("#make form button").click();
    driver.find("#kept-note:not([hidden])");
    let stored = driver.ask("return sessionStorage.getItem('tintype-form')", &[]);
    assert!(!stored.to_string().contains("form_token"), "{stored}");
    driver.find("#secret").fill(&server.key);
    driver.find("main form.card button").click();
    driver.find("#make");
    driver.wait_for("return document.getElementById('name').value", &"summer job".into());
    driver.find("#make form button").click();
    driver.find("#secret[readonly]");
    driver.wait_for("return sessionStorage.getItem('tintype-form')", &serde_json::Value::Null);
    assert_quiet(&driver);
}
