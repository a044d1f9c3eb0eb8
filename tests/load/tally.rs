//! What the clients got, added up.

use std::{collections::BTreeMap, time::Duration};

/// Faults that are shown; the rest are counted.
const SHOWN_MAX: usize = 20;

/// What went wrong, from where a client stands.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No complete answer came.
    #[error("lost: {0}")]
    Lost(String),
    /// An answer came that should not have.
    #[error("wrong: {0}")]
    Wrong(String),
}

#[derive(Debug, Default)]
pub struct Tally {
    /// Complete answers, by status and code.
    answers: BTreeMap<String, u64>,
    /// Images of each answered request, by its id in the ledger. Repeats are the same request.
    pub images_by_request: BTreeMap<String, u64>,
    /// Links that were followed.
    links: u64,
    /// Requests whose client hung up.
    hung_up: u64,
    /// Requests without an answer while the server stopped, each with what its client saw.
    cut_off: Vec<String>,
    faults: Vec<Fault>,
}

impl Tally {
    pub fn note_answer(&mut self, status: u16, code: &str) {
        *self.answers.entry(format!("{status} {code}")).or_default() += 1;
    }

    /// Notes an answered request; another answer with the same images was noted before where it is a repeat.
    pub fn note_images(&mut self, request: &str, images: u64) {
        self.images_by_request.insert(request.to_owned(), images);
    }

    pub fn note_link(&mut self) {
        self.links += 1;
    }

    pub fn note_hang_up(&mut self) {
        self.hung_up += 1;
    }

    /// Notes a fault. What is lost once the server has been asked to stop may have come too late for it.
    pub fn note_fault(&mut self, fault: Fault, is_over: bool) {
        match fault {
            Fault::Lost(error) if is_over => self.cut_off.push(error),
            fault => self.faults.push(fault),
        }
    }

    pub fn plus(mut self, other: Self) -> Self {
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
        self.images_by_request.extend(other.images_by_request);
        self.links += other.links;
        self.hung_up += other.hung_up;
        self.cut_off.extend(other.cut_off);
        self.faults.extend(other.faults);
        self
    }

    /// Images that clients got, each counted once.
    pub fn images(&self) -> u64 {
        self.images_by_request.values().sum()
    }

    pub fn table(&self, duration: Duration) -> String {
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let per_second = |count: u64| format!("{:.1}", count as f64 / duration.as_secs_f64());
        let answers: u64 = self.answers.values().sum();
        let mut rows = vec![
            ("complete answers".to_owned(), answers),
            ("images got".to_owned(), self.images()),
            ("links followed".to_owned(), self.links),
        ];
        let by_status = self.answers.iter().map(|(answer, count)| (format!("- {answer}"), *count));
        rows.splice(1..1, by_status);
        let mut table = String::from("| clients | count | a second |\n| --- | ---: | ---: |\n");
        for (name, count) in rows {
            table += &format!("| {name} | {count} | {} |\n", per_second(count));
        }
        table += &format!(
            "| hung up | {} | |\n| cut off by the stop | {} | |\n",
            self.hung_up,
            self.cut_off.len()
        );
        for error in &self.cut_off {
            table += &format!("\ncut off: {error}");
        }
        table
    }

    /// Nothing was lost or wrong, and everything that was to be tried has been.
    pub fn check(&self) {
        let shown: Vec<_> = self.faults.iter().take(SHOWN_MAX).map(Fault::to_string).collect();
        assert!(shown.is_empty(), "{} faults, such as\n{}", self.faults.len(), shown.join("\n"));
        for answer in [
            "200 json",
            "200 stream",
            "400 invalid_value",
            "400 unknown_parameter",
            "401 invalid_api_key",
            "422 idempotency_key_reused",
            "429 insufficient_quota",
            "429 rate_limit_exceeded",
            "503 server_overloaded",
        ] {
            assert!(self.answers.contains_key(answer), "no {answer} came up: {:?}", self.answers);
        }
        assert!(self.links > 0 && self.hung_up > 0);
    }
}
