use std::{io::Read, time::Duration};

use serde::Deserialize;
use ureq::{Agent, Body, http::Response};

use super::{
    fault::Fault,
    names::{BlobId, Commit, shown},
    settings::Settings,
};

/// Time-outs for everything but the bytes of files.
const CONNECT: Duration = Duration::from_secs(10);
/// From a request to the head of its answer.
pub(super) const ANSWER: Duration = Duration::from_secs(20);
/// Longest silence in the middle of a file.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest list of files that is read: many times what a repository has.
const LIST_BYTES_MAX: u64 = 16 << 20;
const REDIRECTS_MAX: u32 = 5;

/// The hub's routes that a fetch takes.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
}

/// A commit of a repository, and the names of its files.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) commit: Commit,
    pub(super) files: Vec<String>,
}

/// What the hub says of a file before it is fetched.
#[derive(Debug)]
pub(super) struct FileHead {
    pub(super) id: BlobId,
    pub(super) bytes: u64,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, Fault> {
        let endpoint = settings.endpoint.clone();
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(Fault::Final(format!(
                "HF_ENDPOINT is {}; it must begin with https:// (or http://)",
                shown(&endpoint)
            )));
        }
        let config = Agent::config_builder()
            .user_agent(concat!("tintype/", env!("CARGO_PKG_VERSION")))
            // A redirection never leads from TLS to plain text.
            .https_only(endpoint.starts_with("https://"))
            .http_status_as_error(false)
            .max_redirects(REDIRECTS_MAX)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_send_request(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(SILENCE));
        Ok(Self { agent: config.build().into(), endpoint, token: settings.token.clone() })
    }

    /// The newest commit of `repository`, and its files.
    pub(super) fn revision(&self, repository: &str) -> Result<Revision, Fault> {
        #[derive(Deserialize)]
        struct Answer {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let url = format!("{}/api/models/{repository}/revision/main", self.endpoint);
        let answer = checked(self.get(&url).config().timeout_global(Some(ANSWER)).build().call()?)?;
        let mut text = String::new();
        let mut body = answer.into_body().into_reader().take(LIST_BYTES_MAX);
        body.read_to_string(&mut text)
            .map_err(|error| Fault::passing(format!("the list of files: {error}")))?;
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|_| Fault::hostile("the list of the repository's files is not the JSON expected"))?;
        let files = answer.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok(Revision { commit: Commit::parse(&answer.sha)?, files })
    }

    /// The id and the length of `file` at `commit`.
    pub(super) fn head(&self, repository: &str, commit: &Commit, file: &str) -> Result<FileHead, Fault> {
        let mut url = self.file_url(repository, commit, file);
        // Where a large file's bytes are is another host's; its id and length are the hub's to say. A repository that was
        // renamed is followed on the hub itself.
        for _ in 0..REDIRECTS_MAX {
            let request = self.get(&url).header("Range", "bytes=0-0");
            let answer =
                checked(request.config().max_redirects(0).max_redirects_will_error(false).build().call()?)?;
            match header(&answer, "location") {
                Some(path) if path.starts_with('/') && !path.starts_with("//") => {
                    url = format!("{}{path}", self.endpoint);
                }
                _ => return file_head(&answer, file),
            }
        }
        Err(Fault::hostile(format!("it redirects {file} in a circle")))
    }

    /// The bytes of `file` at `commit` from byte `start` on; none if there are no such bytes. They may begin at 0 all the
    /// same, as the second value says.
    pub(super) fn open(
        &self,
        repository: &str,
        commit: &Commit,
        file: &str,
        start: u64,
    ) -> Result<(impl Read + use<>, u64), Fault> {
        let request = self.get(&self.file_url(repository, commit, file));
        let request = if start > 0 { request.header("Range", format!("bytes={start}-")) } else { request };
        let answer = checked(request.call()?)?;
        let start = if answer.status() == 206 { start } else { 0 };
        if let (206, Some(range)) = (answer.status().as_u16(), header(&answer, "content-range"))
            && !range.starts_with(&format!("bytes {start}-"))
        {
            return Err(Fault::hostile(format!(
                "it was asked for byte {start} of {file} and sent {}",
                shown(range)
            )));
        }
        Ok((answer.into_body().into_reader(), start))
    }

    fn file_url(&self, repository: &str, commit: &Commit, file: &str) -> String {
        format!("{}/{repository}/resolve/{}/{file}", self.endpoint, commit.as_str())
    }

    fn get(&self, url: &str) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        // The lengths are of the files, not of what a proxy makes of them.
        let request = self.agent.get(url).header("Accept-Encoding", "identity");
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }
}

fn checked(answer: Response<Body>) -> Result<Response<Body>, Fault> {
    let retry_after = header(&answer, "retry-after").and_then(|text| text.trim().parse().ok());
    match Fault::of_status(answer.status().as_u16(), retry_after.map(Duration::from_secs)) {
        None => Ok(answer),
        Some(fault) => Err(fault),
    }
}

fn file_head(answer: &Response<Body>, file: &str) -> Result<FileHead, Fault> {
    let etag = header(answer, "x-linked-etag").or_else(|| header(answer, "etag"));
    let etag = etag.ok_or_else(|| Fault::hostile(format!("it gives no ETag for {file}")))?;
    let of_range = || header(answer, "content-range")?.rsplit_once('/')?.1.parse().ok();
    let of_body = || header(answer, "content-length").filter(|_| answer.status() == 200)?.parse().ok();
    let linked = header(answer, "x-linked-size").and_then(|bytes| bytes.parse().ok());
    let bytes = linked.or_else(of_range).or_else(of_body);
    let bytes = bytes.ok_or_else(|| Fault::hostile(format!("it does not say how long {file} is")))?;
    Ok(FileHead { id: BlobId::parse(etag)?, bytes })
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
