//! Images that are bought from a commercial service while there is no room here.

use serde_json::{Value, json};
use tintype::{
    config::OverflowConfig,
    domain::{Calendar, RequestId},
    ledger::{AuditBasis, KeyRules, Month, MonthReport, PurchaseState},
    units::Money,
};

use crate::{
    browser::Browser,
    client::{IMAGES, Response},
    commercial_api::{CommercialApi, Reply},
    server::TestServer,
};

/// 0.04 dollars at 6.97.
const PRICE: &str = "0.2788";

/// A server that buys from `api`, and a key whose prompts may leave.
fn server(api: &CommercialApi, changes: &Value) -> (TestServer, String) {
    let directory = tempfile::TempDir::new().expect("a directory");
    let overflow = api.overflow(&directory.path().join("key"), changes);
    let overflow: OverflowConfig = serde_json::from_value(overflow).expect("an overflow");
    let server = TestServer::start_with(|config| {
        config.overflow = vec![overflow];
        config.limits.queue_depth_max = 128;
    });
    let rules = KeyRules { scopes: IMAGES, may_overflow: true, ..KeyRules::default() };
    let key = server.make_key(1, rules).reveal();
    (server, key)
}

fn generate(server: &TestServer, key: &str, body: &Value) -> Response {
    server.post("/v1/images/generations").bearer(key).json(body)
}

fn made_by(answer: &Response) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("x-tintype-made-by")
}

fn report(server: &TestServer) -> MonthReport {
    let config = tintype::config::Config::default();
    let now = jiff::Timestamp::now();
    let month = Month::of(now, &Calendar::UTC);
    let costs = config.cost_model(Calendar::UTC.to_datetime(now).date()).expect("costs");
    server.ledger().month_report(&costs, month, &[], &Calendar::UTC, now).expect("a report")
}

/// Every control of the books holds.
fn assert_audited(server: &TestServer) {
    let config = tintype::config::Config::default();
    let now = jiff::Timestamp::now();
    let costs = config.cost_model(Calendar::UTC.to_datetime(now).date()).expect("costs");
    let basis = AuditBasis { costs: &costs, calendar: &Calendar::UTC, kept: &[], tolerance_percent: 5 };
    for control in server.ledger().audit(&basis, now).expect("controls") {
        assert!(control.breaks.is_empty(), "{}: {:?}", control.kind, control.breaks);
    }
}

fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

