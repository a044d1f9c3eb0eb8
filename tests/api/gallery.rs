//! /admin/gallery and /gallery: kept images, found, starred, asked for again, downloaded together, and deleted.

use std::io::{Cursor, Read};

use serde_json::{Value, json};
use tintype::{
    domain::{RequestId, Scopes},
    ledger::KeyRules,
};

use crate::{
    browser::Browser,
    client::{IMAGES, eventually},
    server::TestServer,
};

/// Makes an image whose file is kept, and gives its request's id.
fn made(server: &TestServer, key: &str, body: &Value) -> String {
    let mut body = body.clone();
    body["response_format"] = json!("url");
    let made = server.post("/v1/images/generations").bearer(key).json(&body);
    assert_eq!(made.status, 200, "{}", made.text);
    made.json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned()
}

/// A request's id as answers write it.
fn parsed(id: &str) -> RequestId {
    RequestId::from_digits(id).expect("an id")
}

/// The names of the images that the gallery at `place` shows to `key`.
fn shown(server: &TestServer, key: &str, place: &str) -> Vec<String> {
    let answer = server.get(place).bearer(key).send("");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let images = answer.json()["images"].as_array().expect("images").clone();
    let name = |place: &Value| place.as_str().expect("text").rsplit('/').next().expect("a name").to_owned();
    images.iter().map(name).collect()
}

#[test]
fn kept_images_are_found_downloaded_together_and_deleted_while_their_cost_stays() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    assert!(browser.open("/admin/gallery").text.contains("No images are kept yet."));
    for (tag, seed) in [("spring", 1), ("autumn", 10)] {
        let body = json!({ "prompt": "x", "n": 2, "seed": seed, "response_format": "url" });
        let made =
            server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", tag).json(&body);
        assert_eq!(made.status, 200, "{}", made.text);
    }
    let page = browser.open("/admin/gallery").text;
    assert_eq!(page.matches("id=\"image-").count(), 4, "{page}");
    assert!(!page.contains("<script>") && !page.contains("style="), "nothing inline");
    let spring = browser.open("/admin/gallery?tag=spring").text;
    assert_eq!(spring.matches("id=\"image-").count(), 2, "{spring}");
    let by_seed = browser.open("/admin/gallery?q=10").text;
    assert!(by_seed.contains("autumn") && !by_seed.contains("spring"), "{by_seed}");
    assert!(browser.open("/admin/gallery?tag=winter").text.contains("No kept image matches."));

    let listed = server.get("/admin/gallery").bearer(&server.key).send("").json();
    let names: Vec<_> = listed["images"]
        .as_array()
        .expect("images")
        .iter()
        .map(|place| place.as_str().expect("text").rsplit('/').next().expect("a name").to_owned())
        .collect();
    browser.open("/admin/gallery");
    let file = browser.submit("/admin/gallery/zip", &[("names", &names[..3].join(","))]);
    assert_eq!((file.status, file.header("content-type")), (200, "application/zip"));
    let mut archive = zip::ZipArchive::new(Cursor::new(file.bytes)).expect("a ZIP file");
    assert_eq!(archive.len(), 3);
    let mut image = Vec::new();
    archive.by_name(&names[0]).expect("the first").read_to_end(&mut image).expect("read");
    assert!(image.starts_with(b"\x89PNG"), "as it was kept");
    for names in ["", "../ledger.sqlite3", "a,b"] {
        browser.open("/admin/gallery");
        assert!(browser.submit("/admin/gallery/zip", &[("names", names)]).status >= 400, "{names}");
    }

    let total = server.get("/admin/costs.json").bearer(&server.key).send("").json()["total"].clone();
    for _ in 0..2 {
        browser.open("/admin/gallery");
        let deleted = browser.submit(&format!("/admin/gallery/{}/delete", names[0]), &[]);
        assert_eq!(deleted.status, 303, "a second press finds it gone: {}", deleted.text);
    }
    assert_eq!(browser.open("/admin/gallery").text.matches("id=\"image-").count(), 3);
    assert_eq!(server.get("/admin/costs.json").bearer(&server.key).send("").json()["total"], total);

    let bookkeeper = server.make_key(3, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() });
    let refused = server.get("/admin/gallery").bearer(&bookkeeper.reveal()).send("");
    assert_eq!(refused.status, 403, "images are for administrators");
}

