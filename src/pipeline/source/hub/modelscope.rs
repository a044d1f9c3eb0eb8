//! ModelScope's protocol, as its Python client speaks it (modelscope/modelscope on GitHub, read on 2026-11-29):
//! `HubApi.get_model_files` in modelscope/hub/api.py asks `/api/v1/models/{name}/repo/files?Revision=…&Recursive=True` and gets
//! `{"Code": 200, "Data": {"Files": [{"Path", "Type": "blob" or "tree", "Size", "Sha256", …}]}}`;
//! `get_file_download_url` in modelscope/hub/file_download.py is `/api/v1/models/{name}/repo?Revision=…&FilePath=…`, which
//! takes a Range; `HubApi.get_cookies` sends the access token as the cookie `m_session_id`.

use serde::Deserialize;

use super::{
    download::retried,
    fault::Fault,
    listing::{Listing, RemoteFile, Wanted},
    names::{BlobId, Repository, encoded, shown},
    web::Web,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModelScopeAnswer {
    code: i64,
    #[serde(default)]
    message: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    files: Vec<ListedFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedFile {
    path: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    sha256: Option<String>,
}

/// The files of `repository` at its revision that are wanted. It says no commit of the whole.
pub(super) fn list(web: &Web<'_>, repository: &Repository, wanted: Wanted<'_>) -> Result<Listing, Fault> {
    let (name, revision) = (&repository.name, repository.revision());
    let root = format!("{}/api/v1/models/{name}/repo", web.endpoint());
    let url = format!("{root}/files?Revision={revision}&Recursive=True");
    let answer: ModelScopeAnswer = retried(|| web.json(&url))?;
    let Some(data) = answer.data.filter(|_| answer.code == 200) else {
        let message = answer.message.unwrap_or_default();
        return Err(Fault::Final(format!("ModelScope refuses it: {}; check the name", shown(&message))));
    };
    let entries: Vec<ListedFile> = data.files.into_iter().filter(|entry| entry.kind != "tree").collect();
    let files = wanted
        .of(entries.iter().map(|entry| entry.path.clone()))?
        .into_iter()
        .map(|path| {
            let entry = entries.iter().find(|entry| entry.path == path);
            let sha256 = entry.and_then(|entry| entry.sha256.as_deref()).unwrap_or_default();
            let id = BlobId::parse(sha256)?;
            if id.sha256().is_none() {
                return Err(Fault::hostile(format!("it gives no SHA-256 for {path}")));
            }
            let url = format!("{root}?Revision={revision}&FilePath={}", encoded(&path));
            Ok(RemoteFile { url, id, bytes: entry.map_or(0, |entry| entry.size), path })
        })
        .collect::<Result<_, Fault>>()?;
    Ok(Listing { commit: None, files })
}
