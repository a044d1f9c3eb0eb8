//! /docs: the API's description as a page.

use crate::{browser::Browser, server::TestServer};

#[test]
fn the_reference_is_open_to_everybody_and_linked_from_the_first_page() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    assert!(browser.open("/").text.contains("href=\"/docs\""));
    let page = browser.open("/docs");
    assert_eq!(page.status, 200);
    for said in [
        "/v1/images/generations",
        "id=\"schema-CreateImageRequest\"",
        "curl -X POST http://",
        "API reference",
    ] {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    assert!(!page.text.contains("<script>") && !page.text.contains("style="), "nothing inline");
    browser.set_cookie("tintype_language", "zh-CN");
    assert!(browser.open("/docs").text.contains("接口文档"));
}
