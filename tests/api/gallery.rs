//! /admin/gallery: kept images, found, downloaded together, and deleted.

use std::io::{Cursor, Read};

use serde_json::json;
use tintype::{domain::Scopes, ledger::KeyRules};

use crate::{browser::Browser, server::TestServer};

#[test]
fn kept_images_are_found_downloaded_together_and_deleted_while_their_cost_stays() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    assert!(browser.open("/admin/gallery").text.contains("No image is kept."));
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
