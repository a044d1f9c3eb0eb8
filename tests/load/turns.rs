//! What a client does, turn by turn.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    Stage,
    client::{Answer, Client, HangUp, Refusal},
    gallery::Work,
    tally::{Fault, Tally},
};

/// The longest wait that a client honours, so that the test goes on.
const RETRY_AFTER_MAX_SECS: u64 = 1;

#[derive(Debug, Clone, Copy)]
enum Turn {
    /// Images in the answer.
    Plain,
    /// Links, which are followed.
    Links,
    /// Events, with a look at the image on its way.
    Stream,
    /// An idempotency key that is used twice, and once with another body.
    Repeat,
    /// An idempotency key that other clients use in the same second.
    Shared,
    /// Hangs up, comes back with the same idempotency key.
    Return,
    /// A key with a limit.
    Limited,
    /// What must be refused.
    Refused,
    /// Hangs up for good.
    HangUp,
}

/// Every client goes round; each begins elsewhere.
const ROUND: [Turn; 20] = [
    Turn::Plain,
    Turn::Links,
    Turn::Stream,
    Turn::Refused,
    Turn::Plain,
    Turn::Shared,
    Turn::HangUp,
    Turn::Plain,
    Turn::Repeat,
    Turn::Links,
    Turn::Stream,
    Turn::Refused,
    Turn::Plain,
    Turn::Return,
    Turn::Limited,
    Turn::Plain,
    Turn::Shared,
    Turn::HangUp,
    Turn::Stream,
    Turn::Plain,
];

/// A client and what it has got so far.
pub struct Visitor<'a> {
    stage: &'a Stage,
    client: Client,
    number: usize,
    key: &'a str,
    tally: Tally,
}

/// How a request ended that may be served.
enum Served {
    Answer(Answer),
    /// The server is stopping, or has been asked to.
    Over,
}

impl<'a> Visitor<'a> {
    pub fn new(stage: &'a Stage, number: usize) -> Self {
        let client = Client::new(&stage.url);
        Self { stage, client, number, key: stage.keys.of_client(number), tally: Tally::default() }
    }

    /// Takes turns until the load is over, or something is at fault.
    pub fn visit(mut self) -> Tally {
        for turn in self.number.. {
            if self.stage.is_over() {
                break;
            }
            if let Err(fault) = self.take(turn) {
                self.tally.note_fault(fault, self.stage.is_over());
                // One fault fails the test; a server that is gone would give millions.
                break;
            }
        }
        self.tally
    }

    fn take(&mut self, turn: usize) -> Result<(), Fault> {
        let number = self.number * 31 + turn;
        let order = format!("order {} {turn}", self.number);
        match ROUND[turn % ROUND.len()] {
            Turn::Plain => self.generate(self.key, None, Work::of(number)).map(drop),
            Turn::Links => self.follow_links(Work::of(number)),
            Turn::Stream => self.watch(self.key, None, Work::streamed(number)),
            Turn::Repeat => self.repeat(&order, Work::of(number)),
            Turn::Shared => self.share(),
            Turn::Return => self.come_back(&order, Work::streamed(number)),
            Turn::Limited => self.try_limited(number),
            Turn::Refused => self.be_refused(number),
            Turn::HangUp => {
                self.leave(number);
                Ok(())
            }
        }
    }

    /// Asks until the answer is a 200. A client that is refused comes back when the answer says to.
    fn ask(&mut self, key: &str, order: Option<&str>, body: &Value) -> Result<Served, Fault> {
        loop {
            let answer = self.client.ask(key, order, body)?;
            if answer.status == 200 {
                return Ok(Served::Answer(answer));
            }
            let refusal = answer.refusal()?;
            self.tally.note_answer(refusal.status, &refusal.code);
            match (refusal.status, refusal.code.as_str(), refusal.retry_after) {
                (503, "server_overloaded", Some(wait)) => wait_for(wait),
                (503, "server_stopping", Some(_)) if self.stage.is_over() => return Ok(Served::Over),
                _ => return Err(answer.wrong("refused without need")),
            }
            if self.stage.is_over() {
                return Ok(Served::Over);
            }
        }
    }

