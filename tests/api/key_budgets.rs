//! The budgets of a key's form: an amount, its unit, its period, and what happens when it is used up.

use serde_json::json;

use crate::{browser::Browser, client::Response, server::TestServer};

/// A row: amount, unit, period, limit.
type Row<'a> = [&'a str; 4];

const PARTS: Row<'_> = ["amount", "unit", "period", "limit"];

/// Every unit, period and limit, in the order in which they are shown.
const ALL: [Row<'_>; 12] = [
    ["20", "money", "month", "hard"],
    ["15.5", "money", "month", "soft"],
    ["100", "images", "month", "hard"],
    ["90", "images", "month", "soft"],
    ["2.5", "kWh", "month", "hard"],
    ["2", "kWh", "month", "soft"],
    ["0.125", "money", "day", "hard"],
    ["0", "money", "day", "soft"],
    ["1", "images", "day", "hard"],
    ["0", "images", "day", "soft"],
    ["0.000001", "kWh", "day", "hard"],
    ["0", "kWh", "day", "soft"],
];

/// Sends a key's form with these rows to `path`.
fn submit(browser: &mut Browser<'_>, path: &str, name: &str, rows: &[Row<'_>]) -> Response {
    let row = |(at, row): (usize, &Row<'_>)| -> Vec<_> {
        let fields = PARTS.iter().zip(*row);
        fields.map(|(part, value)| (format!("budget_{part}_{at}"), value.to_owned())).collect()
    };
    let rows: Vec<(String, String)> = rows.iter().enumerate().flat_map(row).collect();
    let mut fields = vec![("name", name), ("images", "on")];
    fields.extend(rows.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    browser.submit(path, &fields)
}

/// The rows that a page's form shows, each with whether it is marked as wrong; those to be filled are left out.
fn shown(page: &str) -> Vec<([String; 4], bool)> {
    let rows = page.split("<div class=\"budget-row\">").skip(1).map(|row| {
        let after = |text: &str, mark: &str| {
            let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{mark} in {text}"));
            rest.split('"').next().expect("a value").to_owned()
        };
        let (input, choices) = row.split_once("<select").expect("choices");
        let mut choices = choices.split("<select").map(|choice| {
            let chosen = choice.split("<option").find(|option| option.contains(" selected"));
            chosen.map_or_else(|| after(choice, "option value=\""), |option| after(option, "value=\""))
        });
        let mut choice = || choices.next().expect("a choice");
        let row = [after(input, " value=\""), choice(), choice(), choice()];
        (row, input.contains("aria-invalid=\"true\""))
    });
    rows.filter(|(row, _)| !row[0].is_empty()).collect()
}

/// The budgets in the ledger of the only key called `name`, and that key's public id.
fn kept(server: &TestServer, name: &str) -> (String, String) {
    let keys = server.ledger().keys().expect("keys");
    let mut named = keys.iter().filter(|key| key.name == name);
    let (Some(key), None) = (named.next(), named.next()) else { panic!("no key, or several: {name}") };
    (key.rules.budgets.to_string(), key.public_id.clone())
}

#[test]
fn every_unit_period_and_limit_is_kept_shown_again_and_removed() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/keys").text;
    assert!(page.contains("<option value=\"money\">CNY</option>"), "an amount has a currency: {page}");
    assert_eq!(submit(&mut browser, "/admin/keys", "all", &ALL).status, 303);
    let (budgets, id) = kept(&server, "all");
    assert_eq!(
        budgets,
        "20.00 a month, soft 15.50 a month, 100 images a month, soft 90 images a month, 2.5 kWh a month, soft 2 kWh a month, \
         0.125 a day, soft 0.00 a day, 1 image a day, soft 0 images a day, 0.000001 kWh a day, soft 0 kWh a day"
    );

    let one = format!("/admin/keys/{id}");
    let page = browser.open(&one);
    let rows = shown(&page.text);
    let expected = ALL.map(|[amount, unit, period, limit]| {
        let amount = match (amount, unit) {
            ("20", _) => "20.00",
            ("15.5", _) => "15.50",
            ("0", "money") => "0.00",
            (amount, _) => amount,
        };
        ([amount, unit, period, limit].map(str::to_owned), false)
    });
    assert_eq!(rows, expected);
    let events = || server.ledger().key_events(Some(&id)).expect("a log").len();
    let before = events();
    let same: Vec<_> = rows.iter().map(|(row, _)| row.each_ref().map(String::as_str)).collect();
    assert_eq!(submit(&mut browser, &one, "all", &same).status, 303);
    assert_eq!((kept(&server, "all").0, events()), (budgets, before), "as it is shown it changes nothing");

    // A row that is emptied is a budget that is removed, wherever it stands.
    let mut fewer = vec![["", "money", "month", "hard"]; 12];
    fewer[7] = ["3", "images", "day", "soft"];
    assert_eq!(submit(&mut browser, &one, "all", &fewer).status, 303);
    assert_eq!(kept(&server, "all").0, "soft 3 images a day");
    assert_eq!(submit(&mut browser, &one, "all", &[]).status, 303);
    assert_eq!(kept(&server, "all").0, "none");
}

