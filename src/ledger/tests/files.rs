//! Files of keys: who sees them, how many bytes there may be, and what is left of them.

use super::*;
use crate::domain::{FileId, FilePurpose};

fn hour(hours: i64) -> Timestamp {
    NOON + SignedDuration::from_hours(hours)
}

/// An upload of so many bytes that is there from hour `created` up to hour `expires`.
fn upload(number: u8, bytes: u64, created: i64, expires: Option<i64>) -> FileRow {
    FileRow {
        id: FileId::new(hour(created), [number; 10]),
        purpose: FilePurpose::Batch,
        filename: format!("{number}.jsonl"),
        bytes,
        sha256: [number; 32],
        created_at: hour(created),
        expires_at: expires.map(hour),
    }
}

fn page(after: Option<FileId>, limit: u32, is_ascending: bool) -> Page<FileId> {
    Page { after, limit, is_ascending }
}

impl Book {
    fn names(&self, page: Page<FileId>, now: Timestamp) -> Vec<String> {
        let files = self.ledger.files(self.key, None, page, now).expect("files");
        files.into_iter().map(|file| file.filename).collect()
    }
}

fn a_file_is_its_keys_alone_and_read_back_as_it_was_added() {
    let book = Book::new(None);
    let file = upload(1, 100, 0, Some(5));
    book.ledger.add_upload(book.key, &file, 100).expect("added");
    assert_eq!(book.ledger.file(book.key, file.id, NOON).expect("read"), Some(file.clone()));
    let another = KeyId::new(book.key.get() + 1);
    assert_eq!(book.ledger.file(another, file.id, NOON).expect("read"), None);
    assert!(!book.ledger.delete_file(another, file.id, NOON).expect("no error"));
    assert_eq!(book.ledger.file(book.key, file.id, hour(5)).expect("read"), None, "it has expired");
    assert!(book.ledger.delete_file(book.key, file.id, NOON).expect("deleted"));
    assert!(!book.ledger.delete_file(book.key, file.id, NOON).expect("no error"), "it is deleted");
    assert_eq!(book.ledger.file(book.key, file.id, NOON).expect("read"), None);
}

fn files_are_listed_page_by_page_in_either_order() {
    let book = Book::new(None);
    for number in 1..=5 {
        let file = upload(number, 1, number.into(), (number == 3).then_some(10));
        book.ledger.add_upload(book.key, &file, u64::MAX).expect("added");
    }
    assert_eq!(
        book.names(page(None, 9, true), hour(9)),
        ["1.jsonl", "2.jsonl", "3.jsonl", "4.jsonl", "5.jsonl"]
    );
    assert_eq!(book.names(page(None, 9, true), hour(10)), ["1.jsonl", "2.jsonl", "4.jsonl", "5.jsonl"]);
    let fourth = upload(4, 1, 4, None).id;
    assert_eq!(book.names(page(Some(fourth), 2, false), hour(9)), ["3.jsonl", "2.jsonl"]);
    assert_eq!(book.names(page(Some(fourth), 2, true), hour(9)), ["5.jsonl"]);
    let outputs = book.ledger.files(book.key, Some(FilePurpose::BatchOutput), page(None, 9, true), hour(9));
    assert_eq!(outputs.expect("files"), []);
}

fn what_a_key_uploads_has_a_limit_that_deleted_and_expired_files_give_back() {
    let book = Book::new(None);
    let add = |number, created| {
        book.ledger.add_upload(book.key, &upload(number, 40, created, Some(created + 5)), 100)
    };
    add(1, 0).expect("added");
    add(2, 1).expect("added");
    assert!(matches!(add(3, 2), Err(AddFileError::OverQuota { bytes: 120, max: 100 })));
    assert!(matches!(
        book.ledger.check_upload(book.key, 21, 100, hour(2)),
        Err(AddFileError::OverQuota { .. })
    ));
    book.ledger.check_upload(book.key, 20, 100, hour(2)).expect("it may");
    add(4, 5).expect("the first has expired");
    assert!(book.ledger.delete_file(book.key, upload(2, 40, 1, None).id, hour(5)).expect("deleted"));
    add(5, 5).expect("the second is deleted");
    let ids: Vec<_> =
        [(1, 0), (2, 1), (4, 5), (5, 5), (9, 9)].map(|(n, at)| upload(n, 40, at, None).id).into();
    let without = book.ledger.files_without_use(ids.clone(), hour(6)).expect("read");
    assert_eq!(without, [ids[0], ids[1], ids[4]], "expired, deleted, and one without a row");
}

fn a_forgotten_keys_files_are_deleted_and_so_are_their_names() {
    let book = Book::new(None);
    let file = FileRow { filename: "Alice Example.jsonl".into(), ..upload(1, 1, 0, None) };
    book.ledger.add_upload(book.key, &file, 1).expect("added");
    let public_id = book.ledger.keys().expect("keys")[0].public_id.clone();
    let forgotten = book.ledger.forget_key(&public_id, "command line", NOON).expect("forgotten");
    assert_eq!(forgotten.files, [file.id]);
    assert!(!book.holds("Alice Example"));
    assert_eq!(book.ledger.file(book.key, file.id, NOON).expect("read"), None);
}

#[test]
fn a_ledger_from_before_files_takes_some() {
    let (_directory, ledger) = ledger_from_before("CREATE TABLE files");
    let row = upload(1, 1, 0, None);
    ledger.add_upload(KeyId::new(1), &row, 1).expect("added");
    assert_eq!(ledger.file(KeyId::new(1), row.id, NOON).expect("read"), Some(row));
}

on_both!(
    a_file_is_its_keys_alone_and_read_back_as_it_was_added,
    files_are_listed_page_by_page_in_either_order,
    what_a_key_uploads_has_a_limit_that_deleted_and_expired_files_give_back,
    a_forgotten_keys_files_are_deleted_and_so_are_their_names,
);
