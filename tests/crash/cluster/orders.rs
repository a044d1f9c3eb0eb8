//! Clients that keep the names of their orders, and send each again until it is answered.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tintype::units::Money;

use super::nodes::{Cluster, Node};
use crate::image_client::{Answered, ImageClient, Refusal};

/// Orders, and what they were answered.
#[derive(Default)]
pub struct Orders {
    made: AtomicUsize,
    answers: Mutex<BTreeMap<String, (String, Vec<Money>)>>,
    is_over: AtomicBool,
}

impl Orders {
    pub fn answered(&self) -> usize {
        self.answers.lock().expect("no panic").len()
    }

    /// Nothing more is ordered.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Orders one after the other, each at one gateway after the other until it is answered.
    pub fn order_on(&self, cluster: &Cluster, gateways: &RwLock<Vec<Node>>) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let order = format!("order-{number}");
            let images = 1 + u32::try_from(number % 3).expect("small");
            let mut turn = number;
            let answer = loop {
                let client = {
                    let gateways = gateways.read().expect("no panic");
                    cluster.client(&gateways[turn % gateways.len()])
                };
                turn += 1;
                match client.generate(Some(&order), images) {
                    Ok(answer) => break answer,
                    Err(refusal) => may_be_retried(&refusal),
                }
            };
            assert_eq!(answer.1.len(), images as usize, "an answer is whole");
            self.note(&order, &answer);
        }
    }

    pub fn note(&self, order: &str, answer: &(String, Vec<Money>)) {
        let before = self.answers.lock().expect("no panic").insert(order.to_owned(), answer.clone());
        assert!(before.is_none_or(|before| before == *answer), "{order} is answered alike each time");
    }

    /// What each request was answered with.
    pub fn answers(&self) -> Answered {
        let answers = self.answers.lock().expect("no panic");
        let by_request: Answered = answers.values().cloned().collect();
        assert_eq!(by_request.len(), answers.len(), "no two orders are one request");
        by_request
    }
}

/// A client's pause before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// What a client may meet while nodes die: a broken connection, or an answer that says to come again.
pub fn may_be_retried(refusal: &Refusal) {
    assert!(matches!(refusal.status, 0 | 503), "{refusal:?}");
    thread::sleep(PAUSE);
}

/// Sends `order` until it is answered.
pub fn until_answered(client: &ImageClient, order: &str, images: u32) -> (String, Vec<Money>) {
    loop {
        match client.generate(Some(order), images) {
            Ok(answer) => return answer,
            Err(refusal) => may_be_retried(&refusal),
        }
    }
}
