//! Signing in, and what ends it.

use std::sync::Arc;

use serde_json::json;
use tintype::{admit::PasswordHash, clock::ManualClock, domain::SignInSecret, units::Millis};

use crate::{
    browser::{Browser, set_cookie},
    server::TestServer,
};

const PASSWORD: &str = "silver on black iron";
const MINUTE: Millis = Millis::new(60_000);

/// A server whose clock stands still until it is moved.
fn standing_still() -> (TestServer, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at("2026-11-23T09:00:00Z".parse().expect("a moment")));
    let server = TestServer::start_at(Arc::<ManualClock>::clone(&clock), |_| {});
    (server, clock)
}

fn set_password(server: &TestServer) {
    let hash = PasswordHash::new(PASSWORD, &mut rand::rng()).expect("a hash");
    server.ledger().set_operator_password(Some(hash.as_str()), jiff::Timestamp::now()).expect("set");
}

/// A link made at `now`, as `tintype admin link` makes it beside the server.
fn make_link(server: &TestServer, now: jiff::Timestamp) -> String {
    let secret = SignInSecret::generate(&mut rand::rng());
    server.ledger().create_sign_in_link(secret.hash(), SignInSecret::expiry(now), now).expect("made");
    secret.path()
}

fn link(browser: &mut Browser<'_>, path: &str) -> u16 {
    let page = browser.open(path);
    assert_eq!(page.status, 200);
    assert!(page.header("set-cookie").is_empty() || browser.cookie("tintype_session").is_none());
    let (_, secret) = path.split_once("link=").expect("a secret");
    browser.submit("/admin/sign-in", &[("link", secret)]).status
}

#[test]
fn a_session_is_out_of_reach_of_scripts_and_of_other_sites() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    let set = set_cookie(&browser.sign_in(&server.key), "tintype_session");
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=900"] {
        assert!(set.contains(flag), "{flag} in {set}");
    }
    assert!(!set.contains("Secure"), "it would not come back over plain HTTP: {set}");
    let behind_tls =
        TestServer::start_with(|config| config.public_url = Some("https://paint.example".into()));
    let mut browser = Browser::new(&behind_tls);
    let set = set_cookie(&browser.sign_in(&behind_tls.key), "__Host-tintype_session");
    assert!(set.contains("Secure") && set.contains("Path=/;") && !set.contains("Domain"), "{set}");
    assert_eq!(browser.open("/admin/costs").status, 200);
}

#[test]
fn there_is_no_password_until_one_is_set() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    for guess in ["admin", "password", "", "tintype"] {
        let refused = browser.sign_in(guess);
        assert!(refused.status == 422 && refused.text.contains("No password is set"), "{}", refused.text);
    }
    set_password(&server);
    let wrong = browser.sign_in("silver on black tin");
    assert!(wrong.status == 422 && wrong.text.contains("Wrong password"), "{}", wrong.text);
    assert_eq!(browser.sign_in(PASSWORD).status, 303);
    assert_eq!(browser.open("/admin/costs").status, 200);
    set_password(&server);
    assert_eq!(browser.open("/admin/costs").status, 303, "a new password ends what the old one opened");
}

#[test]
fn a_trusted_proxy_that_speaks_tls_makes_cookies_secure() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        config.hsts_seconds = 600;
    });
    let mut browser = Browser::new(&server).with_header("x-forwarded-proto", "https");
    let signed_in = browser.sign_in(&server.key);
    let set = set_cookie(&signed_in, "__Host-tintype_session");
    assert!(set.contains("Secure") && set.contains("Path=/;") && !set.contains("Domain"), "{set}");
    assert_eq!(signed_in.header("strict-transport-security"), "max-age=600");
    assert_eq!(browser.open("/admin/costs").status, 200);
    let mut direct = Browser::new(&server);
    let signed_in = direct.sign_in(&server.key);
    assert!(!set_cookie(&signed_in, "tintype_session").contains("Secure"));
    assert_eq!(signed_in.header("strict-transport-security"), "");
}

