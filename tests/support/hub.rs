//! A hub on loopback that serves a model as Hugging Face's and as ModelScope's serve one: a list of files, ids in ETags or in
//! the list, large files elsewhere.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use sha2::{Digest, Sha256};

/// The commit of every revision.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What a small file's ETag is: git's id of it, which nobody checks.
const GIT_ID: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// How the hub answers.
#[derive(Clone)]
pub struct Manners {
    /// The commit that it gives.
    pub commit: String,
    /// Changes a file's ETag, or its SHA-256 in ModelScope's list.
    pub etag: fn(&str, String) -> String,
    /// Files that it lists beside the model's.
    pub listed: Vec<String>,
    /// Changes a large file's bytes on their way.
    pub sent: fn(Vec<u8>) -> Vec<u8>,
    /// The length that it gives for each large file.
    pub claimed: Option<u64>,
    /// Closes the connection after this many bytes of an answer's body.
    pub breaks_after: Option<usize>,
    /// Falls silent after this many bytes of a large file, this many times.
    pub stalls: Option<(usize, usize)>,
    /// Answers 429 this many times.
    pub busy: usize,
    /// What it answers then as Retry-After.
    pub retry_after: &'static str,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            commit: COMMIT.to_owned(),
            etag: |_, etag| etag,
            listed: Vec::new(),
            sent: |bytes| bytes,
            claimed: None,
            breaks_after: None,
            stalls: None,
            busy: 0,
            retry_after: "0",
        }
    }
}

/// A hub, and what it was asked for.
pub struct Hub {
    pub url: String,
    answering: Arc<Answering>,
}

impl Hub {
    /// Serves `model` as any repository.
    pub fn serve(model: PathBuf, manners: Manners) -> Self {
        let (hub, elsewhere) = (listener(), listener());
        let url = format!("http://{}", hub.local_addr().expect("an address"));
        // Another host by its name, and another port.
        let elsewhere_url =
            format!("http://localhost:{}/elsewhere/", elsewhere.local_addr().expect("an address").port());
        let answering = Arc::new(Answering {
            elsewhere_url,
            model,
            manners,
            asked: Mutex::default(),
            with_credentials: Mutex::default(),
            stalled: AtomicUsize::new(0),
        });
        for listener in [hub, elsewhere] {
            let answering = Arc::clone(&answering);
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let answering = Arc::clone(&answering);
                    std::thread::spawn(move || answering.answer(stream));
                }
            });
        }
        Self { url, answering }
    }

    /// The paths of the requests so far, each with its range.
    pub fn asked(&self) -> Vec<String> {
        self.answering.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The paths of the requests so far that said who asks, by a token or a cookie.
    pub fn asked_with_credentials(&self) -> Vec<String> {
        self.answering.with_credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}

/// A hub that takes connections and says nothing.
pub fn silent() -> String {
    let listener = listener();
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    url
}

/// A proxy that leads every CONNECT to `hub`, whatever host is asked for; it returns its address, and counts.
pub fn proxy(hub: &str) -> (String, Arc<AtomicUsize>) {
    let listener = listener();
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (to, count) = (hub.trim_start_matches("http://").to_owned(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (to, counted) = (to.clone(), Arc::clone(&counted));
            std::thread::spawn(move || tunnel(client, &to, &counted));
        }
    });
    (url, count)
}

fn tunnel(mut client: TcpStream, to: &str, count: &AtomicUsize) -> Option<()> {
    // Byte by byte: what follows the head is not the proxy's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"CONNECT ") {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n").ok();
    }
    count.fetch_add(1, Ordering::Relaxed);
    let mut hub = TcpStream::connect(to).ok()?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (mut from_client, mut to_hub) = (client.try_clone().ok()?, hub.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_hub));
    std::io::copy(&mut hub, &mut client).ok()?;
    client.shutdown(std::net::Shutdown::Both).ok()
}

