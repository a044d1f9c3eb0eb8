use tempfile::TempDir;

use crate::{complaint, out, run};

const ENTRY: &str = "[[price]]\nsku = \"a/b\"\nunit = \"image\"\namount = \"0.5\"\ncurrency = \"USD\"\n\
                     effective_from = \"2026-01-01\"\nsource = \"a page\"\nread_on = \"2026-11-01\"\n";

/// The cells of a sku's line in `tintype prices show`.
fn cells(table: &str, sku: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.starts_with(&format!("{sku} ")));
    let line = line.unwrap_or_else(|| panic!("{sku} in {table}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(String::from).collect()
}

#[test]
fn the_built_in_price_book_is_sound() {
    let place = TempDir::new().expect("a directory");
    let said = out(&run(place.path(), &["prices", "check"]));
    assert!(said.starts_with("the built-in price book is sound: "), "{said}");
    assert!(said.lines().any(|line| line == "fal/z-image-turbo"), "{said}");
    let warned = String::from_utf8(run(place.path(), &["prices", "check"]).stderr).expect("UTF-8");
    let single = warned.lines().find(|line| line.starts_with("warning: no second source"));
    assert!(single.is_some_and(|line| line.contains("venice/z-image-turbo")), "{warned}");
}

#[test]
fn every_problem_of_a_price_book_is_one_line() {
    let place = TempDir::new().expect("a directory");
    let check = |book: &str| {
        std::fs::write(place.path().join("book.toml"), book).expect("written");
        run(place.path(), &["prices", "check", "--file", "book.toml"])
    };
    assert_eq!(out(&check(ENTRY)), "book.toml is sound: 1 price of 1 sku\na/b\n");

    let free = ENTRY.replace("0.5", "0").replace("a/b", "c/d");
    let wrong = check(&format!("{ENTRY}{ENTRY}{free}"));
    assert_eq!(complaint(&wrong, 2), "tintype: book.toml has 2 problems");
    let said = String::from_utf8(wrong.stdout).expect("UTF-8");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("c/d") && lines[0].contains("amount"), "{said}");
    assert!(lines[1].contains("a/b has two prices on 2026-01-01"), "{said}");

    assert_eq!(complaint(&check("colour = 1"), 2), "tintype: book.toml has 1 problem");
    let absent = run(place.path(), &["prices", "check", "--file", "absent.toml"]);
    assert!(complaint(&absent, 2).contains("absent.toml"));
}

#[test]
fn prices_are_shown_for_a_day_a_size_and_a_quality() {
    let place = TempDir::new().expect("a directory");
    let show = |arguments: &[&str]| run(place.path(), &[&["prices", "show"], arguments].concat());
    let table = out(&show(&["--day", "2026-11-23"]));
    assert!(table.starts_with("SKU") && table.contains("IN CNY"), "{table}");
    assert!(!table.contains("openai/dall-e-3"), "retired: {table}");
    let gpt = cells(&table, "openai/gpt-image-2");
    assert_eq!(gpt[..6], ["openai/gpt-image-2", "table", "0.053 USD", "0.36941", "2026-04-21", "2026-11-23"]);
    let high =
        ["--day", "2026-11-23", "--sku", "openai/gpt-image-2", "--size", "1536x1024", "--quality", "high"];
    let high = out(&show(&high));
    assert_eq!((high.lines().count(), &*cells(&high, "openai/gpt-image-2")[2]), (2, "0.165 USD"));
    let past = out(&show(&["--day", "2026-03-01", "--sku", "openai/dall-e-3"]));
    assert_eq!(cells(&past, "openai/dall-e-3")[2], "0.04 USD");
    let plan = out(&show(&["--day", "2026-11-23", "--sku", "midjourney/basic"]));
    assert_eq!(cells(&plan, "midjourney/basic")[1..3], ["plan", "0.0125 USD"]);

    let retired = show(&["--day", "2026-11-23", "--sku", "openai/dall-e-3"]);
    assert!(complaint(&retired, 2).contains("openai/dall-e-3 on 2026-11-23"));
    for nonsense in [["--size", "big"], ["--quality", "best"], ["--day", "soon"]] {
        assert_eq!(show(&nonsense).status.code(), Some(2), "{nonsense:?}");
    }
}

#[test]
fn a_price_book_of_ones_own_is_shown_with_its_currencies() {
    let place = TempDir::new().expect("a directory");
    let yen = ENTRY.replace("a/b", "c/yen").replace("USD", "JPY");
    std::fs::write(place.path().join("book.toml"), format!("{ENTRY}{yen}")).expect("written");
    let configure = |also: &str| {
        let toml = format!(
            "price_book = \"book.toml\"\n[costs]\ncompare_with = \"a/b\"\nalso_compare_with = {also}\n"
        );
        std::fs::write(place.path().join("tintype.toml"), toml).expect("written");
        run(place.path(), &["prices", "show"])
    };
    let table = out(&configure("[]"));
    assert_eq!(cells(&table, "a/b")[2..4], ["0.50 USD", "3.485"]);
    assert_eq!(cells(&table, "c/yen")[2..4], ["0.50 JPY", "no rate"]);
    assert!(complaint(&configure("[\"nobody/else\"]"), 2).contains("nobody/else"));
    let compared = out(&configure("[\"c/yen\"]"));
    assert_eq!(cells(&compared, "c/yen")[3], "no rate", "a comparison without a rate stops nothing");
}

#[test]
fn a_newer_price_book_is_imported_if_it_changes_no_price_of_before() {
    let place = TempDir::new().expect("a directory");
    let import = |book: &str| {
        std::fs::write(place.path().join("newer.toml"), book).expect("written");
        run(place.path(), &["prices", "import", "newer.toml"])
    };
    let built_in = include_str!("../../config/prices.toml");
    let changed = import(ENTRY);
    assert!(complaint(&changed, 2).contains("of the book in use"));
    let said = String::from_utf8(changed.stdout).expect("UTF-8");
    assert!(said.contains("fal/z-image-turbo from 2026-"), "{said}");
    assert!(complaint(&import("colour = 1"), 2).contains("newer.toml: "));
    let said = out(&import(&format!("{built_in}\n{ENTRY}")));
    assert!(said.contains("prices.toml has ") && said.contains(", 1 of them new"), "{said}");
    let shown = out(&run(place.path(), &["prices", "show", "--sku", "a/b", "--day", "2026-11-23"]));
    assert!(shown.contains("0.50 USD"), "{shown}");
    let checked = out(&run(place.path(), &["prices", "check"]));
    assert!(
        checked.contains("prices.toml is sound") && checked.lines().any(|line| line == "a/b"),
        "{checked}"
    );
    assert!(complaint(&import(built_in), 2).contains("changes 1 price of the book in use"));
    std::fs::write(place.path().join("tintype.toml"), "price_book = \"newer.toml\"\n").expect("written");
    assert!(complaint(&import(built_in), 2).contains("price_book is newer.toml"));
}
