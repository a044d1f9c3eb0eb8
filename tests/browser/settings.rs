//! Setting up on a page: what a change comes to, before it is saved and after.

use serde_json::json;

use crate::{browser, driver::Screen, operator::assert_quiet, server::TestServer};

#[test]
fn a_machine_is_entered_from_a_preset_and_its_effect_is_seen_at_once() {
    let Some(driver) = browser("en") else { return };
    let server = TestServer::start();
    driver.open(&format!("{}/admin/sign-in?next=/admin/costs", server.url));
    driver.find("#secret").fill(&server.key);
    driver.find("main form button:not([name])").click();
    driver.find(".examples a").click();
    driver.find("#machine a[href*=preset]").click();
    driver.wait_for("return document.getElementById('machine-price')?.value", &json!("17300.00"));
    // Only the fields of the chosen way of wearing out are there.
    driver.wait_for("return document.getElementById('machine-years').closest('.field').hidden", &json!(true));
    driver.find("#machine-price").fill("27300");
    driver.find_text("th", "With this change");
    let changed = driver.ask("return document.querySelectorAll('#effect .changed').length", &[]);
    assert!(changed.as_i64() >= Some(4), "{changed}");
    assert!(server.ledger().assets().expect("parts").is_empty(), "nothing is written yet");
    // Two presses are one part.
    driver
        .ask("const save = document.querySelector('#machine form button'); save.click(); save.click()", &[]);
    driver.find("#machine .tag.good");
    assert_eq!(server.ledger().assets().expect("parts").len(), 1);

    driver.find("#electricity-per_kwh").fill("0.9");
    driver.find("#electricity form button").click();
    driver.find("#electricity .tag.good");
    driver.open(&format!("{}/admin/costs", server.url));
    driver.find("#standing");
    assert_eq!(
        driver.ask("return document.querySelector('.examples')", &[]),
        json!(null),
        "all is one's own"
    );
    assert_quiet(&driver);
}

#[test]
fn the_costs_are_read_in_tabs_that_keep_their_place() {
    let Some(driver) = browser("en") else { return };
    let (server, key) = crate::studio::open();
    driver.set_screen(Screen { name: "wide", width: 1440, height: 900, is_dark: false });
    driver.open(&format!("{}/admin/sign-in?next=/admin/costs", server.url));
    driver.find("#secret").fill(&key.reveal());
    driver.find("main form button:not([name])").click();
    driver.find("#headline");
    let shown = "return [...document.querySelectorAll('.panel')].filter((panel) => !panel.hidden).map((panel) => panel.id).join()";
    driver.wait_for(shown, &json!("overview"));
    let in_view = "return document.querySelector('#used').getBoundingClientRect().bottom < innerHeight";
    assert_eq!(driver.ask(in_view, &[]), json!(true), "figures and bar are in the first view");
    driver.find(".tabs a[href='#breakdown']").click();
    driver.wait_for(shown, &json!("breakdown"));
    driver.reload();
    driver.wait_for(shown, &json!("breakdown"));
    // A press on a bar leads to the key's share, and its row there to the key.
    let press = "document.querySelector('#by-key .mark[data-page]').dispatchEvent(new MouseEvent('click', { bubbles: true }))";
    driver.ask(press, &[]);
    driver.find("#only");
    let shown_only = driver.ask("return document.querySelectorAll('#by-key tbody tr').length", &[]);
    assert_eq!(shown_only, json!(1));
    driver.ask("location.href = document.querySelector('#by-key tbody a').href", &[]);
    driver.find("#grace_hours");
    driver.open(&format!("{}/admin/costs#books", server.url));
    driver.wait_for(shown, &json!("books"));
    driver.find("#budgets");
    driver.ask("dispatchEvent(new Event('beforeprint'))", &[]);
    driver.wait_for(shown, &json!("overview,breakdown,comparison,books"));
    assert_quiet(&driver);
}
