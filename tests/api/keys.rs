//! Keys that open nothing, and keys that were given another secret.

use jiff::{SignedDuration, Timestamp};
use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    domain::{ApiKey, Scopes},
    ledger::{KeyRules, Ledger, NewKey},
};

use crate::{browser::Browser, server::TestServer};

const ACTOR: &str = "command line";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A key with both scopes that was made an hour ago, and `expires_at` some time.
fn key(ledger: &Ledger, random: &mut StdRng, expires_at: Option<Timestamp>) -> ApiKey {
    let key = ApiKey::generate(random);
    let rules = KeyRules { scopes: Scopes::ALL, expires_at, ..KeyRules::default() };
    let new = NewKey { key: &key, name: "test", rules };
    ledger.create_key(&new, ACTOR, Timestamp::now() - HOUR).expect("a key");
    key
}

#[test]
fn every_key_that_opens_nothing_gets_one_and_the_same_answer() {
    let server = TestServer::start();
    let (ledger, now) = (server.ledger(), Timestamp::now());
    let mut random = StdRng::seed_from_u64(1);
    let expired = key(&ledger, &mut random, Some(now));
    let [disabled, revoked, rotated_out] = [(); 3].map(|()| key(&ledger, &mut random, None));
    assert!(ledger.disable_key(disabled.public_id(), ACTOR, now).expect("disabled"));
    assert!(ledger.revoke_key(revoked.public_id(), ACTOR, now).expect("revoked"));
    let rotated = ApiKey::rotated(rotated_out.public_id(), &mut random);
    assert!(ledger.rotate_key(&rotated, now, ACTOR, now).expect("rotated"));
    let wrong_secret = ApiKey::rotated(rotated.public_id(), &mut random);
    let unknown = ApiKey::generate(&mut random);

    let ask = |key: &ApiKey| server.get("/v1/models").bearer(&key.reveal()).send("");
    assert_eq!(ask(&rotated).status, 200);
    let refusal = ask(&unknown);
    assert_eq!((refusal.status, &refusal.json()["error"]["code"]), (401, &"invalid_api_key".into()));
    for key in [&wrong_secret, &revoked, &disabled, &expired, &rotated_out] {
        let answer = ask(key);
        assert_eq!((answer.status, answer.text.as_str()), (401, refusal.text.as_str()), "{key:?}");
    }
    assert!(ledger.enable_key(disabled.public_id(), ACTOR, now).expect("enabled"));
    assert_eq!(ask(&disabled).status, 200);
}

/// The head of the answer to a request for the models with these lines in its head.
fn models_by(server: &TestServer, lines: &[u8]) -> String {
    use std::io::{Read, Write};
    let mut stream =
        std::net::TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
    let head =
        [b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".as_slice(), lines, b"\r\n"].concat();
    stream.write_all(&head).expect("sent");
    let mut answer = Vec::new();
    // A head that is refused while it is still being sent may end in a reset after the answer.
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).chars().take(12).collect()
}

#[test]
fn a_key_is_read_from_one_whole_authorization_header_and_from_nowhere_else() {
    let server = TestServer::start();
    let key = &server.key;
    let ask = |lines: &str| models_by(&server, lines.as_bytes());
    for good in
        [format!("Bearer {key}"), format!("bearer {key}"), format!("BEARER {key}"), format!("Bearer  {key}")]
    {
        assert_eq!(ask(&format!("Authorization: {good}\r\n")), "HTTP/1.1 200", "{good:?}");
    }
    let basic = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("x:{key}"))
    };
    for bad in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        key.clone(),
        format!("Token {key}"),
        format!("Basic {basic}"),
        format!("Bearer {key}x"),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {}", key.to_uppercase()),
        format!("Bearer x {key}"),
        format!("Bearer {key},Bearer x"),
        format!("Bearer tt-{}-{}", "a".repeat(8000), "b".repeat(8000)),
    ] {
        assert_eq!(ask(&format!("Authorization: {bad}\r\n")), "HTTP/1.1 401", "{bad:?}");
    }
    for header in ["x-api-key", "x-auth-token", "Proxy-Authorization"] {
        assert_eq!(ask(&format!("{header}: {key}\r\n")), "HTTP/1.1 401", "{header}");
    }
    assert_eq!(ask(&format!("Cookie: Authorization=Bearer {key}; key={key}\r\n")), "HTTP/1.1 401");
    assert_eq!(
        server.get(&format!("/v1/models?api_key={key}&key={key}&access_token={key}")).send("").status,
        401
    );
    // Of two headers the first counts.
    for (first, second, status) in [(key.as_str(), "bad", "200"), ("bad", key, "401")] {
        let both = format!("Authorization: Bearer {first}\r\nAuthorization: Bearer {second}\r\n");
        assert_eq!(ask(&both), format!("HTTP/1.1 {status}"), "{first}");
    }
    let not_text =
        [b"Authorization: Bearer tt-\xe7\x94-\xff\r\n".as_slice(), b"Authorization: Bearer a\0b\r\n"];
    for lines in not_text {
        assert!(["HTTP/1.1 400", "HTTP/1.1 401"].contains(&models_by(&server, lines).as_str()));
    }
    let endless = [b"Authorization: Bearer tt-".to_vec(), vec![b'a'; 1_000_000], b"\r\n".to_vec()].concat();
    assert_eq!(models_by(&server, &endless), "HTTP/1.1 431");
}

#[test]
fn the_old_secret_opens_during_the_grace_and_its_sessions_end_after_it() {
    let server = TestServer::start();
    let ledger = server.ledger();
    let mut random = StdRng::seed_from_u64(1);
    let old = key(&ledger, &mut random, None);
    let mut session = Browser::new(&server);
    let models = |key: &ApiKey| server.get("/v1/models").bearer(&key.reveal()).send("").status;
    assert_eq!(session.sign_in(old.reveal().as_str()).status, 303);

    let now = Timestamp::now();
    let new = ApiKey::rotated(old.public_id(), &mut random);
    assert!(ledger.rotate_key(&new, now + HOUR, ACTOR, now).expect("rotated"));
    assert_eq!((models(&old), models(&new), session.open("/admin/costs").status), (200, 200, 200));

    let now = Timestamp::now();
    let newer = ApiKey::rotated(old.public_id(), &mut random);
    assert!(ledger.rotate_key(&newer, now, ACTOR, now).expect("rotated"));
    assert_eq!((models(&old), models(&new), models(&newer)), (401, 401, 200));
    assert_eq!(session.open("/admin/costs").status, 303, "to sign in again");
}

#[test]
fn a_session_ends_with_the_secret_that_opened_it_however_long_the_grace_of_the_next() {
    let server = TestServer::start();
    let ledger = server.ledger();
    let mut random = StdRng::seed_from_u64(1);
    let first = key(&ledger, &mut random, None);
    let [mut of_first, mut of_second] = [(); 2].map(|()| Browser::new(&server));
    assert_eq!(of_first.sign_in(&first.reveal()).status, 303);
    let rotate = |random: &mut StdRng| {
        let (new, now) = (ApiKey::rotated(first.public_id(), random), Timestamp::now());
        assert!(ledger.rotate_key(&new, now + HOUR, ACTOR, now).expect("rotated"));
        new
    };
    let second = rotate(&mut random);
    assert_eq!(of_second.sign_in(&second.reveal()).status, 303);
    assert_eq!(of_first.open("/admin/costs").status, 200, "during the grace");
    rotate(&mut random);
    assert_eq!(of_first.open("/admin/costs").status, 303, "its secret was rotated out twice");
    assert_eq!(of_second.open("/admin/costs").status, 200);
}
