//! The page, the JSON, the files, the command line and the simulator say the same of one ledger.

use serde_json::Value;
use tempfile::TempDir;
use tintype::units::Money;

use crate::{
    agent,
    books::Books,
    complaint, out,
    program::{Program, tintype},
    run,
};

struct Served {
    place: TempDir,
    program: Program,
    key: String,
}

impl Served {
    /// A server on a ledger with two images in 2020-01 and one in 2020-02, and in 2020-01 with two that were bought and a purchase in
    /// doubt.
    fn start() -> Self {
        let place = TempDir::new().expect("a directory");
        let books = Books::open(place.path());
        books.generate("2020-01-10T09:00:00Z", Some("spring"));
        books.generate("2020-01-31T23:59:59Z", None);
        books.generate("2020-02-01T00:00:00Z", None);
        books.buy("2020-01-11T09:00:00Z", Some("spring"), true);
        books.buy("2020-01-12T09:00:00Z", Some("spring"), true);
        books.buy("2020-01-13T09:00:00Z", None, false);
        let made = out(&run(place.path(), &["key", "create", "reader", "--admin"]));
        let key = made.split_whitespace().find(|word| word.starts_with("tt-")).expect("a key").to_owned();
        let program = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
        Self { place, program, key }
    }

    fn get(&self, path: &str) -> String {
        let mut answer = agent()
            .get(format!("{}{path}", self.program.url))
            .header("authorization", format!("Bearer {}", self.key))
            .header("accept", "application/json")
            .call()
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.body_mut().read_to_string().expect("a text")
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).expect("JSON")
    }

    fn run(&self, arguments: &[&str]) -> String {
        out(&run(self.place.path(), arguments))
    }

    fn run_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).expect("JSON")
    }
}

#[test]
fn the_pages_data_and_the_command_line_say_the_same() {
    let served = Served::start();
    for month in ["2020-01", "2020-02", "2020-03"] {
        let of_page = served.json(&format!("/admin/costs.json?month={month}"));
        let of_command = served.run_json(&["costs", "--json", "--month", month]);
        for field in [
            "images",
            "total",
            "compared_price",
            "saving",
            "fully_loaded_total",
            "saving_all_in",
            "whole_depreciation",
            "break_even_images",
            "services",
            "payback",
            "overflow",
        ] {
            assert_eq!(of_page[field], of_command[field], "{field} of {month}");
        }
    }
    assert_eq!(
        served.json("/admin/costs.json?year=2020"),
        served.run_json(&["costs", "--json", "--year", "2020"])
    );
    let by_day = ["costs", "--format", "csv", "--month", "2020-01", "--by", "day"];
    assert_eq!(served.get("/admin/costs.csv?month=2020-01&by=day"), served.run(&by_day));
    let focus = ["costs", "--format", "focus", "--month", "2020-01"];
    assert_eq!(served.get("/admin/costs.csv?month=2020-01&format=focus"), served.run(&focus));

    let month = served.run_json(&["costs", "--json", "--month", "2020-01"]);
    let amount = |value: &Value| value.to_string().parse::<tintype::units::Money>().expect("an amount");
    let all_in = amount(&month["fully_loaded_total"]);
    assert_eq!(amount(&month["compared_price"]).minus(all_in), Ok(amount(&month["saving_all_in"])));
    assert_eq!(month["services"][0]["saving_all_in"], month["saving_all_in"], "one headline");
    let printed = served.run(&["costs", "--month", "2020-01"]);
    let saved = printed.lines().find(|line| line.trim_start().starts_with("saved ")).expect("a line");
    assert!(saved.contains(&amount(&month["saving_all_in"]).to_rounded_string(4)), "{saved}");
    assert!(saved.contains("a loss"), "{saved}");
}

/// The sum of a column of amounts, in rows where `is_of` holds.
fn sum_of(csv: &str, column: &str, is_of: impl Fn(&csv::StringRecord, &csv::StringRecord) -> bool) -> Money {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head = reader.headers().expect("a head").clone();
    let place = head.iter().position(|name| name == column).unwrap_or_else(|| panic!("no column {column}"));
    let rows = reader.records().map(|row| row.expect("a row")).filter(|row| is_of(&head, row));
    rows.filter_map(|row| row[place].parse::<Money>().ok())
        .fold(Money::ZERO, |sum, one| sum.plus(one).expect("in range"))
}

