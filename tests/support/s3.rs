//! A server of S3 that a test may kill: moto, which has its objects in memory.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use crate::{script::python_programs, skip::skip_or_fail};

/// A running server. Gone when it is dropped, or when this process ends.
pub struct S3 {
    programs: PathBuf,
    port: u16,
    script: Child,
}

impl S3 {
    /// None without Python or the registry, which is said; a failure if TINTYPE_REQUIRE_CLIENTS is set.
    pub fn start() -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects");
        let programs = match python_programs("s3-venv", &here) {
            Ok(programs) => programs,
            Err(reason) => {
                skip_or_fail("a server of S3", &reason);
                return None;
            }
        };
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        Some(Self { script: run(&programs, port), programs, port })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The variables by which a program reaches it.
    pub fn variables(&self) -> [(String, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", "tests"),
            ("AWS_SECRET_ACCESS_KEY", "nobody's secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.url()),
            ("AWS_ALLOW_HTTP", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    pub fn make_bucket(&self, name: &str) {
        let made = ureq::put(format!("{}/{name}", self.url())).send_empty();
        assert_eq!(made.expect("an answer").status(), 200);
    }

    /// From the next request on, credentials count, and nobody has any.
    pub fn ask_for_credentials(&self) {
        let asked = ureq::post(format!("{}/moto-api/reset-auth", self.url()))
            .header("content-type", "text/plain")
            .send("0");
        assert_eq!(asked.expect("an answer").status(), 200);
    }

    /// Ends the server at once, with all that it has.
    pub fn kill(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().expect("reaped");
    }

    pub fn start_again(&mut self) {
        self.script = run(&self.programs, self.port);
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}

/// Starts the server, and waits until it listens.
fn run(programs: &Path, port: u16) -> Child {
    let mut script = Command::new("sh")
        .args(["-c", include_str!("s3.sh"), "s3.sh"])
        .arg(programs)
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut said = BufReader::new(script.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let listens = said.by_ref().any(|line| line.contains("Running on"));
    assert!(listens, "moto_server has ended; is its port taken?");
    // A line for each request.
    thread::spawn(move || said.for_each(drop));
    script
}