#[test]
fn an_image_is_bought_for_a_key_that_may_leave_and_the_books_say_so() {
    let api = CommercialApi::start();
    let (server, key) = server(&api, &json!({}));
    let body = json!({ "prompt": "a house", "n": 2 });
    let keyed =
        || server.post("/v1/images/generations").bearer(&key).header("idempotency-key", "one").json(&body);
    let answer = keyed();
    assert!(made_by(&answer).starts_with("acme; acme is asked whatever the wait"), "{}", made_by(&answer));
    let image = &answer.json()["data"][1];
    assert_eq!((&image["seed"], image["receipt"]["total"].to_string().as_str()), (&Value::Null, PRICE));
    let purchase = &image["receipt"]["purchase"];
    assert_eq!(
        (&purchase["from"], &purchase["state"], &purchase["prompt_left_the_house"]),
        (&json!("acme"), &json!("bought"), &json!(true))
    );
    assert_eq!(image["receipt"]["energy_kwh"].to_string(), "0");
    let order = api.orders().remove(0);
    assert_eq!((order.authorization.as_str(), &order.body["n"]), ("Bearer sk-commercial", &json!(2)));
    assert_eq!((order.idempotency_key.len(), &order.body["prompt"]), (64, &json!("a house")));

    // A repeat is answered with the same images, and nobody is asked.
    let again = keyed();
    assert!(made_by(&again).starts_with("acme; "));
    assert_eq!(again.json()["data"], answer.json()["data"]);
    let id = image["receipt"]["request_id"].as_str().expect("an id");
    let receipts = server.get(&format!("/v1/receipts/{id}")).bearer(&key).send("").json();
    assert_eq!(receipts["data"][0]["receipt"], answer.json()["data"][0]["receipt"]);

    // A stream waits for the bought image.
    let stream = generate(&server, &key, &json!({ "prompt": "x", "stream": true, "partial_images": 2 }));
    assert!(stream.text.contains("event: image_generation.completed"), "{}", stream.text);
    assert!(stream.text.contains(r#""from":"acme""#), "{}", stream.text);
    assert_eq!(api.orders().len(), 2);

    // What may not leave, or is of this model, stays.
    for (key, body, said) in [
        (&server.key, json!({ "prompt": "x" }), "this key's prompts may not leave"),
        (&key, json!({ "prompt": "x", "seed": 7 }), "seed"),
        (&key, json!({ "prompt": "x", "size": "64x64" }), "acme has no 64x64"),
        (&key, json!({ "prompt": "x", "quality": "low" }), "acme has no quality low"),
        (&key, json!({ "prompt": "x", "n": 5 }), "at most 4"),
    ] {
        let answer = generate(&server, key, &body);
        assert!(
            made_by(&answer).starts_with("here; ") && made_by(&answer).contains(said),
            "{}",
            made_by(&answer)
        );
        assert!(answer.json()["data"][0]["receipt"]["purchase"].is_null());
    }
    assert_eq!(api.orders().len(), 2);

    let month = report(&server);
    let bought = month.overflow.as_ref().expect("bought images");
    assert_eq!((bought.bought_images, bought.bought_total), (3, money("0.8364")));
    assert_eq!((bought.doubtful_images, month.figures.images), (0, 9));
    let all_in = month.whole.as_ref().expect("a month").fully_loaded_total;
    assert_eq!(bought.paid_total, all_in.plus(bought.bought_total).ok());
    assert!(bought.another_device_saves < bought.bought_total && bought.here_total > Money::ZERO);
    assert_audited(&server);
    let admin = |path: &str| server.get(path).bearer(&server.key).send("");
    let jobs = admin("/admin/jobs.json").json();
    let recent = jobs["recent"].as_array().expect("jobs");
    assert_eq!(recent.iter().filter(|job| job["purchase"]["state"] == "bought").count(), 2, "{jobs}");
    let csv = admin("/admin/costs.csv").text;
    assert!(csv.lines().next().expect("a head").contains("bought_images,bought_total"), "{csv}");
    assert!(csv.contains(",3,0.8364,0,"), "{csv}");
    let focus = admin("/admin/costs.csv?format=focus").text;
    let row = focus.lines().find(|line| line.contains("bought image")).expect("a row");
    assert!(row.starts_with("0.8364,") && row.contains(",acme,"), "{row}");
}

#[test]
fn what_fails_there_is_made_here_and_what_is_in_doubt_is_booked_once() {
    let api = CommercialApi::start();
    let (server, key) = server(&api, &json!({ "timeout_seconds": 2 }));
    let failures = [
        (Reply::Status(429), PurchaseState::Refused),
        (Reply::Status(500), PurchaseState::Refused),
        (Reply::Status(504), PurchaseState::Doubtful),
        (Reply::Cut, PurchaseState::Doubtful),
        (Reply::WrongSize, PurchaseState::Doubtful),
        (Reply::OneMore, PurchaseState::Doubtful),
        (Reply::NoImage, PurchaseState::Doubtful),
        (Reply::UrlsElsewhere, PurchaseState::Doubtful),
        (Reply::Silence, PurchaseState::Doubtful),
    ];
    for (reply, state) in failures {
        api.will_answer(&[reply]);
        let answer = generate(&server, &key, &json!({ "prompt": "x" }));
        assert!(made_by(&answer).starts_with("here; acme was asked: "), "{reply:?}: {}", made_by(&answer));
        let receipt = &answer.json()["data"][0]["receipt"];
        assert_eq!(receipt["purchase"]["state"], state.as_str(), "{reply:?}");
        assert_ne!(receipt["total"].to_string(), PRICE, "it was made here");
        let id = RequestId::from_digits(receipt["request_id"].as_str().expect("an id")).expect("an id");
        let purchase = server.ledger().purchase(id).expect("no error").expect("a purchase");
        assert_eq!(purchase.state, state, "{reply:?}");
    }
    assert_eq!(api.orders().len(), failures.len(), "each was asked for once");
    let month = report(&server);
    let bought = month.overflow.as_ref().expect("purchases");
    assert_eq!((bought.bought_images, bought.doubtful_images, month.figures.images), (0, 7, 9));
    assert_eq!(bought.doubtful_total, money("1.9516"));
    assert_audited(&server);
}

#[test]
fn sixty_four_clients_at_once_do_not_pass_the_days_cap() {
    let api = CommercialApi::start();
    // Five images, and not quite a sixth.
    let (server, key) = server(&api, &json!({ "max_a_day": 1.6727 }));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || generate(&server, &key, &json!({ "prompt": "x" }));
        let clients: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    let bought = answers.iter().filter(|answer| made_by(answer).starts_with("acme; ")).count();
    assert_eq!((bought, api.orders().len()), (5, 5));
    let month = report(&server);
    assert_eq!((month.overflow.expect("bought").bought_total, month.figures.images), (money("1.394"), 59));
    assert_audited(&server);
}

#[test]
fn an_image_that_comes_as_a_url_is_fetched_from_the_sellers_host_alone() {
    let api = CommercialApi::start();
    let (server, key) = server(&api, &json!({}));
    api.will_answer(&[Reply::Urls, Reply::UrlsElsewhere]);
    let fetched = generate(&server, &key, &json!({ "prompt": "x", "n": 2 }));
    assert!(made_by(&fetched).starts_with("acme; "), "{}", made_by(&fetched));
    assert_eq!(fetched.json()["data"].as_array().map(Vec::len), Some(2));
    let elsewhere = generate(&server, &key, &json!({ "prompt": "x" }));
    assert!(
        made_by(&elsewhere).contains("elsewhere.test, which is not in image_hosts"),
        "{}",
        made_by(&elsewhere)
    );
    let bought = report(&server).overflow.expect("purchases");
    assert_eq!((bought.bought_images, bought.doubtful_images), (2, 1));
}

#[test]
fn a_doubt_is_resolved_on_a_page_and_the_metrics_count_it() {
    let api = CommercialApi::start();
    let (server, key) = server(&api, &json!({}));
    api.will_answer(&[Reply::Cut]);
    let answer = generate(&server, &key, &json!({ "prompt": "x" }));
    let id = answer.json()["data"][0]["receipt"]["request_id"].as_str().expect("an id").to_owned();
    let metrics = || server.get("/metrics").send("").text;
    let counted = metrics();
    for line in [
        "tintype_overflow_purchases_total{seller=\"acme\",outcome=\"doubtful\"} 1",
        "tintype_overflow_spend_micro_total{seller=\"acme\",currency=\"CNY\",outcome=\"doubtful\"} 278800",
    ] {
        assert!(counted.lines().any(|it| it == line), "{line} is not in\n{counted}");
    }
    generate(&server, &key, &json!({ "prompt": "x", "seed": 7 }));
    assert!(metrics().contains("tintype_overflow_refusals_total{rule=\"model\"} 1"), "{}", metrics());

    let place = format!("/admin/purchases/{id}");
    let listed = server.get("/admin/purchases").bearer(&server.key).send("").json();
    assert_eq!(listed["purchases"][0]["in_doubt"], json!(true), "{listed}");
    let mut browser = Browser::signed_in(&server);
    let page = browser.open("/admin/purchases");
    assert!(page.text.contains(&format!("href=\"{place}\"")), "{}", page.text);
    let form = browser.open(&place);
    assert!(form.status == 200 && form.text.contains("name=\"sure\""), "{}", form.text);
    let paid = [("finding", "paid"), ("amount", "0.05"), ("note", "bill 7")];
    let forged = browser.submit_only(&place, &[&paid[..], &[("sure", "on")]].concat());
    assert_eq!(forged.status, 403, "{}", forged.text);
    let unsure = browser.submit(&place, &paid);
    assert_eq!((unsure.status, unsure.header("location")), (303, place.as_str()), "nothing is recorded");
    browser.open(&place);
    let wrong = browser.submit(&place, &[("finding", "paid"), ("amount", "much"), ("sure", "on")]);
    assert!(wrong.status == 400 && wrong.text.contains("Write the amount on the bill"), "{}", wrong.text);
    assert!(wrong.text.contains("value=\"much\""), "it can be corrected: {}", wrong.text);
    browser.set_cookie("tintype_language", "zh-CN");
    let wrong = browser.submit(&place, &[("finding", "paid"), ("amount", "0"), ("sure", "on")]);
    assert!(wrong.status == 400 && wrong.text.contains("请填写账单金额"), "{}", wrong.text);
    browser.set_cookie("tintype_language", "en");
    let by_script = server.post(&place).bearer(&server.key).send("finding=paid&amount=much&sure=on");
    let said = by_script.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(by_script.status == 400 && said.starts_with("amount: "), "{said}");
    let done = browser.submit(&place, &[&paid[..], &[("sure", "on")]].concat());
    assert_eq!((done.status, done.header("location")), (303, "/admin/purchases"), "{}", done.text);
    let listed = server.get("/admin/purchases").bearer(&server.key).send("").json();
    let resolution = &listed["purchases"][0]["resolution"];
    // 0.05 dollars at 6.97.
    assert_eq!((&resolution["note"], resolution["paid"].to_string().as_str()), (&json!("bill 7"), "0.3485"));
    let bought = report(&server).overflow.expect("purchases");
    assert_eq!((bought.doubtful_images, bought.lost_images, bought.lost_total), (0, 1, money("0.3485")));
    browser.open(&place);
    let again = browser.submit(&place, &[("finding", "not_paid"), ("sure", "on")]);
    assert!(again.status == 400 && again.text.contains("resolved already"), "{}", again.text);
    assert_audited(&server);
}

#[test]
fn images_that_were_paid_for_and_could_not_be_kept_are_a_loss_once_the_bill_says_so() {
    let api = CommercialApi::start();
    let (server, _) = server(&api, &json!({ "max_a_day": 1.3 }));
    let budgets = "9 a month".parse().expect("a budget");
    let rules = KeyRules { scopes: IMAGES, may_overflow: true, budgets, ..KeyRules::default() };
    let key = server.make_key(2, rules);
    let admin = |path: &str| server.get(path).bearer(&server.key).send("");
    let left = || {
        let keys = admin("/admin/keys").json();
        let keys = keys.as_array().expect("keys").iter();
        let mut own = keys.filter(|one| one["public_id"] == key.public_id());
        own.next().expect("the key")["budgets"][0]["left"].as_str().expect("an amount").to_owned()
    };
    // Where the day's images would be, today's or, around midnight, tomorrow's, is something else.
    let today = Calendar::UTC.to_datetime(jiff::Timestamp::now()).date();
    let pictures = server.ledger_file().with_file_name("pictures");
    let days = [today, today.tomorrow().expect("a day")].map(|day| pictures.join(day.to_string()));
    for day in &days {
        std::fs::write(day, "").expect("written");
    }
    let body = json!({ "prompt": "x", "n": 2, "response_format": "url" });
    let keyed = || {
        let request = server.post("/v1/images/generations").bearer(&key.reveal());
        request.header("idempotency-key", "one").json(&body)
    };
    let failed = keyed();
    assert_eq!((failed.status, &failed.json()["error"]["code"]), (500, &json!("internal_error")));
    assert_eq!(api.orders().len(), 1, "they were bought");
    let job = admin("/admin/jobs.json").json()["recent"][0].clone();
    assert_eq!((&job["failure"], &job["purchase"]["state"]), (&json!("not_stored"), &json!("doubtful")));
    assert_eq!(left(), "8.4424", "two images at 0.2788");

    // The bill has 0.09 dollars for them, at 6.97; the list has 0.08.
    let purchase = admin("/admin/purchases").json()["purchases"][0].clone();
    assert_eq!((&purchase["images"], &purchase["in_doubt"]), (&json!(2), &json!(true)), "{purchase}");
    let id = purchase["request"].as_str().unwrap_or_else(|| panic!("{purchase}"));
    let mut browser = Browser::signed_in(&server);
    browser.open(&format!("/admin/purchases/{id}"));
    let paid = [("finding", "paid"), ("amount", "0.09"), ("note", "bill 8"), ("sure", "on")];
    assert_eq!(browser.submit(&format!("/admin/purchases/{id}"), &paid).status, 303);
    assert_eq!(left(), "8.3727", "what was paid, and not what was expected");
    let bought = report(&server).overflow.expect("purchases");
    assert_eq!((bought.lost_images, bought.lost_total), (2, money("0.6273")));
    assert_eq!((bought.bought_images, bought.doubtful_images), (0, 0));
    assert_eq!((bought.bought_total, bought.doubtful_total), (Money::ZERO, Money::ZERO));
    let csv = admin("/admin/costs.csv").text;
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (head, row) = (lines.next().expect("a head"), lines.next().expect("a row"));
    let cell = |name: &str| row[head.iter().position(|cell| *cell == name).expect(name)];
    assert_eq!(["lost_images", "lost_total", "doubtful_images"].map(cell), ["2", "0.6273", "0"], "{csv}");
    let focus = admin("/admin/costs.csv?format=focus").text;
    let row = focus.lines().find(|line| line.contains("lost purchase")).expect("a row");
    assert!(row.starts_with("0.6273,") && row.contains(",acme,"), "{row}");
    for (language, on_costs, on_purchases) in [
        ("en", "2 paid for, and never came", "paid, and no image came"),
        ("zh-CN", "2 张已付费但未收到", "已付费，但没有收到图片"),
    ] {
        browser.set_cookie("tintype_language", language);
        let costs = browser.open("/admin/costs").text;
        assert!(costs.contains(on_costs), "{costs}");
        let purchases = browser.open("/admin/purchases").text;
        assert!(purchases.contains(on_purchases) && purchases.contains("bill 8"), "{purchases}");
    }

    // Nobody is paid twice for it, and the day's cap has what was paid.
    for day in &days {
        std::fs::remove_file(day).expect("removed");
    }
    let again = keyed();
    assert!(made_by(&again).contains("an earlier purchase under the same"), "{}", made_by(&again));
    let other = generate(&server, &key.reveal(), &json!({ "prompt": "y", "n": 3 }));
    assert!(made_by(&other).contains("0.6273 of acme's 1.3000 CNY a day are used"), "{}", made_by(&other));
    assert_eq!(api.orders().len(), 1);
    assert_audited(&server);
}

#[test]
fn a_budget_counts_what_is_bought() {
    let api = CommercialApi::start();
    let (server, _) = server(&api, &json!({}));
    // Enough for one purchase and an image here beside it, and for images here after it.
    let budgets = "1.2 a month".parse().expect("a budget");
    let rules = KeyRules { scopes: IMAGES, may_overflow: true, budgets, ..KeyRules::default() };
    let key = server.make_key(2, rules).reveal();
    let body = json!({ "prompt": "x" });
    let made: Vec<_> = (0..4)
        .map(|_| generate(&server, &key, &body))
        .map(
            |answer| {
                if answer.status == 200 { made_by(&answer).to_owned() } else { answer.status.to_string() }
            },
        )
        .collect();
    assert!(made[0].starts_with("acme; ") && made[1].starts_with("acme; "), "{made:?}");
    assert!(made.iter().any(|by| by.contains("the budget does not cover acme's price")), "{made:?}");
    let spent = api.orders().len();
    assert!((2..=3).contains(&spent), "{made:?}");
}
