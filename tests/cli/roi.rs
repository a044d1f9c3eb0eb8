//! Whether hardware is worth it, as a person asks.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{complaint, out, run};

fn place() -> TempDir {
    TempDir::new().expect("a directory")
}

fn roi(place: &TempDir, arguments: &[&str]) -> String {
    out(&run(place.path(), &[&["roi"], arguments].concat()))
}

fn roi_json(place: &TempDir, arguments: &[&str]) -> Value {
    serde_json::from_str(&roi(place, &[arguments, &["--json"]].concat())).expect("JSON")
}

fn refused(place: &TempDir, arguments: &[&str]) -> String {
    complaint(&run(place.path(), &[&["roi"], arguments].concat()), 2)
}

#[test]
fn the_shipped_scenario_ends_with_the_loss_like_for_like() {
    let place = place();
    let text = roi(&place, &[]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    for said in ["pays back in 11.7 months", "35800.00", "worth it from 104 images a month"] {
        assert!(text.contains(said), "{said} in {text}");
    }
    let (_, end) = text.split_once("Like for like").expect("like for like");
    assert!(
        end.contains("fal/z-image-turbo") && end.contains("lost") && end.contains("not worth it"),
        "{end}"
    );
    assert!(!place.path().join("data").exists(), "a question leaves nothing behind");
    let changed = roi(&place, &["--watts", "320"]);
    assert!(changed.contains("320 W"), "{changed}");
}

#[test]
fn every_input_is_a_flag() {
    let place = place();
    let flags = [
        "--price=20000",
        "--residual=0",
        "--share=50",
        "--lifetime-images=100000",
        "--watts=300",
        "--seconds=7.5",
        "--price-per-kwh=0.60",
        "--upkeep=0.01",
        "--running-costs=100",
        "--images-per-month=1000",
        "--years=2",
        "--compare=A=1.00",
        "--compare=B=0.50",
    ];
    let outcome = roi_json(&place, &flags);
    assert_eq!((&outcome["price"], &outcome["images_per_month"]), (&json!(10000.0), &json!(1000)));
    // 300 W · 7.5 s · 0.60, and 10,000 over 100,000.
    assert_eq!(outcome["image"]["electricity"], json!(0.000375));
    assert_eq!(outcome["image"]["standard"], json!(0.110375));
    let against = outcome["against"].as_array().expect("prices");
    let names: Vec<_> = against.iter().map(|against| against["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["A", "B", "fal/z-image-turbo"]);
    assert_eq!(
        (&against[0]["saving"], &against[0]["saving_percent_tenths"]),
        (&json!(0.889625), &json!(889))
    );
    assert_eq!(against[0]["payback"], json!({ "kind": "after", "months_tenths": 101 }));
    assert_eq!(against[2]["like_for_like"], json!(true));
    assert_eq!(against[0]["years"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_scenario_of_ones_own_is_read_with_its_currency_and_rates() {
    let place = place();
    let scenario = "name = \"mine\"\ncurrency = \"EUR\"\nlifetime_years = 4\nnormal_utilisation_percent = 10\n\
                    watts = 320\nseconds_per_image = 7.5\nprice_per_kwh = \"0.35\"\nidle_watts = 60\n\
                    hours_on_per_day = 8\nimages_per_month = 900\nlike_for_like = \"fal/z-image-turbo\"\n\
                    [[part]]\nname = \"all\"\nprice = \"2100\"\nresidual = \"800\"\n\
                    [[compared]]\nname = \"plan\"\nprice = \"0.06\"\n";
    std::fs::write(place.path().join("mine.toml"), scenario).expect("written");
    let text = roi(&place, &["mine.toml"]);
    assert!(text.contains("€2100.00") && text.contains("worth it from 539 images a month"), "{text}");
    assert!(text.contains("not compared: no exchange rate from USD to EUR"), "{text}");
    let rate =
        "[[exchange_rate]]\nfrom = \"USD\"\nto = \"EUR\"\nrate = \"0.86\"\neffective_from = \"2026-01-01\"\n";
    std::fs::write(place.path().join("tintype.toml"), rate).expect("written");
    let hosted = roi_json(&place, &["mine.toml"])["against"][1].clone();
    // $0.005 · 1.048576 · 0.86
    assert_eq!((&hosted["like_for_like"], &hosted["price"]), (&json!(true), &json!(0.004508876)));
}

#[test]
fn what_cannot_be_is_named_in_one_line() {
    let place = place();
    for (arguments, said) in [
        (&["--price", "cheap"][..], "price: `cheap` is not an amount"),
        (&["--price", "5000"], "residual: must not exceed the price"),
        (&["--images-per-month", "0"], "images_per_month: must be above 0"),
        (&["--images-per-month", "999999"], "time for 175200 a month"),
        (&["nowhere.toml"], "nowhere.toml"),
        (&["--from-csv", "nowhere.csv"], "nowhere.csv"),
    ] {
        let line = refused(&place, arguments);
        assert!(line.contains(said), "{line}");
    }
    std::fs::write(place.path().join("bad.toml"), "colour = 1").expect("written");
    let line = refused(&place, &["bad.toml"]);
    assert!(line.contains("bad.toml") && line.contains("colour"), "{line}");
    for arguments in [&["--compare", "Midjourney"][..], &["--paid-in", "USD"]] {
        assert_eq!(
            run(place.path(), &[&["roi"], arguments].concat()).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

fn from_csv(place: &TempDir, csv: &str, more: &[&str]) -> Vec<String> {
    std::fs::write(place.path().join("usage.csv"), csv).expect("written");
    [&["--from-csv", "usage.csv"], more].concat().into_iter().map(str::to_owned).collect()
}

#[test]
fn ones_own_invoices_answer_whether_it_is_worth_it() {
    let place = place();
    let csv = "Date,Images,Amount\n2026-08-02,500,\"¥1,500.00\"\n2026-09-02,600,\"¥1,800.00\"\n\
               2026-10-02,400,\"¥1,200.00\"\n";
    let arguments = from_csv(&place, csv, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = roi(&place, &arguments);
    for said in [
        "2026-08-01",
        "2026-10-31",
        "4500.00 CNY",
        "¥3.00000",
        "Yes, against what you paid: worth it from 104 images a month; you have 500.",
        "pays back in 11.7 months",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let answer = roi_json(&place, &arguments);
    assert_eq!((&answer["worth_it"], &answer["usage"]["months"]), (&json!(true), &json!(3)));
    assert_eq!((&answer["usage"]["paid_per_image"], &answer["images_per_month"]), (&json!(3.0), &json!(500)));
}

#[test]
fn an_export_in_dollars_is_turned_by_the_configured_rate_and_may_say_no() {
    let place = place();
    let csv = "bucket,endpoint_id,unit,quantity,unit_price,cost,currency\n\
               2026-10-15T00:00:00+00:00,fal-ai/z-image/turbo,image,300,0.005,1.5,USD\n";
    let arguments = from_csv(&place, csv, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = roi(&place, &arguments);
    assert!(text.contains("at a rate of 6.97") && text.contains("No, against what you paid"), "{text}");
    assert!(text.contains("never pays back at this volume"), "{text}");
    let answer = roi_json(&place, &arguments);
    assert_eq!((&answer["worth_it"], &answer["usage"]["paid"]), (&json!(false), &json!(10.455)));
    assert_eq!(answer["usage"]["paid_per_image"], json!(0.03485));
}

#[test]
fn an_export_with_half_of_it_says_what_is_missing() {
    let place = place();
    let ask = |csv: &str, more: &[&str]| {
        let arguments = from_csv(&place, csv, more);
        run(place.path(), &[&["roi"], &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat())
    };
    let costs = "date,cost\n2026-10-01,20.00\n";
    assert!(complaint(&ask(costs, &[]), 2).contains("--images-per-month"));
    let text = out(&ask(costs, &["--images-per-month", "100", "--paid-in", "USD"]));
    assert!(text.contains("¥139.40") && text.contains("¥1.39400"), "{text}");
    assert!(complaint(&ask("date,images,cost\n2026-10-01,,1\n", &[]), 2).contains("no line counts images"));
    let images = out(&ask("date,images\n2026-10-01,200\n", &[]));
    assert!(images.contains("against commercial image") && !images.contains("paid for an image"), "{images}");
    assert!(
        complaint(&ask("date,images,cost\n2026-10-01,many,1\n", &[]), 2)
            .contains("usage.csv: line 2, column images")
    );
    assert!(
        complaint(&ask("date,images,cost\n2026-08-01,1,1\n2026-10-01,,1\n", &[]), 2)
            .contains("less than one image a month")
    );
    assert!(complaint(&ask("date,images,cost\n2026-10-01,9,0\n", &[]), 2).contains("cost nothing"));
    assert!(complaint(&ask("date,images,cost\n2025-10-01,9,$1\n", &[]), 2).contains("[[exchange_rate]]"));
}

/// Every file of tests/cli/invoices: what it comes to, or the line that says what to do.
#[test]
fn the_bills_that_people_have_are_read_rightly_or_refused_with_what_to_do() {
    let place = place();
    let rupees = "[[exchange_rate]]\nfrom = \"INR\"\nto = \"CNY\"\nrate = \"0.08\"\neffective_from = \"2026-01-01\"\n\
         [[exchange_rate]]\nfrom = \"EUR\"\nto = \"CNY\"\nrate = \"8\"\neffective_from = \"2026-01-01\"\n\
         [[exchange_rate]]\nfrom = \"USD\"\nto = \"CNY\"\nrate = \"7\"\neffective_from = \"2026-01-01\"\n";
    std::fs::write(place.path().join("tintype.toml"), rupees).expect("written");
    let invoices = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/invoices");
    let arguments = |name: &str, more: &[&str]| -> Vec<String> {
        let file = invoices.join(name).display().to_string();
        [&["--from-csv", &file], more].concat().into_iter().map(str::to_owned).collect()
    };
    // Images in all, images a month, what was paid in yuan.
    for (name, images, a_month, paid) in [
        ("aliyun_bill.csv", 500, 500, json!(50.0)),
        ("excel_de_en_heads.csv", 500, 500, json!(9876.0)),
        ("excel_sep.csv", 500, 500, json!(12.5)),
        ("excel_zh.csv", 1000, 1000, json!(2500.0)),
        ("excel_zh_date.csv", 500, 500, json!(1250.0)),
        ("excel_zh_padded.csv", 1000, 1000, json!(2500.0)),
        ("excel_zh_yuan_head.csv", 500, 500, json!(1250.0)),
        ("excel_zh_yuan_suffix.csv", 500, 500, json!(1250.0)),
        ("fal_usage.csv", 1000, 1000, json!(36.70016)),
        ("hezji.csv", 500, 500, json!(50.0)),
        ("inr.csv", 500, 500, json!(9876.48)),
        ("openai_legacy_usage.csv", 4, 4, json!(1.12)),
        ("total_row.csv", 500, 500, json!(12.5)),
        ("us_date.csv", 500, 500, json!(87.5)),
    ] {
        let arguments = arguments(name, &[]);
        let usage = &roi_json(&place, &arguments.iter().map(String::as_str).collect::<Vec<_>>())["usage"];
        let read = [&usage["images"], &usage["images_per_month"], &usage["paid"]];
        assert_eq!(read, [&json!(images), &json!(a_month), &paid], "{name}: {usage}");
    }
    for (name, said) in [
        ("aliyun_summary.csv", "pass --images-per-month"),
        ("amount_first_quantity.csv", "`Midjourney Standard Plan` is not counted in images"),
        ("aws_cur.csv", "column line_item_usage_amount does not say what it counts"),
        ("fal_images.csv", "put quotes around fields with commas inside"),
        ("google_billing.csv", "`count` are not images"),
        ("openai_cost.csv", "pass --images-per-month"),
        ("openai_images_usage.csv", "no column of costs"),
        ("siliconflow.csv", "column 调用次数 does not say what it counts"),
        ("zh_consume.csv", "column 用量 does not say what it counts"),
    ] {
        let arguments = arguments(name, &[]);
        let line = refused(&place, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(line.contains(name) && line.contains(said), "{line}");
    }
    let bill = arguments("openai_cost.csv", &["--images-per-month", "100"]);
    let usage = &roi_json(&place, &bill.iter().map(String::as_str).collect::<Vec<_>>())["usage"];
    assert_eq!((&usage["paid"], &usage["cost_column"]), (&json!(29.68), &json!("amount_value")));
}

#[test]
fn what_a_bill_does_not_say_is_said_before_the_verdict() {
    let place = place();
    let ask = |csv: &str, more: &[&str]| {
        let arguments = from_csv(&place, csv, more);
        run(place.path(), &[&["roi"], &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat())
    };
    let text = out(&ask("date,images,cost\n2026-10-17,100,3\n2026-11-15,50,1.5\nTotal,150,4.5\n", &[]));
    let (preview, _) = text.split_once("Is it worth it with this hardware?").expect("a verdict");
    for said in
        ["2026-10-17", "2026-11-15", "30 days", "column cost", "no currency is named, CNY", "lines of totals"]
    {
        assert!(preview.contains(said), "{said} in {preview}");
    }
    assert!(
        complaint(&ask("date,images,gesamtkosten_usd\n2026-10-01,1,2\n", &[]), 2)
            .contains("column gesamtkosten_usd")
    );
    assert!(complaint(&ask("date,images,cost,tax\n2026-10-01,1,2,0.4\n", &[]), 2).contains("column tax"));
    assert!(complaint(&ask("date,images,cost\n10/05/2026,1,2\n", &[]), 2).contains("in two ways"));
    let refund = "date,images,cost\n2026-10-01,500,$20\n2026-10-20,-100,-$4\n";
    let usage = &serde_json::from_str::<Value>(&out(&ask(refund, &["--json"]))).expect("JSON")["usage"];
    assert_eq!((&usage["images"], &usage["paid_per_image"]), (&json!(400), &json!(0.2788)));
}

#[test]
fn our_own_focus_export_is_read_by_what_images_cost() {
    let place = place();
    let books = crate::books::Books::open(place.path());
    books.generate("2026-10-10T09:00:00Z", None);
    books.fail("2026-10-11T09:00:00Z");
    let focus = out(&run(place.path(), &["costs", "--month", "2026-10", "--format", "focus"]));
    let arguments = from_csv(&place, &focus, &["--json"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let usage = serde_json::from_str::<Value>(&roi(&place, &arguments)).expect("JSON")["usage"].clone();
    let counted = [&usage["cost_column"], &usage["paid"], &usage["images"]];
    assert_eq!(
        counted,
        [&json!("BilledCost"), &json!(0.377833334), &json!(1)],
        "failed work is paid, and no image"
    );
}
