//! HTTP as a fetch needs it, whichever hub answers.

use std::io::Read;

use serde::de::DeserializeOwned;
use ureq::{Agent, Body, http::Response};

use super::{
    fault::Fault,
    listing::RemoteFile,
    names::shown,
    settings::{CONNECT_MAX, Settings},
};

/// Longest list of files that is read: many times what a repository has.
const LIST_BYTES_MAX: u64 = 16 << 20;
pub(super) const REDIRECTS_MAX: u32 = 5;

/// A hub's address, and the connections to it. A proxy is used if HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names one, except for
/// hosts in NO_PROXY.
pub(super) struct Web<'a> {
    agent: Agent,
    settings: &'a Settings,
}

impl<'a> Web<'a> {
    pub(super) fn new(settings: &'a Settings) -> Result<Self, Fault> {
        let endpoint = &settings.endpoint;
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(Fault::Final(format!(
                "the hub's address (HF_ENDPOINT, MODELSCOPE_DOMAIN or --from) is {}; it must begin with https:// (or \
                 http://)",
                shown(endpoint)
            )));
        }
        let config = Agent::config_builder()
            .user_agent(concat!("tintype/", env!("CARGO_PKG_VERSION")))
            // A redirection never leads from TLS to plain text.
            .https_only(endpoint.starts_with("https://"))
            .http_status_as_error(false)
            .max_redirects(REDIRECTS_MAX)
            .timeout_resolve(Some(CONNECT_MAX))
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_send_request(Some(CONNECT_MAX))
            .timeout_recv_response(Some(settings.answer_max))
            .timeout_per_read(Some(settings.silence_max));
        Ok(Self { agent: config.build().into(), settings })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.settings.endpoint
    }

    /// The JSON at `url`.
    pub(super) fn json<T: DeserializeOwned>(&self, url: &str) -> Result<T, Fault> {
        let limited = self.get(url).config().timeout_global(Some(self.settings.answer_max)).build();
        let answer = checked(limited.call()?)?;
        let mut text = String::new();
        let mut body = answer.into_body().into_reader().take(LIST_BYTES_MAX);
        body.read_to_string(&mut text)
            .map_err(|error| Fault::passing(format!("the list of files: {error}")))?;
        serde_json::from_str(&text)
            .map_err(|_| Fault::hostile("the list of the repository's files is not the JSON expected"))
    }

    /// The answer for the first byte at `url`, with no redirect followed.
    pub(super) fn first_byte(&self, url: &str) -> Result<Response<Body>, Fault> {
        let request = self.get(url).header("Range", "bytes=0-0");
        checked(request.config().max_redirects(0).max_redirects_will_error(false).build().call()?)
    }

    /// The bytes of `file` from byte `start` on. They may begin at 0 all the same, as the second value says.
    pub(super) fn open(&self, file: &RemoteFile, start: u64) -> Result<(impl Read + use<>, u64), Fault> {
        let request = self.get(&file.url);
        let request = if start > 0 { request.header("Range", format!("bytes={start}-")) } else { request };
        // ureq sends neither Authorization nor Cookie after a redirect.
        let answer = checked(request.call()?)?;
        let start = if answer.status() == 206 { start } else { 0 };
        if let (206, Some(range)) = (answer.status().as_u16(), header(&answer, "content-range"))
            && !range.starts_with(&format!("bytes {start}-"))
        {
            return Err(Fault::hostile(format!(
                "it was asked for byte {start} of {} and sent {}",
                file.path,
                shown(range)
            )));
        }
        Ok((answer.into_body().into_reader(), start))
    }

    fn get(&self, url: &str) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        // The lengths are of the files, not of what a proxy makes of them.
        let request = self.agent.get(url).header("Accept-Encoding", "identity");
        match &self.settings.credential {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }
}

fn checked(answer: Response<Body>) -> Result<Response<Body>, Fault> {
    let retry_after = header(&answer, "retry-after").and_then(|text| text.trim().parse().ok());
    match Fault::of_status(answer.status().as_u16(), retry_after.map(std::time::Duration::from_secs)) {
        None => Ok(answer),
        Some(fault) => Err(fault),
    }
}

pub(super) fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
