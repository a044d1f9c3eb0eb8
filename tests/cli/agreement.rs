//! The page, the JSON, the files, the command line and the simulator say the same of one ledger.

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    agent,
    books::Books,
    out,
    program::{Program, tintype},
    run,
};

struct Served {
    place: TempDir,
    program: Program,
    key: String,
}

impl Served {
    /// A server on a ledger with two images in 2020-01 and one in 2020-02.
    fn start() -> Self {
        let place = TempDir::new().expect("a directory");
        let books = Books::open(place.path());
        books.generate("2020-01-10T09:00:00Z", Some("spring"));
        books.generate("2020-01-31T23:59:59Z", None);
        books.generate("2020-02-01T00:00:00Z", None);
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