#[test]
fn the_header_of_a_proxys_own_sign_in_is_neither_a_key_nor_an_excuse() {
    let server = TestServer::start();
    let basic = "Basic dXNlcjpwYXNzd29yZA==";
    let mut browser = Browser::new(&server).with_header("authorization", basic);
    let forged = browser.submit_only("/admin/sign-in", &[("secret", &server.key)]);
    assert_eq!(forged.status, 403, "a form of another site: {}", forged.text);
    assert_eq!(browser.sign_in(&server.key).status, 303);
    assert_eq!(browser.open("/admin/costs").status, 200);
    let forged = server.post("/admin/sign-in").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(forged.bearer(&server.key).send(format!("secret={}", server.key)).status, 403);
}

#[test]
fn passwords_from_an_address_are_limited_and_keys_and_links_are_not() {
    let server = TestServer::start();
    set_password(&server);
    let mut browser = Browser::new(&server);
    for _ in 0..10 {
        assert_eq!(browser.sign_in("a wrong password").status, 422);
    }
    let refused = browser.sign_in(PASSWORD);
    assert_eq!(refused.status, 429, "the right password too");
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=30).contains(&wait) && refused.text.contains("Too many passwords"), "{}", refused.text);
    assert_eq!(browser.sign_in("tt-0000000000-0000").status, 422, "no key, and not counted");
    assert_eq!(browser.sign_in(&server.key).status, 303);
    let path = make_link(&server, jiff::Timestamp::now());
    assert_eq!(link(&mut Browser::new(&server), &path), 303);
}

#[test]
fn guesses_from_everywhere_do_not_turn_the_operator_away() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    });
    set_password(&server);
    for guess in 0..30 {
        let address = format!("192.0.2.{}:5000", guess / 5);
        let mut attacker = Browser::new(&server).with_header("x-forwarded-for", &address);
        assert_eq!(attacker.sign_in("a wrong password").status, 422);
    }
    let mut operator = Browser::new(&server).with_header("x-forwarded-for", "198.51.100.7");
    assert_eq!(operator.sign_in(PASSWORD).status, 303);
}

#[test]
fn a_link_signs_in_once() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    let path = make_link(&server, jiff::Timestamp::now());
    let looked_at = server.get(&path).send("");
    assert_eq!(looked_at.status, 200, "looking at it does not use it up");
    assert_eq!(link(&mut browser, &path), 303);
    assert_eq!(browser.open("/admin/costs").status, 200);
    let mut second = Browser::new(&server);
    assert_eq!(link(&mut second, &path), 422);
    assert_eq!(second.open("/admin/costs").status, 303);
}

#[test]
fn a_link_expires_after_a_quarter_of_an_hour() {
    let (server, clock) = standing_still();
    let made_at = "2026-11-23T09:00:00Z".parse().expect("a moment");
    let [early, late] = [(); 2].map(|()| make_link(&server, made_at));
    clock.advance(Millis::new(15 * 60_000 - 1));
    assert_eq!(link(&mut Browser::new(&server), &early), 303);
    clock.advance(Millis::new(1));
    assert_eq!(link(&mut Browser::new(&server), &late), 422);
}

#[test]
fn a_session_lives_on_use_and_no_longer_than_a_working_day() {
    let (server, clock) = standing_still();
    let mut browser = Browser::signed_in(&server);
    let mut rested = Browser::signed_in(&server);
    for _ in 0..51 {
        clock.advance(Millis::new(14 * 60_000));
        assert_eq!(browser.open("/admin/costs").status, 200);
    }
    assert_eq!(rested.open("/admin/costs").status, 303, "unused for a quarter of an hour");
    clock.advance(Millis::new(6 * 60_000));
    assert_eq!(browser.open("/admin/costs").status, 303, "twelve hours have passed");
}

#[test]
fn a_cookie_is_signed_anew_once_a_minute_of_use() {
    let (server, clock) = standing_still();
    let mut browser = Browser::signed_in(&server);
    assert_eq!(set_cookie(&browser.open("/admin/costs"), "tintype_session"), "");
    clock.advance(MINUTE);
    assert!(set_cookie(&browser.open("/admin/costs"), "tintype_session").contains("Max-Age=900"));
    assert_eq!(server.ledger().sessions(jiff::Timestamp::MIN).expect("sessions").len(), 1);
}

