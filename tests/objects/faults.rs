//! A bucket that cannot be used says so, in one line with the remedy.

use tintype::image_store::{BucketFault, StoreError};

use crate::{Place, SERVER, s3::S3, store_at};

/// What opening `url` fails on, in one line that names it.
fn refusal(url: &str, server: &S3) -> String {
    let error = store_at(url, server).expect_err("no such store").to_string();
    assert!(error.contains("s3://") && !error.contains('\n') && error.len() < 400, "{error}");
    error
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let Some(server) = SERVER.as_ref() else { return };
    let error = refusal("s3://nowhere", server);
    assert!(error.contains("s3://nowhere does not exist") && error.contains("--images"), "{error}");
}

#[test]
fn credentials_that_are_refused_are_not_shown() {
    let Some(server) = S3::start() else { return };
    server.make_bucket("images");
    store_at("s3://images", &server).expect("nobody asks for credentials");
    server.ask_for_credentials();
    let error = refusal("s3://images", &server);
    assert!(error.contains("refuses the credentials") && error.contains("AWS_ACCESS_KEY_ID"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn nothing_is_shown_of_a_bucket_but_its_name() {
    let Some(Place { store, .. }) = Place::bucket() else { return };
    let shown = format!("{store:?}");
    assert!(shown.contains("studio") && !shown.contains("nobody's secret"), "{shown}");
}

#[test]
fn a_server_that_dies_is_noticed_and_so_is_its_return() {
    let Some(mut server) = S3::start() else { return };
    server.make_bucket("images");
    let store = store_at("s3://images/x", &server).expect("a store");
    let objects = store.objects();
    objects.put("a", b"kept").expect("kept");
    store.check_room().expect("room");
    server.kill();
    for failed in [
        objects.put("b", b"lost").map(|()| None),
        objects.get("a"),
        objects.list("").map(|_| None),
        objects.remove("a").map(|_| None),
        store.look().map(|()| None),
        // It is asked again, since the last answer was an error.
        store.check_room().map(|()| None),
    ] {
        let error = failed.expect_err("nobody answers");
        assert!(matches!(error, StoreError::Bucket { fault: BucketFault::Away(_), .. }), "{error:?}");
        assert!(error.to_string().contains("s3://images does not answer"), "{error}");
    }
    let error = refusal("s3://images", &server);
    assert!(error.contains("AWS_ENDPOINT_URL"), "{error}");
    server.start_again();
    let error = store.check_room().expect_err("it has lost everything").to_string();
    assert!(error.contains("does not exist"), "{error}");
    server.make_bucket("images");
    store.check_room().expect("it answers again");
    store.try_out().expect("it takes objects");
    objects.put("b", b"kept").expect("kept");
    assert_eq!(objects.list("").expect("listed").len(), 1);
}
