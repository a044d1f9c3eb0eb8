//! A server whose images are in a bucket: its links, and what becomes of it while the bucket is away.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::Response;

use crate::{
    program::{Program, tintype},
    relay::Relay,
    s3::S3,
    tiny_models,
};

/// `tintype serve` with its images in a bucket of `server`.
fn serve(server: &S3, data: &TempDir, images: &str) -> Command {
    let mut command = tintype();
    command.args(["serve", "--listen", "127.0.0.1:0", "--images", images, "--data-dir"]).arg(data.path());
    command.arg("--model").arg(tiny_models::directory("base"));
    command.envs([("TINTYPE_MODEL__DEFAULT_SIZE", "32x32"), ("TINTYPE_MODEL__STEPS__MEDIUM", "2")]);
    command.envs(server.variables());
    command
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into()
}

fn get(url: &str) -> Response<ureq::Body> {
    agent().get(url).call().expect("an answer")
}

/// The answer to an order of one image as a link.
fn order(program: &Program) -> Response<ureq::Body> {
    order_as(program, "url")
}

fn order_as(program: &Program, format: &str) -> Response<ureq::Body> {
    let body = json!({ "prompt": "x", "response_format": format });
    agent()
        .post(format!("{}/v1/images/generations", program.url))
        .header("authorization", format!("Bearer {}", program.key.as_ref().expect("a key")))
        .header("content-type", "application/json")
        .send(body.to_string())
        .expect("an answer")
}

fn link(mut answer: Response<ureq::Body>) -> String {
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.body_mut().read_json().expect("JSON");
    answer["data"][0]["url"].as_str().expect("a link").to_owned()
}

fn header<'a>(answer: &'a Response<ureq::Body>, name: &str) -> &'a str {
    answer.headers().get(name).expect("a header").to_str().expect("a text")
}

#[test]
fn links_lead_here_or_to_the_bucket() {
    let Some(server) = S3::start() else { return };
    server.make_bucket("images");
    let data = TempDir::new().expect("a directory");
    for (kind, leads_to_bucket) in [("proxied", false), ("presigned", true)] {
        let mut command = serve(&server, &data, "s3://images/studio");
        let mut program = Program::spawn(command.env("TINTYPE_PICTURES__LINKS", kind));
        let key = program.key.get_or_insert_with(|| {
            let mut command = tintype();
            let made = command.args(["key", "create", "second", "--data-dir"]).arg(data.path()).output();
            let said = String::from_utf8(made.expect("tintype").stdout).expect("UTF-8");
            said.lines().next().expect("a key").trim().to_owned()
        });
        assert!(key.starts_with("tt-"), "{key}");
        let link = link(order(&program));
        assert_eq!(link.starts_with(&server.url()), leads_to_bucket, "{link}");
        assert_eq!(link.contains("X-Amz-Expires=3600"), leads_to_bucket, "{link}");
        assert!(!link.contains("nobody"), "{link}");
        let mut image = get(&link);
        assert_eq!((image.status().as_u16(), header(&image, "content-type")), (200, "image/png"));
        assert!(image.body_mut().read_to_vec().expect("read").starts_with(b"\x89PNG"));
    }
}

#[test]
fn while_the_bucket_is_away_the_server_says_so_and_then_goes_on() {
    let Some(mut server) = S3::start() else { return };
    server.make_bucket("images");
    let data = TempDir::new().expect("a directory");
    let program = Program::spawn(&mut serve(&server, &data, "s3://images"));
    let first = link(order(&program));
    let ready = format!("{}/readyz", program.url);
    assert_eq!([get(&first), get(&ready)].map(|answer| answer.status().as_u16()), [200, 200]);
    server.kill();
    for mut refused in [get(&first), get(&ready), order(&program)] {
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        let refused: Value = refused.body_mut().read_json().expect("JSON");
        assert_eq!(refused["error"]["code"], "not_ready");
    }
    server.start_again();
    server.make_bucket("images");
    assert_eq!(get(&ready).status(), 200);
    assert_eq!(get(&first).status(), 404, "what the bucket lost is gone");
    assert_eq!(get(&link(order(&program))).status(), 200);
}

#[test]
fn while_the_bucket_is_full_the_server_says_so_and_loses_nothing() {
    let Some(server) = S3::start() else { return };
    server.make_bucket("images");
    let relay = Relay::to(server.url().trim_start_matches("http://"));
    let data = TempDir::new().expect("a directory");
    let mut command = serve(&server, &data, "s3://images");
    let program = Program::spawn(command.env("AWS_ENDPOINT_URL", format!("http://{}", relay.address)));
    let first = link(order(&program));
    relay.set_full(true);
    let mut refused = order(&program);
    assert_eq!(refused.status(), 507);
    let refused: Value = refused.body_mut().read_json().expect("JSON");
    assert_eq!(refused["error"]["code"], "insufficient_storage");
    let said = refused["error"]["message"].as_str().expect("a text");
    assert!(said.contains("disk is full") && said.contains("b64_json"), "{said}");
    // What needs no room goes on, and what was kept is there.
    assert_eq!(
        [order_as(&program, "b64_json"), get(&first)].map(|answer| answer.status().as_u16()),
        [200, 200]
    );
    relay.set_full(false);
    assert_eq!(get(&link(order(&program))).status(), 200);
}

#[test]
fn a_server_does_not_start_with_a_bucket_that_it_cannot_use() {
    let Some(server) = S3::start() else { return };
    let data = TempDir::new().expect("a directory");
    let fails = |command: &mut Command, expected: &str| {
        let output = command.output().expect("tintype");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        let line = said.lines().find(|line| line.starts_with("tintype: ")).expect("a line");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(line.contains(expected), "{line}");
    };
    fails(&mut serve(&server, &data, "s3://nowhere"), "s3://nowhere does not exist");
    fails(&mut serve(&server, &data, "gs://bucket"), "s3://BUCKET/PREFIX");
    let here = data.path().join("here").display().to_string();
    fails(serve(&server, &data, &here).env("TINTYPE_PICTURES__LINKS", "presigned"), "pictures.links");
    server.make_bucket("images");
    fails(serve(&server, &data, "s3://images").env_remove("AWS_ALLOW_HTTP"), "s3://images");
}
