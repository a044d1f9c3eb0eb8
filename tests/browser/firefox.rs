//! The main paths in Firefox without a screen, driven through Marionette, the protocol that its own driver speaks to it: a length,
//! a colon, and JSON, over TCP (<https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html>).

use std::{
    cell::{Cell, RefCell},
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{eventually::eventually, server::TestServer, skip::skip_or_fail};

/// What the protocol calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long an element may take to appear, and a page to load, in milliseconds.
const PATIENCE_MS: u32 = 120_000;
/// It takes any free port, and opens nothing of its own.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("intl.accept_languages", "en");
user_pref("network.proxy.type", 0);
user_pref("browser.startup.page", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.disabledForTesting", true);
user_pref("extensions.update.enabled", false);
"#;

/// A Firefox with one tab.
struct Firefox {
    process: Child,
    _profile: TempDir,
    stream: RefCell<TcpStream>,
    /// Commands that were sent.
    sent: Cell<u32>,
}

impl Firefox {
    /// A fresh one, or none if it is not installed.
    fn start() -> Option<Self> {
        let profile = TempDir::new().expect("a profile");
        fs::write(profile.path().join("user.js"), PREFERENCES).expect("preferences");
        let started = Command::new("firefox-esr")
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(profile.path())
            .env("HOME", profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                skip_or_fail("Firefox", &format!("firefox-esr: {error}; apt-get install firefox-esr"));
                return None;
            }
        };
        let (file, mut port) = (profile.path().join("MarionetteActivePort"), None);
        eventually("Firefox names its port", || {
            port = fs::read_to_string(&file).ok().and_then(|port| port.trim().parse::<u16>().ok());
            port.is_some()
        });
        let stream = TcpStream::connect(("127.0.0.1", port.expect("a port"))).expect("Firefox listens");
        let firefox = Self { process, _profile: profile, stream: RefCell::new(stream), sent: Cell::new(0) };
        let greeting = firefox.read();
        assert_eq!(greeting["marionetteProtocol"], 3, "{greeting}");
        firefox.tell("WebDriver:NewSession", &json!({}));
        let patience = json!({ "implicit": PATIENCE_MS, "pageLoad": PATIENCE_MS, "script": PATIENCE_MS });
        firefox.tell("WebDriver:SetTimeouts", &patience);
        Some(firefox)
    }

    fn open(&self, url: &str) {
        self.tell("WebDriver:Navigate", &json!({ "url": url }));
    }

    /// Waits until `selector` finds something, and gives its id.
    fn find(&self, selector: &str) -> String {
        let found =
            self.tell("WebDriver:FindElement", &json!({ "using": "css selector", "value": selector }));
        found["value"][ELEMENT].as_str().unwrap_or_else(|| panic!("{selector}: {found}")).to_owned()
    }

    fn click(&self, selector: &str) {
        let id = self.find(selector);
        // As a person scrolls: what stands under the bar at the top of the page cannot be reached.
        let script = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.ask_with(script, &[json!({ ELEMENT: id })]);
        self.tell("WebDriver:ElementClick", &json!({ "id": id }));
    }

    /// Types `text` in place of what is there.
    fn fill(&self, selector: &str, text: &str) {
        let id = self.find(selector);
        self.tell("WebDriver:ElementClear", &json!({ "id": id }));
        self.tell("WebDriver:ElementSendKeys", &json!({ "id": id, "text": text }));
    }

    /// What `script`, the body of a function, returns; a promise is waited for.
    fn ask(&self, script: &str) -> Value {
        self.ask_with(script, &[])
    }

    fn ask_with(&self, script: &str, arguments: &[Value]) -> Value {
        let mut answer =
            self.tell("WebDriver:ExecuteScript", &json!({ "script": script, "args": arguments }));
        answer["value"].take()
    }

    /// Waits until `script` returns `expected`.
    fn wait_for(&self, script: &str, expected: &Value) {
        eventually(&format!("{script} is {expected}"), || self.ask(script) == *expected);
    }

    /// Sends a command, `[0, id, name, parameters]`, and gives the result of its answer, `[1, id, error, result]`.
    fn tell(&self, command: &str, parameters: &Value) -> Value {
        let id = self.sent.get() + 1;
        self.sent.set(id);
        let text = json!([0, id, command, parameters]).to_string();
        let framed = format!("{}:{text}", text.len());
        self.stream.borrow_mut().write_all(framed.as_bytes()).expect("Firefox listens");
        let mut answer = self.read();
        assert_eq!((&answer[0], &answer[1]), (&json!(1), &json!(id)), "{command}: {answer}");
        assert_eq!(answer[2], Value::Null, "{command} {parameters}");
        answer[3].take()
    }

    fn read(&self) -> Value {
        let mut stream = self.stream.borrow_mut();
        let (mut length, mut byte) = (0_usize, [0_u8]);
        loop {
            stream.read_exact(&mut byte).expect("Firefox answers");
            match byte[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut text = vec![0; length];
        stream.read_exact(&mut text).expect("a whole answer");
        serde_json::from_slice(&text).expect("JSON")
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // Its children end with it.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn firefox_signs_in_generates_keeps_a_favourite_and_reads_the_costs() {
    let Some(firefox) = Firefox::start() else { return };
    let server = TestServer::start_with(|config| config.pictures.keep_prompts = true);
    firefox.open(&format!("{}/admin/sign-in?next=/admin/costs", server.url));
    firefox.fill("#secret", &server.key);
    firefox.click("main form button:not([name])");
    firefox.find("#standing");

    firefox.open(&format!("{}/playground", server.url));
    // Whoever has signed in needs no key.
    firefox.find("#own-key");
    firefox.fill("#prompt", "a lighthouse at dawn");
    firefox.click("#paint");
    firefox.find("#gallery > li.picture:not(.in-work) [data-part=done]:not([hidden])");
    let width = "return document.querySelector('#gallery [data-part=image]').naturalWidth";
    firefox.wait_for(width, &json!(32));
    let asked = format!(
        "return fetch('/v1/images/generations', {{ method: 'POST',
             headers: {{ 'Content-Type': 'application/json', Authorization: 'Bearer {}' }},
             body: JSON.stringify({{ prompt: 'a red apple', seed: 7, response_format: 'url' }}) }}).then((answer) => answer.status)",
        server.key
    );
    assert_eq!(firefox.ask(&asked), json!(200));

    firefox.open(&format!("{}/admin/gallery?prompt=red+apple", server.url));
    firefox.find(".gallery li img");
    assert_eq!(firefox.ask("return document.querySelectorAll('.gallery li').length"), json!(1));
    firefox.click(".gallery .open");
    firefox.find("#lightbox[open]");
    firefox.click("#lightbox [data-star] button");
    firefox.find(".gallery li.favourite");
    firefox.open(&format!("{}/admin/gallery?favourite=1", server.url));
    firefox.find(".gallery li.favourite");

    firefox.open(&format!("{}/admin/costs", server.url));
    firefox.find("#headline");
    let images = "return document.querySelector('#images .explained').textContent";
    assert_eq!(firefox.ask(images), json!("2"));
}
