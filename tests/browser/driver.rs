//! Chromium without a screen, driven through its WebDriver: <https://www.w3.org/TR/webdriver2/>.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::eventually::eventually;

/// What the protocol calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// For a script in a page, in milliseconds: axe-core takes long over a large page on a busy machine.
const SCRIPT_MS: u32 = 600_000;
/// How long a condition may take to come true, in milliseconds.
const PATIENCE_MS: u32 = 120_000;

/// A browser with one tab.
pub struct Driver {
    process: Child,
    /// Open as long as the driver may want to print.
    _said: BufReader<ChildStdout>,
    session: String,
    /// Where it downloads to.
    downloads: TempDir,
}

/// What to look at a page with.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub name: &'static str,
    /// In CSS pixels.
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
}

impl Driver {
    /// A fresh browser that asks for pages in `language`; an error says what is missing.
    pub fn start(language: &str) -> Result<Self, String> {
        let found = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut process = found.map_err(|error| {
            format!("chromedriver: {error}; install chromium and chromium-driver (apt-get install)")
        })?;
        let mut said = BufReader::new(process.stdout.take().expect("piped"));
        let mut line = String::new();
        let port = loop {
            line.clear();
            if said.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
                return Err("chromedriver ends before it has a port".into());
            }
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        let downloads = TempDir::new().map_err(|error| error.to_string())?;
        let session = format!("http://127.0.0.1:{port}/session");
        let mut driver = Self { process, _said: said, session, downloads };
        let created = driver.try_post("", &capabilities(language, driver.downloads.path()))?;
        let id = created["sessionId"].as_str().ok_or("a session without an id")?;
        driver.session = format!("{}/{id}", driver.session);
        Ok(driver)
    }

    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Waits until `selector` finds something, and gives it.
    pub fn find(&self, selector: &str) -> Element<'_> {
        self.locate("css selector", selector)
    }

    /// Waits until a page shows `text` within one element of `selector`.
    pub fn find_text(&self, element: &str, text: &str) -> Element<'_> {
        self.locate("xpath", &format!("//{element}[contains(normalize-space(.), '{text}')]"))
    }

    fn locate(&self, using: &str, value: &str) -> Element<'_> {
        let found = self.post("/element", &json!({ "using": using, "value": value }));
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("{value}: {found}")).to_owned();
        Element { driver: self, id }
    }

    /// What `script`, the body of a function, returns; a promise is waited for.
    pub fn ask(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// The text of the file `name`, once the browser has downloaded it: until then nothing is in it, since what has
    /// come so far is called something else.
    pub fn downloaded(&self, name: &str) -> String {
        let file = self.downloads.path().join(name);
        eventually(&format!("{name} is downloaded"), || {
            std::fs::metadata(&file).is_ok_and(|file| file.len() > 0)
        });
        std::fs::read_to_string(file).expect("a file")
    }

    /// Runs `script` in every page that is opened from now on, before the page's own.
    pub fn run_before_pages(&self, script: &str) {
        self.tell_browser("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Waits until `script`, the body of a function, returns `expected`.
    pub fn wait_for(&self, script: &str, expected: &Value) {
        eventually(&format!("{script} is {expected}"), || self.ask(script, &[]) == *expected);
    }

    /// Draws a line over the element `selector` with a pointer, `mouse`, `touch` or `pen`: from point to point, in CSS
    /// pixels from its middle.
    pub fn draw(&self, pointer: &str, selector: &str, points: &[(i32, i32)]) {
        let element = self.find(selector).reference();
        let move_to = |(x, y): (i32, i32)| json!({ "type": "pointerMove", "duration": 20, "x": x, "y": y, "origin": element });
        let mut actions = vec![move_to(points[0]), json!({ "type": "pointerDown", "button": 0 })];
        actions.extend(points[1..].iter().map(|point| move_to(*point)));
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        let parameters = json!({ "pointerType": pointer });
        let source =
            json!({ "type": "pointer", "id": pointer, "parameters": parameters, "actions": actions });
        self.post("/actions", &json!({ "actions": [source] }));
    }

    /// Presses `keys` one after the other; those before a `+` are held.
    pub fn press(&self, keys: &str) {
        let mut actions = Vec::new();
        for chord in keys.split(' ') {
            let chord: Vec<&str> = chord.split('+').map(key_value).collect();
            actions.extend(chord.iter().map(|key| json!({ "type": "keyDown", "value": key })));
            actions.extend(chord.iter().rev().map(|key| json!({ "type": "keyUp", "value": key })));
        }
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// Looks at the page with `screen`.
    pub fn set_screen(&self, screen: Screen) {
        let Screen { width, height, is_dark, .. } = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tell_browser("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([
            { "name": "prefers-color-scheme", "value": if is_dark { "dark" } else { "light" } },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.tell_browser("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// The whole page as a PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let size = self.tell_browser("Page.getLayoutMetrics", &json!({}))["cssContentSize"].clone();
        self.shot("png", &size["width"], &size["height"])
    }

    /// The first `height` pixels of a page `width` pixels wide, as WebP.
    pub fn first_view(&self, width: u32, height: u32) -> Vec<u8> {
        self.ask("scrollTo(0, 0)", &[]);
        self.shot("webp", &json!(width), &json!(height))
    }

    fn shot(&self, format: &str, width: &Value, height: &Value) -> Vec<u8> {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let shot = json!({ "format": format, "quality": 85, "captureBeyondViewport": true, "clip": clip });
        let shot = self.tell_browser("Page.captureScreenshot", &shot);
        BASE64_STANDARD.decode(shot["data"].as_str().expect("an image")).expect("base64")
    }

    /// What the browser has complained about since this was last asked: errors of scripts, breaches of the content
    /// security policy, answers that are refusals.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().expect("a list").iter();
        let serious = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        serious.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect()
    }

    fn tell_browser(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(600)))
            .build()
            .into();
        let url = format!("{}{path}", self.session);
        let mut answer = agent.post(&url).send_json(body).map_err(|error| format!("{url}: {error}"))?;
        let mut json: Value = answer.body_mut().read_json().map_err(|error| format!("{url}: {error}"))?;
        let value = json["value"].take();
        if value["error"].is_string() {
            Err(format!("{}: {}", value["error"], value["message"]))
        } else {
            Ok(value)
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Ends the browser; the driver alone would leave it behind.
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        agent.delete(&self.session).call().ok();
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Something on the page.
pub struct Element<'a> {
    driver: &'a Driver,
    id: String,
}

impl Element<'_> {
    pub fn click(&self) {
        // As a person scrolls: what stands under the bar at the top of the page cannot be reached.
        self.driver.ask(
            "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })",
            &[self.reference()],
        );
        self.post("click", &json!({}));
    }

    /// Types `text` in place of what is there.
    pub fn fill(&self, text: &str) {
        self.post("clear", &json!({}));
        self.post("value", &json!({ "text": text }));
    }

    /// Chooses the file at `path`.
    pub fn choose(&self, path: &Path) {
        self.post("value", &json!({ "text": path }));
    }

    /// What stands for it among the arguments of a script.
    pub fn reference(&self) -> Value {
        json!({ ELEMENT: self.id })
    }

    pub fn text(&self) -> String {
        let text = self.driver.ask("return arguments[0].textContent", &[self.reference()]);
        text.as_str().expect("text").trim().to_owned()
    }

    fn post(&self, command: &str, body: &Value) {
        self.driver.post(&format!("/element/{}/{command}", self.id), body);
    }
}

/// What the protocol calls a key.
fn key_value(name: &str) -> &str {
    match name {
        "Space" => " ",
        "Shift" => "\u{e008}",
        "Control" => "\u{e009}",
        "Left" => "\u{e012}",
        "Up" => "\u{e013}",
        "Right" => "\u{e014}",
        "Down" => "\u{e015}",
        "Delete" => "\u{e017}",
        other => other,
    }
}

fn capabilities(language: &str, downloads: &Path) -> Value {
    // The sandbox wants rights that a container does not give; the pages are our own.
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
        "--no-proxy-server",
    ];
    let preferences = json!({ "intl.accept_languages": language, "download.default_directory": downloads });
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "args": arguments, "prefs": preferences },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "implicit": PATIENCE_MS, "script": SCRIPT_MS },
    } } })
}
