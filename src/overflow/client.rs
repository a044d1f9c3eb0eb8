use std::{io::Read, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use ureq::{
    Body,
    http::{Request, Response, header},
};

use super::{Seller, answer, fetch, form};
use crate::{
    domain::{Pixels, RenderJob},
    outbound::{Outbound, OutboundError, target, unreachable},
};

/// Bytes of an answer for each image of it: a PNG of 4 megapixels as base64, with room.
const BYTES_OF_IMAGE_MAX: u64 = 48 << 20;
/// Bytes of a refusal that are read, to say why.
const REFUSAL_BYTES_MAX: u64 = 4 << 10;

/// Buys images by OpenAI's API, by default from nobody. It blocks: call it on a thread that may wait.
#[derive(Debug, Clone, Default)]
pub struct Buyer {
    sellers: Arc<[Seller]>,
    outbound: Outbound,
}

/// Why no image was bought.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// The seller did not take the request: nothing is paid.
    #[error("{0}")]
    Refused(String),
    /// Nobody knows whether it is paid for: the answer did not come, or is not what was asked for.
    #[error("{0}")]
    Doubtful(String),
}

impl PurchaseError {
    /// Whether it may have been paid for.
    pub const fn is_doubtful(&self) -> bool {
        matches!(self, Self::Doubtful(_))
    }
}

impl Buyer {
    /// A buyer of `sellers`, in the order in which they are configured.
    pub fn new(sellers: Vec<Seller>, outbound: Outbound) -> Self {
        Self { sellers: sellers.into(), outbound }
    }

    /// Those that sell.
    pub fn sellers(&self) -> &[Seller] {
        &self.sellers
    }

    /// The images of `job` from `seller`, under `idempotency_key`. A seller that remembers such keys is asked again, once, if its
    /// answer did not come.
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub fn buy(
        &self,
        seller: &Seller,
        job: &RenderJob,
        idempotency_key: &str,
    ) -> Result<Vec<Pixels>, PurchaseError> {
        match self.ask(seller, job, idempotency_key) {
            Err(PurchaseError::Doubtful(first)) if seller.keeps_idempotency_keys => {
                tracing::info!(seller = seller.name, "asked again under the same Idempotency-Key: {first}");
                // Whatever it says now: the first request may have been paid for.
                let again = self.ask(seller, job, idempotency_key);
                again.map_err(|error| PurchaseError::Doubtful(format!("{first}; then {error}")))
            }
            asked => asked,
        }
    }

    fn ask(
        &self,
        seller: &Seller,
        job: &RenderJob,
        idempotency_key: &str,
    ) -> Result<Vec<Pixels>, PurchaseError> {
        let refused = |error: &dyn std::error::Error| PurchaseError::Refused(error.to_string());
        let fields = body(seller, job);
        let (path, content_type, body) = match job.spec.edit.as_deref() {
            None => {
                let json = serde_json::to_vec(&fields).map_err(|error| refused(&error))?;
                ("images/generations", "application/json".to_owned(), json)
            }
            Some(edit) => {
                let form = form::of_edit(&fields, edit).map_err(PurchaseError::Refused)?;
                ("images/edits", form::content_type(), form)
            }
        };
        let url = seller.base_url.join(path).map_err(|error| refused(&error))?;
        let request = Request::post(target(&url))
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::AUTHORIZATION, format!("Bearer {}", seller.key.reveal()))
            .header("idempotency-key", idempotency_key)
            .body(body)
            .map_err(|error| refused(&unreachable(&url, &error)))?;
        let timeout = Duration::from_millis(seller.timeout.get());
        let answer =
            self.outbound.send(&url, request, seller.reach, timeout).map_err(|error| match error {
                OutboundError::NotPublic(_) | OutboundError::NotConnected { .. } => refused(&error),
                OutboundError::Unreachable { .. } => PurchaseError::Doubtful(error.to_string()),
            })?;
        match answer.status().as_u16() {
            200 => {
                let limit = BYTES_OF_IMAGE_MAX * u64::from(job.images);
                let bytes = read(answer, limit).map_err(PurchaseError::Doubtful)?;
                let fetch = |url: &str| fetch::file(&self.outbound, seller, url);
                let images = answer::images(&bytes, job, &fetch).map_err(PurchaseError::Doubtful)?;
                Ok(match job.spec.edit.as_deref() {
                    None => images,
                    Some(edit) => images.into_iter().map(|image| form::keep_outside(image, edit)).collect(),
                })
            }
            status => Err(refusal(status, answer)),
        }
    }
}

/// What is asked of `seller`.
fn body(seller: &Seller, job: &RenderJob) -> Map<String, Value> {
    let mut body = seller.body.clone();
    let own = [
        ("model", json!(seller.model)),
        ("prompt", json!(job.spec.prompt)),
        ("n", json!(job.images)),
        ("size", json!(job.spec.size.to_string())),
    ];
    body.extend(own.map(|(name, value)| (name.to_owned(), value)));
    // A seller without qualities has an empty word for each.
    if let Some(word) = seller.wares.qualities.get(&job.quality).filter(|word| !word.is_empty()) {
        body.insert("quality".into(), json!(word));
    }
    body
}

