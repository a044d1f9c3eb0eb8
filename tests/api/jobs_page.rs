//! /admin/jobs: what waits, what is generated, what has ended, and a job that is cancelled.

use serde_json::{Value, json};
use tintype::{domain::Scopes, ledger::KeyRules};

use crate::{
    browser::Browser,
    client::{IMAGES, Response, eventually},
    server::TestServer,
};

fn slow() -> Value {
    json!({ "prompt": "a quiet lighthouse", "size": "128x128", "steps": 100 })
}

fn jobs(server: &TestServer) -> Value {
    server.get("/admin/jobs.json").bearer(&server.key).send("").json()
}

/// The id of the open job that is in `state`, once there is one.
fn in_state(server: &TestServer, state: &str) -> String {
    let mut id = None;
    eventually(state, || {
        let report = jobs(server);
        let found = report["open"].as_array().expect("jobs").iter().find(|job| job["state"] == state);
        id = found.map(|job| job["id"].as_str().expect("an id").to_owned());
        id.is_some()
    });
    id.expect("an id")
}

fn was_cancelled(answer: &Response) -> bool {
    let error = &answer.json()["error"];
    let is_final = answer.header("x-should-retry") == "false";
    answer.status == 503 && error["code"] == "request_cancelled" && is_final
}

#[test]
fn jobs_are_listed_and_cancelled_where_they_wait_and_where_they_are_generated() {
    let server = TestServer::start();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| server.generate(&slow()));
        let generating = in_state(&server, "painting");
        let second = scope.spawn(|| server.generate(&slow()));
        let waiting = in_state(&server, "waiting");
        let report = jobs(&server);
        let open = report["open"].as_array().expect("jobs");
        assert_eq!(open[0]["id"], generating.as_str(), "the running job comes first");
        assert_eq!((&open[0]["steps_all"], &open[0]["preview"]), (&json!(100), &Value::Null));
        assert_eq!((&open[1]["position"], &open[1]["key_name"]), (&json!(1), &json!("first key")));
        assert!(!report.to_string().contains("lighthouse"), "prompts are shown only where they are logged");

        let mut browser = Browser::signed_in(&server);
        let page = browser.open("/admin/jobs");
        assert!(
            page.text.contains(&format!("job-{waiting}")) && page.text.contains("number 1"),
            "{}",
            page.text
        );
        assert!(!page.text.contains("lighthouse"));
        let cancel = format!("/admin/jobs/{waiting}/cancel");
        assert_eq!(browser.submit_only(&cancel, &[]).status, 403, "no form of ours");
        assert_eq!(browser.submit(&cancel, &[]).status, 303);
        let second = second.join().expect("an answer");
        assert!(was_cancelled(&second), "{}", second.text);

        let cancel = format!("/admin/jobs/{generating}/cancel");
        assert_eq!(server.post(&cancel).send("").status, 401);
        let answer = server.post(&cancel).bearer(&server.key).send("");
        assert_eq!((answer.status, &answer.json()["cancelled"]), (200, &json!(true)), "{}", answer.text);
        let first = first.join().expect("an answer");
        assert!(was_cancelled(&first), "{}", first.text);

        eventually("none is open", || jobs(&server)["open"] == json!([]));
        assert_eq!(server.post(&cancel).bearer(&server.key).send("").status, 404);
        let report = jobs(&server);
        let [later, earlier] = [0, 1].map(|place| &report["recent"][place]);
        assert_eq!((&later["id"], &later["state"]), (&json!(waiting), &json!("failed")));
        assert_eq!(later["failure"], "cancelled_by_operator");
        assert_eq!(later.get("size"), None, "the device never began with it");
        assert_eq!((&earlier["id"], &earlier["size"]), (&json!(generating), &json!("128x128")));
        assert!(earlier["cost"].as_f64() > Some(0.0), "what it took is booked: {earlier}");
    });
    assert_eq!(server.totals().images, 0);
}

#[test]
fn a_look_on_the_way_is_there_where_a_client_had_it_made() {
    let server = TestServer::start();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let stream = json!({ "prompt": "x", "size": "128x128", "steps": 100, "stream": true, "partial_images": 3 });
            server.generate(&stream)
        });
        let mut look = String::new();
        eventually("a look", || {
            look = jobs(&server)["open"][0]["preview"].as_str().unwrap_or_default().to_owned();
            !look.is_empty()
        });
        assert_eq!(server.get(&look).send("").status, 401);
        let shown = server.get(&look).bearer(&server.key).send("");
        assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
        let image = image::load_from_memory(&shown.bytes).expect("an image");
        assert_eq!((image.width(), image.height()), (128, 128));
        client.join().expect("an answer");
        eventually("it is gone with its job", || {
            server.get(&look).bearer(&server.key).send("").status == 404
        });
    });
}

#[test]
fn a_kept_image_is_shown_to_operators_and_to_nobody_else() {
    let server = TestServer::start();
    let link = server.generate(&json!({ "prompt": "x", "response_format": "url" })).json();
    let link = link["data"][0]["url"].as_str().expect("a link").replace(&server.url, "");
    server.generate(&json!({ "prompt": "x" }));
    let report = jobs(&server);
    assert_eq!(report["recent"][0]["pictures"], json!([]), "not kept");
    let kept = report["recent"][1]["pictures"][0].as_str().expect("an image").to_owned();
    let image_key = server.make_key(1, KeyRules { scopes: IMAGES, ..KeyRules::default() }).reveal();
    assert_eq!(server.get(&kept).send("").status, 401);
    assert_eq!(server.get(&kept).bearer(&image_key).send("").status, 403);
    let shown = server.get(&kept).bearer(&server.key).send("");
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
    assert_eq!(shown.bytes, server.get(&link).send("").bytes);
    let small = format!("{kept}/small");
    assert_eq!(server.get(&small).send("").status, 401);
    assert!(Browser::signed_in(&server).open("/admin/jobs").text.contains(&format!("src=\"{small}\"")));
    let shown = server.get(&small).bearer(&server.key).send("");
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
    assert!(shown.header("cache-control").contains("no-store"), "{:?}", shown.headers);
    let gone = small.replace("_0.png", "_1.png");
    assert_eq!(server.get(&gone).bearer(&server.key).send("").status, 404);
}

