//! Batches: their way through their statuses, what came of their lines, and what is left of those that are forgotten.

use super::{
    months::{at, two_months},
    *,
};
use crate::domain::{BatchEndpoint, BatchId, BatchStatus, FileId, FilePurpose};

/// The file `number` that was created at `now`.
fn file(number: u8, purpose: FilePurpose, now: Timestamp) -> FileRow {
    FileRow {
        id: FileId::new(now, [number; 10]),
        purpose,
        filename: format!("{number}.jsonl"),
        bytes: 10,
        sha256: [number; 32],
        created_at: now,
        expires_at: None,
    }
}

fn add(ledger: &Ledger, key: KeyId, number: u8, tag: Option<&str>, now: Timestamp) -> BatchId {
    let input = file(3 * number, FilePurpose::Batch, now);
    ledger.add_upload(key, &input, u64::MAX).expect("uploaded");
    let id = BatchId::new(now, [number; 10]);
    let terms = BatchTerms {
        endpoint: BatchEndpoint::Edits,
        input: input.id,
        window_hours: 24,
        starts_at: None,
        tag: tag.map(str::to_owned),
        metadata: Some(r#"{"project":"lamps"}"#.into()),
        base_url: "http://here".into(),
        output_seconds: None,
        is_async: false,
    };
    let [output, error] = outputs(number, now).map(|file| file.id);
    let expires_at = now + SignedDuration::from_hours(24);
    ledger.add_batch(&NewBatch { id, key, terms, files: [output, error], now, expires_at }).expect("added");
    id
}

fn outputs(number: u8, now: Timestamp) -> [FileRow; 2] {
    [1, 2].map(|which| file(3 * number + which, FilePurpose::BatchOutput, now))
}

const SIZE: BatchSize = BatchSize { total: 3, images: 4, work: 500 };

impl Book {
    fn batch(&self, id: BatchId) -> BatchRow {
        self.ledger.batch(self.key, id).expect("read").expect("there")
    }

    fn unused(&self, ids: &[FileId]) -> Vec<FileId> {
        self.ledger.files_without_use(ids.to_vec(), NOON).expect("read")
    }
}

fn a_batch_goes_its_way_and_never_back() {
    let book = Book::new(None);
    let id = add(&book.ledger, book.key, 1, None, NOON);
    assert_eq!(book.batch(id).status, BatchStatus::Validating);
    let another = KeyId::new(book.key.get() + 1);
    assert_eq!(book.ledger.batch(another, id).expect("read"), None);
    book.ledger.begin_batch(id, SIZE, NOON).expect("begun");
    book.ledger.fail_batch(id, "{}", NOON).expect("nothing happens");
    let [answers, errors] = [(1, false, 10), (3, true, 7)];
    for (line, is_error, file_bytes) in [answers, errors, (2, false, 25)] {
        book.ledger
            .note_line(id, LineResult { line, request: None, is_error, file_bytes }, None)
            .expect("noted");
    }
    let twice = LineResult { line: 2, request: None, is_error: false, file_bytes: 30 };
    assert!(book.ledger.note_line(id, twice, None).is_err(), "a line is done once");
    let done = book.ledger.done_lines(id).expect("read");
    assert_eq!((done.lines.len(), done.output_bytes, done.error_bytes), (3, 25, 7));
    assert_eq!(book.ledger.open_batches().expect("read").len(), 1);
    let other = add(&book.ledger, book.key, 2, None, NOON);
    book.ledger.forget_lines(other, None).expect("it has none");
    assert_eq!(book.ledger.done_lines(id).expect("read").lines.len(), 3);
    book.ledger.cancel_batch(other, None, NOON).expect("cancelling");
    book.ledger.end_batch((other, book.key), BatchStatus::Cancelled, &[], (None, NOON)).expect("cancelled");
    let [output, error] = outputs(1, NOON);
    assert_eq!(book.unused(&[output.id, error.id]), [], "they are being written");
    assert!(book.ledger.delete_file(book.key, book.batch(id).terms.input, NOON).expect("deleted"));
    assert_eq!(book.unused(&[book.batch(id).terms.input]), [], "it is being read");

    book.ledger.finalize_batch(id, NOON).expect("finalizing");
    book.ledger.cancel_batch(id, None, NOON).expect("too late");
    book.ledger
        .end_batch((id, book.key), BatchStatus::Completed, std::slice::from_ref(&output), (None, NOON))
        .expect("ended");
    let ended = book.batch(id);
    assert_eq!((ended.status, ended.size), (BatchStatus::Completed, SIZE));
    assert_eq!(ended.counts, BatchCounts { completed: 2, failed: 1 });
    assert_eq!((ended.files.has_output, ended.files.has_errors), (true, false));
    assert_eq!(book.ledger.open_batches().expect("read"), []);
    assert_eq!(book.unused(&[output.id, error.id, ended.terms.input]), [error.id, ended.terms.input]);
    for status in ["validating", "in_progress", "cancelling", "failed"] {
        assert!(book.ledger.sql(&format!("UPDATE batches SET status = '{status}'")).is_err(), "{status}");
    }
}

fn a_batch_that_is_cancelled_or_faulty_says_so() {
    let book = Book::new(None);
    let later = NOON + SignedDuration::from_secs(1);
    let [cancelled, failed] =
        [(1, NOON), (2, later)].map(|(number, now)| add(&book.ledger, book.key, number, None, now));
    book.ledger.cancel_batch(cancelled, Some("{}"), NOON).expect("cancelling");
    book.ledger.begin_batch(cancelled, SIZE, NOON).expect("nothing happens");
    book.ledger
        .end_batch((cancelled, book.key), BatchStatus::Cancelled, &[], (None, NOON))
        .expect("cancelled");
    book.ledger.fail_batch(failed, r#"{"data":[]}"#, NOON).expect("failed");
    assert_eq!(book.batch(cancelled).status, BatchStatus::Cancelled);
    assert_eq!(book.batch(failed).errors.as_deref(), Some(r#"{"data":[]}"#));
    let page = Page { after: None, limit: 9, is_ascending: false };
    let listed: Vec<_> =
        book.ledger.batches(book.key, page).expect("listed").iter().map(|row| row.id).collect();
    assert_eq!(listed, [failed, cancelled]);
    let rest = Page { after: Some(failed), ..page };
    assert_eq!(book.ledger.batches(book.key, rest).expect("listed").len(), 1);
}

fn whoever_is_forgotten_has_no_batches_left() {
    let now = at("2026-12-02T00:00:00Z");
    let book = two_months();
    let by_tag = add(&book.ledger, book.key, 1, Some("spring"), now);
    book.ledger.begin_batch(by_tag, SIZE, now).expect("begun");
    let by_line = add(&book.ledger, book.key, 2, None, now);
    book.ledger.begin_batch(by_line, SIZE, now).expect("begun");
    let untouched = add(&book.ledger, book.key, 3, Some("autumn"), now);
    let request: String = book
        .ledger
        .store
        .read(|conn| {
            conn.query_one("SELECT id FROM requests WHERE tag = 'spring' LIMIT 1", params![], |row| {
                row.get(0)
            })
        })
        .expect("a request of that tag");
    let request = RequestId::from_digits(&request);
    let result = LineResult { line: 1, request, is_error: false, file_bytes: 9 };
    book.ledger.note_line(by_line, result, None).expect("noted");
    let forgotten = book.ledger.forget_tag("spring", now).expect("forgotten");
    assert_eq!(forgotten.files.len(), 6, "input, answers and errors of two batches");
    assert!(!book.holds("spring"));
    for id in [by_tag, by_line] {
        let batch = book.batch(id);
        assert_eq!((batch.status, batch.terms.metadata), (BatchStatus::Cancelling, None));
        assert_eq!(batch.terms.output_seconds, Some(1), "what it writes still is gone at once");
    }
    assert_eq!(book.batch(untouched).status, BatchStatus::Validating);
    let public_id = book.ledger.keys().expect("keys")[0].public_id.clone();
    let forgotten = book.ledger.forget_key(&public_id, "command line", now).expect("forgotten");
    assert!(forgotten.files.contains(&book.batch(untouched).terms.input), "{forgotten:?}");
    assert_eq!(book.batch(untouched).status, BatchStatus::Cancelling);
}

#[test]
fn a_ledger_from_before_batches_takes_one() {
    let (_directory, ledger) = ledger_from_before("CREATE TABLE batches");
    let id = add(&ledger, KeyId::new(1), 1, None, NOON);
    assert_eq!(ledger.open_batches().expect("read").iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
}

on_both!(
    a_batch_goes_its_way_and_never_back,
    a_batch_that_is_cancelled_or_faulty_says_so,
    whoever_is_forgotten_has_no_batches_left,
);
