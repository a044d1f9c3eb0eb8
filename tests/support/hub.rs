//! A hub on loopback that serves a model as Hugging Face's serves one: a list of files, ids in ETags, large files elsewhere.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

/// The commit of `main`.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What a small file's ETag is: git's id of it, which nobody checks.
const GIT_ID: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// How the hub answers.
#[derive(Clone)]
pub struct Manners {
    /// The commit that it gives.
    pub commit: String,
    /// Changes a file's ETag.
    pub etag: fn(&str, String) -> String,
    /// Files that it lists beside the model's.
    pub listed: Vec<String>,
    /// Changes a large file's bytes on their way.
    pub sent: fn(Vec<u8>) -> Vec<u8>,
    /// Closes the connection after this many bytes of an answer's body.
    pub breaks_after: Option<usize>,
    /// Answers 429 this many times.
    pub busy: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            commit: COMMIT.to_owned(),
            etag: |_, etag| etag,
            listed: Vec::new(),
            sent: |bytes| bytes,
            breaks_after: None,
            busy: 0,
        }
    }
}

/// A hub, and what it was asked for.
pub struct Hub {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// Serves `model` as any repository.
    pub fn serve(model: PathBuf, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answering = Arc::new(Answering { url: url.clone(), model, manners, asked: Arc::clone(&asked) });
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answering = Arc::clone(&answering);
                std::thread::spawn(move || answering.answer(stream));
            }
        });
        Self { url, asked }
    }

    /// The paths of the requests so far, each with its range.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A hub that takes connections and says nothing.
pub fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    url
}

struct Answering {
    url: String,
    model: PathBuf,
    manners: Manners,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
        let request = lines.next()?;
        let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let path = request.split(' ').nth(1)?.to_owned();
        let range = headers.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let range = value.strip_prefix("bytes=").filter(|_| name.eq_ignore_ascii_case("range"))?;
            let (start, end) = range.split_once('-')?;
            Some((start.parse::<usize>().ok()?, end.parse::<usize>().ok()))
        });
        let count = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(range.map_or(path.clone(), |(start, _)| format!("{path} from {start}")));
            asked.len()
        };
        if count <= self.manners.busy {
            write!(stream, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
            return stream.flush().ok();
        }
        if path.starts_with("/api/models/") {
            return self.send(&mut stream, "", None, &self.list());
        }
        let (is_elsewhere, file) = match path.strip_prefix("/elsewhere/") {
            Some(file) => (true, file),
            None => (false, path.split_once("/resolve/")?.1.split_once('/')?.1),
        };
        let bytes = fs::read(self.model.join(file)).ok()?;
        let is_large = file.ends_with(".safetensors");
        let etag = match is_large {
            true => Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            false => format!(
                "{:.32}{GIT_ID:.8}",
                Sha256::digest(file.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>()
            ),
        };
        let etag = (self.manners.etag)(file, etag);
        if is_large && !is_elsewhere {
            write!(
                stream,
                "HTTP/1.1 302 Found\r\nlocation: {}/elsewhere/{file}\r\nx-linked-etag: \"{etag}\"\r\nx-linked-size: {}\r\n\
                 x-repo-commit: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                self.url,
                bytes.len(),
                self.manners.commit
            )
            .ok()?;
            return stream.flush().ok();
        }
        let bytes = if is_large { (self.manners.sent)(bytes) } else { bytes };
        // What the host of large files calls them is not what the hub calls them.
        let etag = if is_elsewhere { "\"an etag of its own\"".to_owned() } else { format!("\"{etag}\"") };
        self.send(&mut stream, &format!("etag: {etag}\r\n"), range, &bytes)
    }

    fn list(&self) -> Vec<u8> {
        let files = files_of(&self.model).into_iter().chain(self.manners.listed.iter().cloned());
        let siblings: Vec<_> = files.map(|file| serde_json::json!({ "rfilename": file })).collect();
        serde_json::json!({ "sha": self.manners.commit, "siblings": siblings }).to_string().into_bytes()
    }

    fn send(
        &self,
        stream: &mut TcpStream,
        headers: &str,
        range: Option<(usize, Option<usize>)>,
        body: &[u8],
    ) -> Option<()> {
        let total = body.len();
        let (start, end) = range.unwrap_or((0, None));
        let start = start.min(total);
        let end = end.map_or(total, |end| (end + 1).min(total));
        let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{total}\r\n{headers}\
             connection: close\r\n\r\n",
            end - start,
            end.saturating_sub(1)
        )
        .ok()?;
        let part = &body[start..end];
        let cut = self.manners.breaks_after.unwrap_or(usize::MAX).min(part.len());
        stream.write_all(&part[..cut]).ok()?;
        stream.flush().ok()
    }
}

fn files_of(model: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut places = vec![model.to_owned()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).expect("a directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => places.push(path),
                false => files.push(path.strip_prefix(model).expect("inside").display().to_string()),
            }
        }
    }
    files
}
