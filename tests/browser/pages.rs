//! Every page in both languages, light and dark, wide and on a phone: looked over by axe-core and by rules of our own, and
//! kept as an image under target/screenshots.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    browser,
    driver::{Driver, Screen},
    operator::use_key,
    script::{made_once, run},
    server::TestServer,
    skip::skip_or_fail,
    studio,
};

const SCREENS: [Screen; 4] = [
    Screen { name: "wide-light", width: 1280, height: 800, is_dark: false },
    Screen { name: "wide-dark", width: 1280, height: 800, is_dark: true },
    Screen { name: "phone-light", width: 375, height: 812, is_dark: false },
    Screen { name: "phone-dark", width: 375, height: 812, is_dark: true },
];

/// The pages behind the sign-in: name, path, what is there once the page is.
const PAGES: [(&str, &str, &str); 14] = [
    ("costs", "/admin/costs", "#by-step"),
    (COSTS_IN_FULL, "/admin/costs?month=2026-11", "#by-step"),
    ("costs-days", "/admin/costs?from=2026-11-03&to=2026-11-17&quality=medium", "#only"),
    ("gallery", "/admin/gallery", ".gallery"),
    ("settings", "/admin/settings", "#machine"),
    ("reference", "/docs", ".reference"),
    ("costs-year", "/admin/costs?year=2026", "#top-line"),
    ("roi", "/admin/roi", "#results"),
    ("keys", "/admin/keys", "#make"),
    ("jobs", "/admin/jobs", "#recent"),
    ("batches", "/admin/batches", "#recent"),
    ("webhooks", "/admin/webhooks", "#make"),
    ("sessions", "/admin/sessions", "main h1"),
    ("refusal", "/admin/costs?month=x", "main h1"),
];

/// The costs with all of their tabs open, as on paper.
const COSTS_IN_FULL: &str = "costs-in-full";

/// What the README shows, kept under readme/ as files for docs/images.
const IN_README: [&str; 2] = ["costs", "playground"];

/// Buttons, links and fields must be large enough for a finger (WCAG 2.2, 2.5.8). axe-core checks that only on request.
const AXE_OPTIONS: &str = "{ resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }";

/// What a layout must keep to beside axe-core's rules, as a script that returns the faults: fields in one row are of one height,
/// cards that stand for rows on a phone need no scrolling, and no part reaches beyond the screen unless its place scrolls.
const LAYOUT: &str = "
    const faults = [], name = (part) => part.id || part.className;
    for (const place of document.querySelectorAll('.scroll:has(> .cards)')) {
        const isWide = innerWidth <= 576 && place.scrollWidth > place.clientWidth;
        if (isWide) faults.push(`cards scroll sideways: ${place.ariaLabel ?? name(place)}`);
    }
    for (const row of document.querySelectorAll('.budget-row, .filter, .inputs, .dates form')) {
        const typed = 'input:not([type=checkbox], [type=radio], [type=file], [type=range]), select';
        const heights = [...row.querySelectorAll(typed)].map((field) => field.offsetHeight);
        const different = new Set(heights.filter((height) => height > 0));
        if (different.size > 1) faults.push(`fields of ${[...different]} px in one row: ${name(row)}`);
    }
    const scrolls = '.scroll, pre, svg, .hidden, .paper, [popover], dialog, .loras, .places, .tabs, #demo .row';
    for (const part of document.querySelectorAll('main *')) {
        const box = part.getBoundingClientRect();
        const isOut = box.width > 0 && box.right > innerWidth + 1 && !part.closest(scrolls);
        if (isOut) faults.push(`beyond the screen: ${part.tagName} ${name(part)}`);
    }
    return faults;";

/// Looks with every screen at the page that is open: no serious fault, nothing wider than the screen, and an image.
struct Inspector<'a> {
    driver: &'a Driver,
    axe: &'a str,
    language: &'a str,
    faults: Vec<String>,
}

