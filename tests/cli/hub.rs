//! `--model owner/name` against a hub on loopback that serves a tiny model as the real one serves the large.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;

use crate::{complaint, out, pixels, program::tintype, tiny_models};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const REPOSITORY: &str = "studio/tiny-z-image";

/// The two routes of the hub that hf-hub asks: a repository's list of files, and a file by revision.
struct Hub {
    url: String,
    files_sent: Arc<AtomicUsize>,
}

impl Hub {
    fn serve(model: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let files_sent = Arc::new(AtomicUsize::new(0));
        let sent = Arc::clone(&files_sent);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (model, sent) = (model.clone(), Arc::clone(&sent));
                std::thread::spawn(move || answer(stream, &model, &sent));
            }
        });
        Self { url, files_sent }
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

fn answer(mut stream: TcpStream, model: &Path, sent: &AtomicUsize) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let request = lines.next()?;
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let mut words = request.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let resolve = format!("/{REPOSITORY}/resolve/{COMMIT}/");
    let (body, etag) = if path.starts_with(&format!("/api/models/{REPOSITORY}")) {
        let siblings: Vec<_> =
            files_of(model).into_iter().map(|file| serde_json::json!({ "rfilename": file })).collect();
        (serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string().into_bytes(), String::new())
    } else {
        let file = path.strip_prefix(&resolve)?;
        (fs::read(model.join(file)).ok()?, file.replace('/', "-"))
    };
    let range = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let range = value.strip_prefix("bytes=").filter(|_| name.eq_ignore_ascii_case("range"))?;
        let (start, end) = range.split_once('-')?;
        Some((start.parse::<usize>().ok()?, end.parse::<usize>().unwrap_or(usize::MAX)))
    });
    let total = body.len();
    let (start, end) =
        range.map_or((0, total), |(start, end)| (start.min(total), end.saturating_add(1).min(total)));
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    if !etag.is_empty() && end == total {
        sent.fetch_add(1, Ordering::Relaxed);
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{total}\r\n\
         etag: \"{etag}\"\r\nx-repo-commit: {COMMIT}\r\nconnection: close\r\n\r\n",
        end - start,
        end.saturating_sub(1)
    )
    .ok()?;
    if method != "HEAD" {
        stream.write_all(&body[start..end]).ok()?;
    }
    stream.flush().ok()
}

fn generate(place: &Path, endpoint: &str) -> std::process::Output {
    tintype()
        .current_dir(place)
        .args(["generate", "tea", "--model", REPOSITORY, "--size", "32x32", "--steps", "2", "--seed", "1"])
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HOME", place.join("hub"))
        .output()
        .expect("the program runs")
}

#[test]
fn a_repository_is_fetched_once_into_the_cache_and_painted_from_there() {
    let place = TempDir::new().expect("a directory");
    let hub = Hub::serve(tiny_models::directory("sharded"));
    out(&generate(place.path(), &hub.url));
    let picture = pixels(&place.path().join("picture.png"));
    let sent = hub.files_sent.load(Ordering::Relaxed);
    assert!(sent >= 10, "{sent}");

    out(&generate(place.path(), &hub.url));
    assert_eq!(hub.files_sent.load(Ordering::Relaxed), sent, "nothing is fetched again");
    // With no network, the cached model is used as it is.
    out(&generate(place.path(), "http://127.0.0.1:9"));
    assert_eq!(pixels(&place.path().join("picture.png")), picture);
}

#[test]
fn with_no_network_it_says_what_to_do() {
    let place = TempDir::new().expect("a directory");
    let said = complaint(&generate(place.path(), "http://127.0.0.1:9"), 2);
    for part in [REPOSITORY, "HF_ENDPOINT", "--model"] {
        assert!(said.contains(part), "{said}");
    }
}