#[test]
fn a_revoked_session_is_refused_at_once() {
    let server = TestServer::start();
    let (mut here, mut there) = (Browser::signed_in(&server), Browser::signed_in(&server));
    let page = here.open("/admin/sessions");
    assert!(page.text.contains("2 sessions are open") && page.text.contains("this one"), "{}", page.text);
    let sessions = server.get("/admin/sessions").bearer(&server.key).send("").json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2));
    assert_eq!(sessions[0]["opened_with"], json!("key"));
    for session in server.ledger().sessions(jiff::Timestamp::MIN).expect("sessions") {
        assert!(page.text.contains(&session.id));
    }

    // As `tintype admin sessions revoke` does beside the server.
    let id = page
        .text
        .split("name=\"id\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("an id");
    assert!(server.ledger().end_session(id, jiff::Timestamp::now()).expect("ended"));
    let open = [here.open("/admin/costs").status, there.open("/admin/costs").status];
    assert!(open == [200, 303] || open == [303, 200], "one of them is over: {open:?}");

    let mut here = Browser::signed_in(&server);
    here.open("/admin/sessions");
    assert_eq!(here.submit("/admin/sessions/end-all", &[]).status, 303);
    assert_eq!([here.open("/admin/costs").status, there.open("/admin/costs").status], [303, 303]);
}

#[test]
fn a_revoked_key_ends_its_sessions() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    assert_eq!(browser.open("/admin/costs").status, 200);
    let public_id = server.key.split('-').nth(1).expect("a public id");
    server.ledger().revoke_key(public_id, "command line", jiff::Timestamp::now()).expect("revoked");
    assert_eq!(browser.open("/admin/costs").status, 303);
}

#[test]
fn a_form_that_was_not_made_for_this_session_is_refused() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/costs");
    let refused = browser.submit_only("/admin/sign-out", &[]);
    assert!(refused.status == 403 && refused.text.contains("Not allowed"), "{}", refused.text);
    let mut other = Browser::signed_in(&server);
    let page = other.open("/admin/costs");
    let (_, rest) = page.text.split_once("name=\"form_token\" value=\"").expect("a token");
    let theirs = rest.split('"').next().expect("a value");
    for path in ["/admin/sign-out", "/admin/sessions/end-all", "/admin/preferences"] {
        let refused = browser.submit_only(path, &[("form_token", theirs), ("back", "/")]);
        assert_eq!(refused.status, 403, "{path}");
    }
    let mut stranger = Browser::new(&server);
    let unasked = stranger.submit_only("/admin/sign-in", &[("secret", &server.key)]);
    assert_eq!(unasked.status, 403, "nobody is signed in by another site's form");
    assert_eq!(browser.open("/admin/costs").status, 200, "and nobody out");
    let script = server.post("/admin/sessions/end-all").bearer(&server.key);
    assert_eq!(script.send("").status, 303, "a key is not sent by a browser alone, so scripts need no token");
}

#[test]
fn a_forged_session_opens_nothing() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let real = browser.cookie("tintype_session").expect("a session").clone();
    for forged in [real.replace("eyJ", "eyK"), real[..real.len() - 3].to_owned(), String::new()] {
        browser.set_cookie("tintype_session", &forged);
        assert_eq!(browser.open("/admin/costs").status, 303);
    }
    let file = server.data.path().join("session.key");
    assert_eq!(std::fs::metadata(&file).expect("a secret").len(), 32);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).expect("it").permissions()) & 0o777,
        0o600
    );
}

#[test]
fn after_signing_in_one_is_where_one_wanted_to_be() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    let turned_away = browser.open("/admin/costs?month=2026-10&by=key");
    let place = turned_away.header("location").to_owned();
    let page = browser.open(&place);
    assert!(page.text.contains("value=\"/admin/costs?month=2026-10&amp;by=key\""), "{}", page.text);
    let fields = [("secret", server.key.as_str()), ("next", "/admin/costs?month=2026-10&by=key")];
    assert_eq!(
        browser.submit("/admin/sign-in", &fields).header("location"),
        "/admin/costs?month=2026-10&by=key"
    );
    let fields = [("secret", server.key.as_str()), ("next", "//evil.example/")];
    browser.open("/admin/sign-in");
    assert_eq!(browser.submit("/admin/sign-in", &fields).header("location"), "/admin/costs");
}