impl Inspector<'_> {
    fn inspect(&mut self, page: &str) {
        let Self { driver, axe, language, .. } = *self;
        for screen in SCREENS {
            let name = format!("{page}-{language}-{}", screen.name);
            driver.set_screen(screen);
            let found = driver.ask(&format!("{axe}\nreturn axe.run({AXE_OPTIONS})"), &[]);
            assert!(found["passes"].as_array().is_some_and(|passes| passes.len() > 9), "it looked: {found}");
            let violations = found["violations"].as_array().expect("a list").iter();
            let serious = violations.filter(|one| one["impact"] == "serious" || one["impact"] == "critical");
            self.faults.extend(serious.map(|one| format!("{name}: {}", summary(one))));
            let faults = driver.ask(LAYOUT, &[]);
            let faults = faults.as_array().expect("a list").iter();
            self.faults.extend(faults.map(|fault| format!("{name}: {fault}")));
            let overhang = driver.ask("return document.documentElement.scrollWidth - innerWidth", &[]);
            if overhang.as_i64().is_none_or(|pixels| pixels > 0) {
                self.faults.push(format!("{name}: {overhang} pixels wider than the screen"));
            }
            keep(&format!("{name}.png"), &driver.screenshot());
        }
        driver.set_screen(SCREENS[0]);
        if IN_README.contains(&page) {
            keep(&format!("readme/{page}-{language}.webp"), &driver.first_view(SCREENS[0].width, 880));
        }
    }
}

fn summary(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().expect("a list").iter().take(3);
    let nodes: Vec<_> =
        nodes.map(|node| format!("{} {}", node["target"], node["any"][0]["message"])).collect();
    format!("{} at {}", violation["id"], nodes.join("; "))
}

fn keep(name: &str, image: &[u8]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    fs::create_dir_all(folder.join("readme")).expect("a folder");
    fs::write(folder.join(name), image).expect("a file");
}

/// The source of axe-core, fetched once.
fn axe() -> Result<String, String> {
    let sources: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let folder = made_once("browser-node", &sources, &["package.json", "package-lock.json"], |folder| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        run(&mut npm).map(|_| ())
    })?;
    fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).map_err(|error| error.to_string())
}

fn every_page(language: &str, prompt: &str) {
    let axe = match axe() {
        Ok(axe) => axe,
        Err(reason) => return skip_or_fail("axe-core", &reason),
    };
    let Some(driver) = browser(language) else { return };
    let (server, key) = studio::open();
    let mut inspector = Inspector { driver: &driver, axe: &axe, language, faults: Vec::new() };
    driver.set_screen(SCREENS[0]);
    driver.open(&format!("{}/admin/sign-in", server.url));
    driver.find(&format!("html[lang={language}] #secret"));
    inspector.inspect("sign-in");
    driver.find("#secret").fill(&key.reveal());
    driver.find("main form button:not([name])").click();
    driver.find("#standing");
    for (name, path, ready) in PAGES {
        driver.open(&format!("{}{path}", server.url));
        driver.find(ready);
        if name == COSTS_IN_FULL {
            driver.ask("dispatchEvent(new Event('beforeprint'))", &[]);
        }
        inspector.inspect(name);
    }
    driver.open(&format!("{}/admin/keys", server.url));
    driver.find_text("a", "shop window").click();
    driver.find("#grace_hours");
    inspector.inspect("key");
    playground(&mut inspector, &server, &key.reveal(), prompt);
    let refused = "the server responded with a status of 400";
    let complaints = driver.complaints().into_iter().filter(|complaint| !complaint.contains(refused));
    inspector.faults.extend(complaints);
    assert!(inspector.faults.is_empty(), "{}", inspector.faults.join("\n"));
}

fn playground(inspector: &mut Inspector<'_>, server: &TestServer, key: &str, prompt: &str) {
    let driver = inspector.driver;
    driver.open(&format!("{}/playground", server.url));
    driver.find("#own-key");
    inspector.inspect("playground-empty");
    use_key(driver, server, key);
    driver.find("#seed").fill("42");
    driver.find("#prompt").fill(prompt);
    driver.find("#paint").click();
    driver.find("#gallery > li.picture:not(.in-work) [data-part=done]:not([hidden])");
    driver.find("#paint:not([hidden])");
    inspector.inspect("playground");
    driver.find("#gallery [data-part=edit]").click();
    driver.find("#edit:not([hidden])");
    driver.draw("mouse", "#mask", &[(-60, -40), (0, 20), (70, -30)]);
    driver.find("#paint-edit").click();
    driver.find("#gallery > li.picture:not(.in-work):nth-child(2)");
    driver.find("#gallery [data-part=compare]:not([hidden])").click();
    driver.find("#gallery [data-part=slider]:not([hidden])");
    driver.ask("document.querySelector('#edit details').open = true", &[]);
    inspector.inspect("playground-edit");
}

#[test]
fn every_page_in_english() {
    every_page("en", "a red apple on a blue background");
}

#[test]
fn every_page_in_chinese() {
    every_page("zh-CN", "蓝色背景上的红苹果");
}