    /// Asks for images in the answer, and looks at each. Gives the answer, if there was one.
    fn generate(&mut self, key: &str, order: Option<&str>, work: Work) -> Result<Option<Value>, Fault> {
        match self.ask(key, order, &work.body())? {
            Served::Over => Ok(None),
            Served::Answer(answer) => self.check(&answer, work).map(Some),
        }
    }

    fn check(&mut self, answer: &Answer, work: Work) -> Result<Value, Fault> {
        self.tally.note_answer(200, "json");
        let body = answer.json()?;
        let images = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        if images.len() as u64 != work.images {
            return Err(answer.wrong("not as many images as were asked for"));
        }
        for (index, image) in (0..).zip(images) {
            if image["b64_json"] != self.stage.gallery.file(work, index) || image["seed"] != work.seed + index
            {
                return Err(answer.wrong(&format!("another image than {}", work.body())));
            }
        }
        self.note_request(answer, &images[0], work)?;
        Ok(body)
    }

    fn note_request(&mut self, answer: &Answer, image: &Value, work: Work) -> Result<(), Fault> {
        let request = image["receipt"]["request_id"].as_str().ok_or_else(|| answer.wrong("no receipt"))?;
        self.tally.note_images(request, work.images);
        Ok(())
    }

    fn follow_links(&mut self, work: Work) -> Result<(), Fault> {
        let body = work.body_with(&[("response_format", json!("url"))]);
        let Served::Answer(answer) = self.ask(self.key, None, &body)? else { return Ok(()) };
        self.tally.note_answer(200, "links");
        let links = answer.json()?;
        // Got, whether or not the links are followed before the stop.
        self.note_request(&answer, &links["data"][0], work)?;
        for index in 0..work.images {
            let link = links["data"][usize::try_from(index).expect("images are few")]["url"]
                .as_str()
                .ok_or_else(|| answer.wrong("no link"))?;
            let file = self.client.follow(link)?;
            if file.status != 200 {
                return Err(file.wrong("a link that opens nothing"));
            }
            if BASE64_STANDARD.encode(file.bytes()) != self.stage.gallery.file(work, index) {
                return Err(Fault::Wrong(format!("{link} is another image than {body}")));
            }
            self.tally.note_link();
        }
        Ok(())
    }

    fn watch(&mut self, key: &str, order: Option<&str>, work: Work) -> Result<(), Fault> {
        let body = stream(work);
        let Served::Answer(answer) = self.ask(key, order, &body)? else { return Ok(()) };
        let events = answer.events()?;
        let is_one = |event: &Value, expected: &str| event["b64_json"] == expected;
        let gallery = &self.stage.gallery;
        let (looks, done) = match events.as_slice() {
            [looks @ .., (last, done)] if last == "image_generation.completed" => (looks, done),
            [.., (last, error)] if last == "error" => return self.check_end(&answer, error),
            _ => return Err(answer.wrong("a stream without an end")),
        };
        self.tally.note_answer(200, "stream");
        let is_look = |(name, event): &(String, Value)| {
            name == "image_generation.partial_image" && is_one(event, gallery.partial(work))
        };
        // Where it was generated for an earlier request, there is nothing to see on the way.
        let are_looks = looks.len() == 1 || looks.is_empty() && order.is_some();
        if !are_looks || !looks.iter().all(is_look) || !is_one(done, gallery.file(work, 0)) {
            return Err(answer.wrong(&format!("other images than {body}")));
        }
        self.note_request(&answer, done, work)
    }

    /// A stream may end with an error where the server was asked to stop after its head was sent.
    fn check_end(&mut self, answer: &Answer, error: &Value) -> Result<(), Fault> {
        let refusal = answer.envelope(error)?;
        self.tally.note_answer(200, &format!("stream, then {}", refusal.code));
        if refusal.code == "server_stopping" && self.stage.is_over() {
            Ok(())
        } else {
            Err(answer.wrong("a stream that failed"))
        }
    }