#[test]
fn prompts_are_kept_only_where_the_owner_says_so_and_then_found() {
    let silent = TestServer::start();
    made(&silent, &silent.key, &json!({ "prompt": "a red apple" }));
    let page = Browser::signed_in(&silent).open("/admin/gallery").text;
    assert!(page.contains("Prompts are not stored.") && !page.contains("filter-prompt"), "{page}");
    assert!(!page.contains("red apple"));
    let files = std::fs::read_dir(silent.data.path()).expect("a directory");
    for file in files.map(|file| file.expect("a file").path()).filter(|file| file.is_file()) {
        let bytes = std::fs::read(&file).expect("read");
        assert!(!bytes.windows(9).any(|part| part == b"red apple"), "{}", file.display());
    }

    let server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    let key = server.key.clone();
    let apple = json!({ "prompt": "A Red, shiny Apple", "seed": 5, "steps": 3, "n": 2 });
    let id = made(&server, &key, &apple);
    made(&server, &key, &json!({ "prompt": "100% 灯塔_x" }));
    for (words, images) in
        [("red+apple", 2), ("apple+red", 0), ("%E7%81%AF%E5%A1%94", 1), ("100%25", 1), ("_x", 1), ("%25", 1)]
    {
        let found = shown(&server, &key, &format!("/admin/gallery?prompt={words}"));
        assert_eq!(found.len(), images, "{words}");
    }
    let page = Browser::signed_in(&server).open("/admin/gallery?prompt=shiny").text;
    assert!(page.contains("A Red, shiny Apple") && page.contains("Re-use prompt"), "{page}");
    let asked = server.get(&format!("/admin/gallery/asked/{id}")).bearer(&key).send("").json();
    assert_eq!((&asked["prompt"], &asked["seed"]), (&json!("A Red, shiny Apple"), &json!("5")));
    assert_eq!((&asked["steps"], &asked["images"], &asked["size"]), (&json!(3), &json!(2), &json!("32x32")));
    let jobs = server.get("/admin/jobs.json?prompt=shiny").bearer(&key).send("").json();
    assert_eq!(jobs["recent"][0]["prompt"], "A Red, shiny Apple");
    let bookkeeper = server.make_key(3, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() }).reveal();
    let jobs = server.get("/admin/jobs.json?prompt=nothing").bearer(&bookkeeper).send("").json();
    assert_eq!(
        jobs["recent"].as_array().map(Vec::len),
        Some(2),
        "who may not read prompts may not guess them"
    );
    assert!(!jobs.to_string().contains("Apple"), "{jobs}");
    let too_long = server.get(&format!("/admin/gallery?prompt={}", "x".repeat(201))).bearer(&key).send("");
    assert_eq!((too_long.status, &too_long.json()["error"]["param"]), (400, &json!("prompt")));

    // The prompt goes with the last image of its request.
    for name in shown(&server, &key, "/admin/gallery?prompt=shiny") {
        let deleted = server.post(&format!("/admin/gallery/{name}/delete")).bearer(&key).send("");
        assert_eq!(deleted.status, 200, "{}", deleted.text);
    }
    assert_eq!(server.ledger().kept_of(&[parsed(&id)]).expect("read").asked.len(), 0);
}

#[test]
fn what_is_kept_beside_an_image_is_forgotten_with_its_tag_and_its_key() {
    let server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    let key = server.make_key(1, KeyRules { scopes: IMAGES, ..KeyRules::default() });
    let body = json!({ "prompt": "Alice", "response_format": "url" });
    let tagged =
        server.post("/v1/images/generations").bearer(&server.key).header("x-cost-tag", "alice").json(&body);
    let tagged = tagged.json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let of_key = made(&server, &key.reveal(), &body);
    let ids = [parsed(&tagged), parsed(&of_key)];
    let ledger = server.ledger();
    assert_eq!(ledger.kept_of(&ids).expect("read").asked.len(), 2);
    ledger.forget_tag("alice", jiff::Timestamp::now()).expect("forgotten");
    ledger.forget_key(key.public_id(), "command line", jiff::Timestamp::now()).expect("forgotten");
    assert_eq!(ledger.kept_of(&ids).expect("read").asked.len(), 0);
}

#[test]
fn a_star_marks_an_image_until_it_is_taken_away() {
    let server = TestServer::start();
    let key = server.key.clone();
    made(&server, &key, &json!({ "prompt": "x", "n": 2 }));
    let names = shown(&server, &key, "/admin/gallery");
    let star = |name: &str, on: &str| {
        let form = server.post(&format!("/admin/gallery/{name}/star"));
        form.bearer(&key).header("content-type", "application/x-www-form-urlencoded").send(format!("on={on}"))
    };
    let starred = star(&names[1], "1");
    assert_eq!((starred.status, &starred.json()["favourite"]), (200, &json!(true)), "{}", starred.text);
    assert_eq!(shown(&server, &key, "/admin/gallery?favourite=1"), names[1..], "that image alone");
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/gallery").text;
    assert_eq!(page.matches("class=\"favourite\"").count(), 1, "{page}");
    let back = browser.submit(&format!("/admin/gallery/{}/star", names[1]), &[("on", "0")]);
    assert_eq!((back.status, back.header("location")), (303, "/admin/gallery"), "no other page is gone to");
    assert_eq!(shown(&server, &key, "/admin/gallery?favourite=1"), Vec::<String>::new());
    assert_eq!(star(&names[0], "yes").status, 400);
    let gone = names[0].replace("_0.png", "_9.png");
    assert_eq!(star(&gone, "1").status, 404, "an image that is not kept has no star");
}