#[test]
fn what_was_bought_is_the_same_in_groups_files_statements_and_the_command_line() {
    let served = Served::start();
    let amount = |value: &Value| value.to_string().parse::<Money>().expect("an amount");
    let money = |text: &str| text.parse::<Money>().expect("an amount");
    let month = served.run_json(&["costs", "--json", "--month", "2020-01"]);
    let whole = &month["overflow"];
    assert_eq!(
        (amount(&whole["bought_total"]), amount(&whole["doubtful_total"])),
        (money("0.6"), money("0.3"))
    );
    for by in ["key", "tag", "model", "lora", "size", "quality", "day"] {
        let of_page = served.json(&format!("/admin/costs.json?month=2020-01&by={by}"));
        assert_eq!(
            of_page["groups"],
            served.run_json(&["costs", "--json", "--month", "2020-01", "--by", by])["groups"]
        );
        let groups = of_page["groups"].as_array().expect("groups");
        let sum = |field: &str| {
            let amounts = groups.iter().map(|group| &group["overflow"][field]).filter(|sum| !sum.is_null());
            amounts.fold(Money::ZERO, |sum, one| sum.plus(amount(one)).expect("in range"))
        };
        assert_eq!(sum("bought_total"), money("0.6"), "by {by}");
        assert_eq!(sum("doubtful_total"), money("0.3"), "by {by}");
        let csv = served.run(&["costs", "--format", "csv", "--month", "2020-01", "--by", by]);
        assert_eq!(csv, served.get(&format!("/admin/costs.csv?month=2020-01&by={by}")));
        assert_eq!(sum_of(&csv, "bought_total", |_, _| true), money("0.6"), "by {by}");
        assert_eq!(sum_of(&csv, "doubtful_total", |_, _| true), money("0.3"), "by {by}");
        assert_eq!(
            sum_of(&csv, "total", |_, _| true),
            amount(&month["total"]),
            "the old columns have nothing of it"
        );
    }
    let printed = served.run(&["costs", "--month", "2020-01", "--by", "tag"]);
    assert!(printed.lines().any(|line| line.starts_with("spring") && line.contains("0.6000")), "{printed}");

    let focus = served.run(&["costs", "--format", "focus", "--month", "2020-01"]);
    let is_line = |lines: &'static [&'static str]| {
        move |head: &csv::StringRecord, row: &csv::StringRecord| {
            let place = head.iter().position(|name| name == "x_Line").expect("x_Line");
            lines.contains(&&row[place])
        }
    };
    assert_eq!(sum_of(&focus, "BilledCost", is_line(&["bought image"])), money("0.6"));
    assert_eq!(sum_of(&focus, "BilledCost", is_line(&["doubtful purchase"])), money("0.3"));
    assert_eq!(sum_of(&focus, "BilledCost", |_, _| true), amount(&whole["paid_total"]), "the file adds up");

    let centre = |arguments: &[&str]| served.run(&[&["centre"], arguments].concat());
    centre(&["add", "Studio"]);
    centre(&["assign", "Studio", "--tag", "spring", "--from", "2020-01-01"]);
    let charges = served.run_json(&["centre", "charge", "--month", "2020-01", "--format", "json"]);
    assert_eq!(charges["charges"], served.json("/admin/centres.json?month=2020-01")["charges"]);
    let of = |name: &Value| {
        let charges = charges["charges"].as_array().expect("charges");
        let charge = charges.iter().find(|charge| charge["name"] == *name).expect("a charge");
        (amount(&charge["overflow"]["bought_total"]), amount(&charge["overflow"]["doubtful_total"]))
    };
    assert_eq!(of(&"Studio".into()), (money("0.6"), Money::ZERO));
    assert_eq!(of(&Value::Null), (Money::ZERO, money("0.3")));
    let csv = centre(&["charge", "--month", "2020-01", "--format", "csv"]);
    assert_eq!(sum_of(&csv, "paid_elsewhere", |_, _| true), money("0.9"));
    assert_eq!(
        sum_of(&csv, "amount", |_, _| true),
        amount(&charges["all_in_total"]),
        "nothing of it is charged"
    );

    // A doubt that is resolved leaves the same agreement.
    let doubtful = served.run_json(&["purchases", "list", "--doubtful", "--json"]);
    let id = doubtful[0]["request"].as_str().expect("an id").to_owned();
    let said = served.run(&["purchases", "resolve", &id, "--paid", "0.05", "--note", "bill 7"]);
    assert!(said.contains("acme was paid 0.05 USD, which is 0.375 CNY"), "{said}");
    assert_eq!(served.run(&["purchases", "list", "--doubtful"]), "no purchase is in doubt\n");
    let again = run(served.place.path(), &["purchases", "resolve", &id, "--not-paid"]);
    assert!(complaint(&again, 2).contains("resolved already"), "{again:?}");
    let running = served.run_json(&["costs", "--json"]);
    let of_page = served.json("/admin/costs.json");
    for field in ["doubtful_images", "doubtful_total", "lost_images", "lost_total", "sellers"] {
        assert_eq!(running["overflow"][field], of_page["overflow"][field], "{field}");
    }
    assert_eq!(amount(&running["overflow"]["lost_total"]), money("0.375"));
    assert_eq!(amount(&running["overflow"]["doubtful_total"]), money("-0.3"));
}

#[test]
fn the_simulators_page_and_command_say_the_same_and_price_an_image_as_the_books_do() {
    let served = Served::start();
    let of_page = served.json("/admin/roi");
    let of_command = served.run_json(&["roi", "--json"]);
    for field in ["price", "residual", "image", "year", "fully_loaded", "against"] {
        assert_eq!(of_page[field], of_command[field], "{field}");
    }
    let year = &of_command["year"];
    let amount = |value: &Value| value.to_string().parse::<tintype::units::Money>().expect("an amount");
    let each = amount(&year["total"]).share_ceil(1, year["images"].as_u64().expect("a count"));
    assert_eq!(each, Ok(amount(&of_command["fully_loaded"])), "all in is the year over its images");
    let month = served.run_json(&["costs", "--json", "--month", "2020-01"]);
    assert_eq!(month["cost_per_image"], of_command["image"]["standard"], "the article's image, in both");
}