    fn repeat(&mut self, order: &str, work: Work) -> Result<(), Fault> {
        let Some(first) = self.generate(self.key, Some(order), work)? else { return Ok(()) };
        let Some(again) = self.generate(self.key, Some(order), work)? else { return Ok(()) };
        if again != first {
            return Err(Fault::Wrong(format!("{order} was answered in two ways: {first} and {again}")));
        }
        let other = work.body_with(&[("seed", json!(work.seed + 1))]);
        let answer = self.client.ask(self.key, Some(order), &other)?;
        self.expect(&answer, (422, "idempotency_key_reused", None))
    }

    fn share(&mut self) -> Result<(), Fault> {
        let second = self.stage.began.elapsed().as_secs();
        let key = self.stage.keys.of_client(0);
        self.generate(
            key,
            Some(&format!("shared {second}")),
            Work::of(usize::try_from(second).expect("seconds are few")),
        )
        .map(drop)
    }

    fn come_back(&mut self, order: &str, work: Work) -> Result<(), Fault> {
        let key = &self.stage.keys.leavers;
        self.client.hang_up(key, Some(order), &stream(work), HangUp::AtTheHead);
        self.tally.note_hang_up();
        self.watch(key, Some(order), work)
    }

    fn try_limited(&mut self, number: usize) -> Result<(), Fault> {
        let (key, work) = (self.stage.keys.limited(number), Work::of(number));
        let answer = self.client.ask(key, None, &work.body())?;
        match answer.status {
            200 => self.check(&answer, work).map(drop),
            _ => self.expect(&answer, (429, "rate_limit_exceeded", None)),
        }
    }

    fn be_refused(&mut self, number: usize) -> Result<(), Fault> {
        let (keys, work) = (&self.stage.keys, Work::of(number));
        let invalid = (401, "invalid_api_key", None);
        let (key, body, expected) = match number % 5 {
            0 => {
                let body = work.body_with(&[("size", json!("30x30"))]);
                (self.key, body, (400, "invalid_value", Some("size")))
            }
            1 => {
                let body = work.body_with(&[("colour", json!("blue"))]);
                (self.key, body, (400, "unknown_parameter", Some("colour")))
            }
            2 => (keys.invalid[0].as_str(), work.body(), invalid),
            3 => (keys.invalid[1].as_str(), work.body(), invalid),
            _ => (keys.poor.as_str(), work.body(), (429, "insufficient_quota", None)),
        };
        let answer = self.client.ask(key, None, &body)?;
        self.expect(&answer, expected)
    }

    /// Takes note of a refusal that was expected: status, code and param. What would be refused only after the queue
    /// may meet a full one first.
    fn expect(&mut self, answer: &Answer, expected: (u16, &str, Option<&str>)) -> Result<(), Fault> {
        let Refusal { status, code, param, retry_after } = answer.refusal()?;
        self.tally.note_answer(status, &code);
        let is_busy = matches!(expected.0, 422 | 429)
            && status == 503
            && (code == "server_overloaded" || code == "server_stopping" && self.stage.is_over());
        if (status, code.as_str(), param.as_deref()) == expected || is_busy {
            retry_after.into_iter().for_each(wait_for);
            Ok(())
        } else {
            Err(answer.wrong(&format!("not {expected:?}")))
        }
    }

    fn leave(&mut self, number: usize) {
        let when = [HangUp::Halfway, HangUp::AtOnce, HangUp::AtTheHead, HangUp::AtTheFirstLook][number % 4];
        let work = Work::streamed(number);
        let body = match when {
            HangUp::Halfway | HangUp::AtOnce => work.body(),
            HangUp::AtTheHead | HangUp::AtTheFirstLook => stream(work),
        };
        self.client.hang_up(&self.stage.keys.leavers, None, &body, when);
        self.tally.note_hang_up();
    }
}

/// The body that asks for events, with one look at the image on its way.
fn stream(work: Work) -> Value {
    work.body_with(&[("stream", json!(true)), ("partial_images", json!(1))])
}

/// Waits as the server asks, though not for long.
fn wait_for(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds.min(RETRY_AFTER_MAX_SECS)));
}