#[test]
fn prompts_that_were_kept_are_deleted_once_the_owner_turns_it_off() {
    let mut server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    let id = made(&server, &server.key, &json!({ "prompt": "a red apple" }));
    server.end();
    assert_eq!(server.ledger().kept_of(&[parsed(&id)]).expect("read").asked.len(), 1);
    let data = server.data.path().to_owned();
    let _again = TestServer::start_with(|config| config.data_dir = data);
    eventually("they are deleted", || {
        server.ledger().kept_of(&[parsed(&id)]).expect("read").asked.is_empty()
    });
}

#[test]
fn a_key_has_a_gallery_of_its_own_images_and_finds_no_others() {
    let server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    let rules = || KeyRules { scopes: IMAGES, ..KeyRules::default() };
    let [one, other] = [1, 2].map(|seed| server.make_key(seed, rules()).reveal());
    let id = made(&server, &one, &json!({ "prompt": "of one" }));
    let other_id = made(&server, &other, &json!({ "prompt": "of the other" }));
    let own = shown(&server, &one, "/gallery");
    let others = shown(&server, &other, "/gallery");
    assert_eq!((own.len(), others.len()), (1, 1));
    assert_eq!(shown(&server, &server.key, "/admin/gallery").len(), 2, "the operator sees all");
    assert_eq!(shown(&server, &one, "/gallery?prompt=other"), Vec::<String>::new());
    let public = |text: &str| text.split('-').nth(1).expect("a key").to_owned();
    assert_eq!(
        shown(&server, &one, &format!("/gallery?key={}", public(&other))),
        own,
        "whatever it asks for"
    );

    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in(&one).header("location"), "/gallery");
    let page = browser.open("/gallery").text;
    assert!(page.contains(&own[0]) && !page.contains(&others[0]) && page.contains("of one"), "{page}");
    assert!(!page.contains("/admin/jobs/") && !page.contains("/admin/receipts/"), "{page}");
    for path in ["", "/small"] {
        assert_eq!(browser.open(&format!("/gallery/pictures/{}{path}", own[0])).status, 200);
        assert_eq!(browser.open(&format!("/gallery/pictures/{}{path}", others[0])).status, 404);
        assert_eq!(browser.open(&format!("/admin/pictures/{}{path}", own[0])).status, 403);
    }
    assert_eq!(browser.open(&format!("/gallery/asked/{id}")).status, 200);
    assert_eq!(browser.open(&format!("/gallery/asked/{other_id}")).status, 404);
    browser.open("/gallery");
    for (act, fields) in [("star", vec![("on", "1")]), ("delete", Vec::new())] {
        assert_eq!(browser.submit(&format!("/gallery/{}/{act}", others[0]), &fields).status, 404, "{act}");
        browser.open("/gallery");
    }
    let both = format!("{},{}", own[0], others[0]);
    assert_eq!(browser.submit("/gallery/zip", &[("names", &both)]).status, 404, "none of them");
    browser.open("/gallery");
    assert_eq!(
        browser.submit("/gallery/zip", &[("names", &own[0])]).header("content-type"),
        "application/zip"
    );
    browser.open("/gallery");
    let starred = browser.submit(&format!("/gallery/{}/star", own[0]), &[("on", "1")]);
    assert_eq!((starred.status, starred.header("location")), (303, "/gallery"));
    browser.open("/gallery");
    assert_eq!(browser.submit(&format!("/gallery/{}/delete", own[0]), &[]).status, 303);
    assert_eq!(shown(&server, &one, "/gallery"), Vec::<String>::new());
    assert_eq!(shown(&server, &other, "/gallery"), others, "the other's is still there");
    let stranger = server.get("/gallery").header("accept", "text/html").send("");
    assert_eq!((stranger.status, stranger.header("location")), (303, "/admin/sign-in?next=/gallery"));
    let costs = server.make_key(3, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() }).reveal();
    assert_eq!(server.get("/gallery").bearer(&costs).send("").status, 403, "it makes no images");
}

#[test]
fn images_are_kept_where_the_request_says_so_however_they_are_handed_over() {
    let server = TestServer::start();
    let plain = server.generate(&json!({ "prompt": "x" }));
    let inline = server.generate(&json!({ "prompt": "x", "keep": true }));
    let stream = server.generate(&json!({ "prompt": "x", "keep": true, "stream": true }));
    assert_eq!((plain.status, inline.status, stream.status), (200, 200, 200));
    assert!(inline.json()["data"][0]["b64_json"].is_string(), "{}", inline.text);
    eventually("both are booked", || shown(&server, &server.key, "/admin/gallery").len() == 2);
    let refused = server.generate(&json!({ "prompt": "x", "keep": "for ever" }));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("keep")));
}