struct Answering {
    elsewhere_url: String,
    model: PathBuf,
    manners: Manners,
    asked: Mutex<Vec<String>>,
    with_credentials: Mutex<Vec<String>>,
    stalled: AtomicUsize,
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
        let names_asker = |line: &String| {
            let line = line.to_lowercase();
            line.starts_with("authorization:") || line.starts_with("cookie:")
        };
        if headers.iter().any(names_asker) {
            self.with_credentials.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        }
        let count = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(range.map_or(path.clone(), |(start, _)| format!("{path} from {start}")));
            asked.len()
        };
        if count <= self.manners.busy {
            write!(
                stream,
                "HTTP/1.1 429 Too Many Requests\r\nretry-after: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                self.manners.retry_after
            )
            .ok()?;
            return stream.flush().ok();
        }
        if path.starts_with("/api/models/") {
            return self.send(&mut stream, "", None, &self.list());
        }
        if path.contains("/repo/files?") {
            return self.send(&mut stream, "", None, &self.modelscope_list());
        }
        let (is_elsewhere, file) = match (path.strip_prefix("/elsewhere/"), path.split_once("&FilePath=")) {
            (Some(file), _) => (true, file.to_owned()),
            (None, Some((_, file))) => (false, file.to_owned()),
            (None, None) => (false, path.split_once("/resolve/")?.1.split_once('/')?.1.to_owned()),
        };
        let in_url = file;
        let file = percent_encoding::percent_decode_str(&in_url).decode_utf8().ok()?.into_owned();
        let bytes = fs::read(self.model.join(&file)).ok()?;
        let is_large = file.ends_with(".safetensors");
        if is_large && !is_elsewhere {
            write!(
                stream,
                "HTTP/1.1 302 Found\r\nlocation: {}{in_url}\r\nx-linked-etag: \"{}\"\r\nx-linked-size: {}\r\n\
                 x-repo-commit: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                self.elsewhere_url,
                self.id(&file, &bytes),
                self.manners.claimed.unwrap_or(bytes.len() as u64),
                self.manners.commit
            )
            .ok()?;
            return stream.flush().ok();
        }
        // What the host of large files calls them is not what the hub calls them.
        let etag = if is_elsewhere { "an etag of its own".to_owned() } else { self.id(&file, &bytes) };
        let bytes = if is_large { (self.manners.sent)(bytes) } else { bytes };
        self.send(&mut stream, &format!("etag: \"{etag}\"\r\n"), range, &bytes)
    }

    /// What the hub calls a file's bytes.
    fn id(&self, file: &str, bytes: &[u8]) -> String {
        let id = if file.ends_with(".safetensors") {
            sha256(bytes)
        } else {
            format!("{:.32}{GIT_ID:.8}", sha256(file.as_bytes()))
        };
        (self.manners.etag)(file, id)
    }

    fn files(&self) -> impl Iterator<Item = String> {
        files_of(&self.model).into_iter().chain(self.manners.listed.iter().cloned())
    }

    fn list(&self) -> Vec<u8> {
        let siblings: Vec<_> = self.files().map(|file| serde_json::json!({ "rfilename": file })).collect();
        serde_json::json!({ "sha": self.manners.commit, "siblings": siblings }).to_string().into_bytes()
    }

    fn modelscope_list(&self) -> Vec<u8> {
        let entry = |file: String| {
            let bytes = fs::read(self.model.join(&file)).unwrap_or_default();
            let claimed = self.manners.claimed.filter(|_| file.ends_with(".safetensors"));
            let size = claimed.unwrap_or(bytes.len() as u64);
            let sha256 = (self.manners.etag)(&file, sha256(&bytes));
            serde_json::json!({ "Path": file, "Type": "blob", "Size": size, "Sha256": sha256 })
        };
        let tree = serde_json::json!({ "Path": "vae", "Type": "tree", "Size": 0, "Sha256": "" });
        let files: Vec<_> = std::iter::once(tree).chain(self.files().map(entry)).collect();
        serde_json::json!({ "Code": 200, "Success": true, "Data": { "Files": files } })
            .to_string()
            .into_bytes()
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
        if let Some((after, times)) = self.manners.stalls
            && part.len() > after
            && self.stalled.fetch_add(1, Ordering::Relaxed) < times
        {
            stream.write_all(&part[..after]).ok()?;
            // Until the client has had enough of it.
            return stream.read(&mut [0]).ok().map(drop);
        }
        let cut = self.manners.breaks_after.unwrap_or(usize::MAX).min(part.len());
        stream.write_all(&part[..cut]).ok()?;
        stream.flush().ok()
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The paths of the files in directory `model`, in the same order on every file system.
pub fn files_of(model: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut places = vec![model.to_owned()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                places.push(path);
            } else {
                files.push(path.strip_prefix(model).expect("inside").display().to_string());
            }
        }
    }
    files.sort();
    files
}
