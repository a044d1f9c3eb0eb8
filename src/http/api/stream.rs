use std::time::Duration;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web,
};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::{
    error::ApiError,
    pieces,
    wire::{self, Asked, Part},
};
use crate::{
    http::State,
    service::{Accepted, News},
};

/// A comment goes out after this long without an event, so that nothing on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream in progress. Dropping it says that nobody listens any more.
struct Events {
    accepted: Accepted,
    asked: Asked,
    state: web::Data<State>,
}

/// The answer as server-sent events: partial images, then the finished one or an error, then the end of the body.
/// Its head goes out at once, so that no client gives up on an image that waits.
pub(super) fn answer(
    mut response: HttpResponseBuilder,
    accepted: Accepted,
    asked: Asked,
    state: &web::Data<State>,
) -> HttpResponse {
    response.insert_header((CONTENT_TYPE, "text/event-stream")).insert_header((CACHE_CONTROL, "no-store"));
    // nginx buffers answers until they are complete, unless this header forbids it.
    response.insert_header(("x-accel-buffering", "no"));
    if let Some(outlook) = accepted.outlook {
        response.insert_header(("x-queue-position", outlook.position.to_string()));
        response.insert_header(("x-queue-eta-ms", outlook.eta.get().to_string()));
    }
    let events = Events { accepted, asked, state: web::Data::clone(state) };
    let state = web::Data::clone(state);
    let events = stream::unfold(Some(events), |events| async {
        let mut events = events?;
        let (event, is_last) = events.next().await;
        Some((event, (!is_last).then_some(events)))
    });
    response.streaming(
        events.flat_map(move |event| pieces::stream_of(event, state.clone(), None, None).boxed_local()),
    )
}

impl Events {
    /// The next event, and whether it is the last.
    async fn next(&mut self) -> (Vec<Part>, bool) {
        let Ok(news) = timeout(KEEP_ALIVE, self.accepted.next()).await else {
            return (vec![Part::Text(": ping\n\n".into())], false);
        };
        match news {
            News::Partial(partial) => {
                let now = self.state.service.now().as_second();
                let event = wire::partial_event(&self.asked, &partial, now);
                (event.unwrap_or_else(|error| failure(&ApiError::internal(&error))), false)
            }
            News::End(Ok(answer)) => {
                let currency = self.state.service.costs().currency();
                let event = match wire::completed_event(&self.asked, &answer, &self.state.offer, currency) {
                    Some(event) => event.map_err(|error| ApiError::internal(&error)),
                    None => Err(ApiError::internal(&"an answer without an image")),
                };
                (event.unwrap_or_else(|error| failure(&error)), true)
            }
            News::End(Err(error)) => {
                let error = ApiError::from(&*error);
                // The head said 200; the log and the counters say how it ended.
                tracing::info!(code = error.reason(), "a stream ended with an error");
                self.state.service.metrics().note_refusal(error.reason());
                (failure(&error), true)
            }
        }
    }
}

/// OpenAI's clients raise an error on any event whose data has the key `error`.
fn failure(error: &ApiError) -> Vec<Part> {
    vec![Part::Text(format!("event: error\ndata: {}\n\n", error.envelope()))]
}