#[test]
fn an_amount_that_cannot_be_is_marked_in_both_languages_and_nothing_is_lost_or_written() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.open("/admin/keys");
    assert_eq!(submit(&mut browser, "/admin/keys", "before", &[["5", "images", "day", "soft"]]).status, 303);
    let (budgets, id) = kept(&server, "before");
    let (count, one) = (server.ledger().keys().expect("keys").len(), format!("/admin/keys/{id}"));
    let good = ["7", "images", "month", "soft"];
    let bad: [Row<'_>; 13] = [
        ["-1", "money", "month", "hard"],
        ["1,5", "money", "month", "hard"],
        ["1e3", "money", "day", "soft"],
        [".", "money", "day", "hard"],
        ["1.2.3", "kWh", "day", "hard"],
        ["twenty", "kWh", "month", "soft"],
        ["二十", "money", "month", "soft"],
        ["1.5", "images", "day", "hard"],
        ["4294967296", "images", "day", "hard"],
        ["99999999999999999999", "money", "month", "hard"],
        ["20, 5 images", "money", "month", "hard"],
        ["20 a day", "money", "month", "hard"],
        // The same thing as the row that is good.
        ["8", "images", "month", "soft"],
    ];
    for (language, words) in [("en", "Write an amount such as 20"), ("zh-CN", "数量的写法如 20")] {
        browser.set_cookie("tintype_language", language);
        for wrong in bad {
            for path in ["/admin/keys", one.as_str()] {
                let refused = submit(&mut browser, path, "after", &[good, wrong]);
                assert_eq!(refused.status, 422, "{wrong:?}");
                assert!(refused.text.contains(words), "{wrong:?} in {language}: {}", refused.text);
                let is_twice = wrong[1..] == good[1..];
                let expected = [(good, is_twice), (wrong, true)]
                    .map(|(row, is_wrong)| (row.map(str::to_owned), is_wrong));
                assert_eq!(shown(&refused.text), expected, "{language}");
                assert!(refused.text.contains("value=\"after\""), "its other fields stay too");
            }
        }
        for [_, unit, period, limit] in
            [["", "yuan", "day", "hard"], ["", "kWh", "week", "hard"], ["", "kWh", "day", "firm"]]
        {
            let refused = submit(&mut browser, "/admin/keys", "after", &[["1", unit, period, limit]]);
            assert!(refused.status == 422 && refused.text.contains(words), "{unit} {period} {limit}");
        }
    }
    assert_eq!(kept(&server, "before"), (budgets, id), "nothing was written");
    assert_eq!(server.ledger().keys().expect("keys").len(), count);
}

#[test]
fn what_is_used_up_refuses_or_only_warns_as_its_row_says() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    for unit in ["money", "images", "kWh"] {
        for period in ["day", "month"] {
            for (limit, status) in [("hard", 429), ("soft", 200)] {
                let name = format!("{limit} {unit} a {period}");
                browser.open("/admin/keys");
                let made = submit(&mut browser, "/admin/keys", &name, &[["0", unit, period, limit]]);
                let shown = browser.open(made.header("location")).text;
                let (_, rest) = shown.split_once("value=\"tt-").expect("a secret");
                let key = format!("tt-{}", rest.split('"').next().expect("a value"));
                let order = json!({ "prompt": "x", "size": "16x16" });
                let answer = server.post("/v1/images/generations").bearer(&key).json(&order);
                assert_eq!(answer.status, status, "{name}: {}", answer.text);
                match limit {
                    "hard" => assert_eq!(answer.json()["error"]["code"], "insufficient_quota", "{name}"),
                    _ => assert!(answer.header("x-tintype-warning").contains("soft"), "{name}"),
                }
            }
        }
    }
}
