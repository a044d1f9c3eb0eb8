use super::*;
use crate::domain::WeightHashes;

fn computation(transformer: &str) -> Computation {
    Computation {
        weights: WeightHashes { transformer: Some(transformer.into()), text_encoder: None, vae: None },
        rng: "MT19937".into(),
        schedule: "shift 3".into(),
        precision: "f32".into(),
        device: "cpu".into(),
    }
}

#[test]
fn a_request_from_before_is_kept_and_what_decided_its_pixels_is_unknown() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let id = testing::make_earlier_request(&file, testing::steps_before("CREATE TABLE computations"));
    let ledger = Ledger::open(&file).expect("brought up to date");
    let stored = ledger.stored_request(id, KeyId::new(1)).expect("no error").expect("the request");
    assert_eq!((stored.computation, stored.images.len()), (None, 1));
    let settled = ledger.settled(id).expect("no error").expect("the request");
    assert_eq!((settled.computation, settled.images.len()), (None, 1));
    assert_eq!(ledger.computation(id).expect("no error"), (None, Vec::new()));
}

fn one_row_holds_what_requests_have_in_common_and_none_is_changed() {
    let mut book = Book::new(None);
    let ids = ["a", "b", "a"].map(|transformer| {
        let computation = computation(transformer);
        let id = book.settled(None, Some(&computation));
        assert_eq!(
            book.ledger.settled(id).expect("read").expect("there").computation.as_ref(),
            Some(&computation)
        );
        let stored = book.ledger.stored_request(id, book.key).expect("read").expect("there");
        assert_eq!(stored.computation.as_ref(), Some(&computation));
        assert_eq!(book.ledger.computation(id).expect("read"), (Some(computation), Vec::new()));
        id
    });
    // Of three requests there are two rows.
    let third = "INSERT INTO computations (id, sha256, computation) VALUES (3, zeroblob(32), '{}')";
    assert_eq!(book.sql(third).expect("3 is free"), 1);
    let first = ids[0].to_text();
    for sql in [
        "UPDATE computations SET computation = '{}'".to_owned(),
        "DELETE FROM computations".to_owned(),
        format!("UPDATE requests SET computation = 2 WHERE id = '{first}'"),
        "INSERT INTO computations (sha256, computation) SELECT sha256, computation FROM computations"
            .to_owned(),
    ] {
        assert_refused(&book.ledger, &sql);
    }
}

on_both!(one_row_holds_what_requests_have_in_common_and_none_is_changed);