#[test]
fn ended_jobs_are_found_by_what_came_of_them_their_key_tag_day_seed_and_id() {
    let server = TestServer::start_with(|config| config.user_is_tag = true);
    let body = json!({ "prompt": "x", "size": "16x16", "seed": 77, "user": "spring" });
    let id =
        server.generate(&body).json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    server.generate(&json!({ "prompt": "x", "size": "16x16", "seed": 78 }));
    let found = |query: &str| {
        let answer = server.get(&format!("/admin/jobs.json?{query}")).bearer(&server.key).send("");
        assert_eq!(answer.status, 200, "{}", answer.text);
        let ids: Vec<_> =
            answer.json()["recent"].as_array().expect("jobs").iter().map(|job| job["id"].clone()).collect();
        ids
    };
    let (all, key) = (found(""), jobs(&server)["recent"][0]["key"].as_str().expect("a key").to_owned());
    assert_eq!((all.len(), &all[1]), (2, &json!(id)));
    for query in ["q=77", "tag=spring", &format!("q={id}"), &format!("q=req_{}", id.replace('-', ""))] {
        assert_eq!(found(query), [json!(id)], "{query}");
    }
    let key = format!("key={key}");
    for query in ["state=delivered", &key] {
        assert_eq!(found(query), all, "{query}");
    }
    for query in ["state=failed", "state=cancelled", "q=1", "tag=autumn", "key=none", "day=2001-01-01"] {
        assert_eq!(found(query), Vec::<Value>::new(), "{query}");
    }
    let refused = server.get("/admin/jobs.json?state=lost").bearer(&server.key).send("");
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("state")));
    let page = Browser::signed_in(&server).open("/admin/jobs?tag=autumn").text;
    assert!(page.contains("No ended job matches.") && page.contains("value=\"autumn\""), "{page}");
}

#[test]
fn older_requests_are_a_page_further_on() {
    let server = TestServer::start();
    for _ in 0..26 {
        assert_eq!(server.generate(&json!({ "prompt": "x", "size": "16x16" })).status, 200);
    }
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/jobs").text;
    assert_eq!(page.matches("class=\"state\"").count(), 25, "{page}");
    let (_, link) = page.split_once("href=\"/admin/jobs?before=").expect("a link to older ones");
    let oldest = link.split('"').next().expect("an id");
    let page = browser.open(&format!("/admin/jobs?before={oldest}")).text;
    assert_eq!(page.matches("class=\"state\"").count(), 1, "{page}");
    assert!(!page.contains("rel=\"next\"") && page.contains("Newest"), "{page}");
    let newest = jobs(&server)["recent"][0]["id"].as_str().expect("an id").to_owned();
    let older = server.get(&format!("/admin/jobs.json?before={newest}")).bearer(&server.key).send("").json();
    assert_eq!(older["recent"].as_array().map(Vec::len), Some(25), "scripts get more at once");
    assert_ne!(older["recent"][0]["id"], newest.as_str());
    assert_eq!(server.get("/admin/jobs?before=x").bearer(&server.key).send("").status, 400);
}

#[test]
fn a_job_has_a_page_with_what_was_asked_and_when_what_happened() {
    let server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    let body = json!({ "prompt": "a quiet lighthouse", "seed": 77, "n": 2, "response_format": "url" });
    let id =
        server.generate(&body).json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let one = format!("/admin/jobs/{id}");
    let ask = |key: &str| server.get(&one).bearer(key).send("");
    eventually("it is handed over", || ask(&server.key).json()["answered_at"].is_string());
    let job = ask(&server.key).json();
    assert_eq!((&job["prompt"], &job["seed"]), (&json!("a quiet lighthouse"), &json!(77)));
    let at = |name: &str| job[name].as_str().expect(name).parse::<jiff::Timestamp>().expect("a time");
    assert!(at("came_at") <= at("started_at") && at("started_at") <= at("ended_at"), "{job}");
    let mut browser = Browser::signed_in(&server);
    let page = browser.open(&one).text;
    for part in [
        "a quiet lighthouse",
        "77",
        "Image 1",
        "Image 2",
        "Started on the device",
        "take=all",
        "/admin/receipts/",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let list = browser.open("/admin/jobs").text;
    assert!(list.contains(&format!("href=\"{one}\"")), "{list}");

    let bookkeeper = server.make_key(3, KeyRules { scopes: Scopes::COSTS, ..KeyRules::default() }).reveal();
    let seen = ask(&bookkeeper);
    assert_eq!((seen.status, &seen.json()["pictures"]), (200, &json!([])));
    assert!(!seen.text.contains("lighthouse"), "{}", seen.text);
    for unknown in ["0".repeat(32), "x".into()] {
        assert_eq!(server.get(&format!("/admin/jobs/{unknown}")).bearer(&server.key).send("").status, 404);
    }
}