/// The whole body of `answer`.
fn read(answer: Response<Body>, limit: u64) -> Result<Vec<u8>, String> {
    let announced = answer.body().content_length();
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(format!("its answer has more than {limit} bytes"));
    }
    let mut bytes = Vec::new();
    let mut reader = answer.into_body().into_reader().take(limit + 1);
    reader.read_to_end(&mut bytes).map_err(|error| format!("its answer broke off: {error}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("its answer has more than {limit} bytes"));
    }
    Ok(bytes)
}

/// A status that is not 200. Most say that nothing was made; a gateway that gave up, and a redirect after the request was read, do
/// not.
fn refusal(status: u16, answer: Response<Body>) -> PurchaseError {
    let mut said = Vec::new();
    answer.into_body().into_reader().take(REFUSAL_BYTES_MAX).read_to_end(&mut said).ok();
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap_or_default();
    let message: String = said["error"]["message"].as_str().unwrap_or_default().chars().take(200).collect();
    let separator = if message.is_empty() { "" } else { ": " };
    let said = format!("it answered with status {status}{separator}{message}");
    match status {
        400..=499 if status != 408 => PurchaseError::Refused(said),
        500 | 501 | 503 => PurchaseError::Refused(said),
        _ => PurchaseError::Doubtful(said),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use super::*;
    use crate::overflow::seller::tests::{job, seller};

    /// A service that answers each request with the next of `answers`, and returns what it was asked.
    fn service(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1/", listener.local_addr().expect("an address"));
        let asked = thread::spawn(move || {
            answers.iter().map(|answer| serve(&listener.accept().expect("a client").0, answer)).collect()
        });
        (url, asked)
    }

    fn serve(stream: &TcpStream, answer: &str) -> String {
        let mut reader = BufReader::new(stream);
        let (mut asked, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            asked.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        asked.push_str(&String::from_utf8(body).expect("UTF-8"));
        let mut writer = stream;
        writer.write_all(answer.as_bytes()).expect("sent");
        asked
    }

    fn buyer() -> Buyer {
        Buyer::default()
    }

    #[test]
    fn the_prompt_goes_out_with_the_key_the_words_of_the_seller_and_an_idempotency_key() {
        let (url, asked) = service(&[
            "HTTP/1.1 429 x\r\ncontent-length: 36\r\n\r\n{\"error\":{\"message\":\"slow down ok\"}}",
        ]);
        let mut acme = seller("acme", &url);
        acme.body.insert("moderation".into(), json!("low"));
        let error = buyer().buy(&acme, &job(), "req-1").expect_err("refused");
        assert!(!error.is_doubtful() && error.to_string().contains("429: slow down ok"), "{error}");
        let asked = asked.join().expect("asked").remove(0);
        assert!(asked.starts_with("POST /v1/images/generations HTTP/1.1"), "{asked}");
        for part in [
            "authorization: Bearer sk-test",
            "idempotency-key: req-1",
            r#""prompt":"a house""#,
            r#""model":"gpt-image-2""#,
            r#""quality":"medium""#,
            r#""size":"32x32""#,
            r#""moderation":"low""#,
            r#""n":1"#,
        ] {
            assert!(asked.contains(part), "{part} in {asked}");
        }
    }

    #[test]
    fn what_may_have_been_paid_for_is_in_doubt_and_a_refusal_is_not() {
        for (answer, is_doubtful) in [
            ("HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n", false),
            ("HTTP/1.1 401 x\r\ncontent-length: 0\r\n\r\n", false),
            ("HTTP/1.1 502 x\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 302 x\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 200 x\r\ncontent-length: 90\r\n\r\n{\"data\":", true),
            ("HTTP/1.1 200 x\r\ncontent-length: 11\r\n\r\n{\"data\":[]}", true),
            ("HTTP/1.1 200 x\r\ncontent-length: 9999999999\r\n\r\n", true),
            ("", true),
        ] {
            let answers: &'static [&'static str] = Box::leak(Box::new([answer]));
            let (url, asked) = service(answers);
            let error = buyer().buy(&seller("acme", &url), &job(), "req-1").expect_err(answer);
            assert_eq!(error.is_doubtful(), is_doubtful, "{answer:?}: {error}");
            asked.join().expect("asked once");
        }
        let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1/", nobody.local_addr().expect("an address"));
        drop(nobody);
        let error = buyer().buy(&seller("acme", &url), &job(), "req-1").expect_err("nobody is there");
        assert!(!error.is_doubtful(), "{error}");
    }

    #[test]
    fn a_seller_that_remembers_keys_is_asked_again_under_the_same_key() {
        let (url, asked) = service(&[
            "HTTP/1.1 504 x\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 429 x\r\ncontent-length: 0\r\n\r\n",
        ]);
        let acme = Seller { keeps_idempotency_keys: true, ..seller("acme", &url) };
        let error = buyer().buy(&acme, &job(), "req-7").expect_err("nothing came");
        assert!(error.is_doubtful(), "the first may have been paid for: {error}");
        let asked = asked.join().expect("asked");
        assert!(asked.iter().all(|asked| asked.contains("idempotency-key: req-7")), "{asked:?}");
    }
}
