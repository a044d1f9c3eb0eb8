//! Hugging Face's protocol, as huggingface_hub speaks it: `GET /api/models/{name}/revision/{revision}` names the commit and
//! the files, `GET /{name}/resolve/{commit}/{file}` redirects to the bytes. The redirect's `X-Linked-Etag` is a large file's
//! SHA-256 and `X-Linked-Size` its length; a small file's `ETag` is git's id of it.

use serde::Deserialize;
use ureq::{Body, http::Response};

use super::{
    download::retried,
    fault::Fault,
    listing::{Listing, RemoteFile, Wanted},
    names::{BlobId, Commit, Repository, in_url},
    parallel::in_parallel,
    web::{REDIRECTS_MAX, Web, header},
};

#[derive(Deserialize)]
struct RepositoryInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// The commit of `repository` at its revision, and the files of it that are wanted.
pub(super) fn list(web: &Web<'_>, repository: &Repository, wanted: Wanted<'_>) -> Result<Listing, Fault> {
    let (name, revision) = (&repository.name, repository.revision());
    let url = format!("{}/api/models/{name}/revision/{revision}", web.endpoint());
    let answer: RepositoryInfo = retried(|| web.json(&url))?;
    let commit = Commit::parse(&answer.sha)?;
    if let Ok(pinned) = Commit::parse(revision)
        && pinned != commit
    {
        return Err(Fault::hostile(format!(
            "it was asked for commit {revision} and gave {}",
            commit.as_str()
        )));
    }
    let names = wanted.of(answer.siblings.into_iter().map(|sibling| sibling.rfilename))?;
    let files = in_parallel(&names, &mut |()| {}, |file, _| {
        let url = format!("{}/{name}/resolve/{}/{}", web.endpoint(), commit.as_str(), in_url(file));
        retried(|| remote_file(web, file, &url))
    })?;
    Ok(Listing { commit: Some(commit), files })
}

fn remote_file(web: &Web<'_>, file: &str, url: &str) -> Result<RemoteFile, Fault> {
    let mut at = url.to_owned();
    // Where a large file's bytes are is another host's; its id and length are the hub's to say. A repository that was renamed
    // is followed on the hub itself.
    for _ in 0..REDIRECTS_MAX {
        let answer = web.first_byte(&at)?;
        match header(&answer, "location") {
            Some(path) if path.starts_with('/') && !path.starts_with("//") => {
                at = format!("{}{path}", web.endpoint());
            }
            _ => {
                let (id, bytes) = id_and_length(&answer, file)?;
                return Ok(RemoteFile { path: file.to_owned(), url: url.to_owned(), id, bytes });
            }
        }
    }
    Err(Fault::hostile(format!("it redirects {file} in a circle")))
}

fn id_and_length(answer: &Response<Body>, file: &str) -> Result<(BlobId, u64), Fault> {
    let etag = header(answer, "x-linked-etag").or_else(|| header(answer, "etag"));
    let etag = etag.ok_or_else(|| Fault::hostile(format!("it gives no ETag for {file}")))?;
    let of_range = || header(answer, "content-range")?.rsplit_once('/')?.1.parse().ok();
    let of_body = || header(answer, "content-length").filter(|_| answer.status() == 200)?.parse().ok();
    let linked = header(answer, "x-linked-size").and_then(|bytes| bytes.parse().ok());
    let bytes = linked.or_else(of_range).or_else(of_body);
    let bytes = bytes.ok_or_else(|| Fault::hostile(format!("it does not say how long {file} is")))?;
    Ok((BlobId::parse(etag)?, bytes))
}
