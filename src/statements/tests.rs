use std::io::{Cursor, Read};

use jiff::civil::date;

use super::*;
use crate::{
    costs::{Breakdown, ShareRule},
    ledger::BoughtReport,
    units::Currency,
};

fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

/// A month with as many sizes as asked for, whose charge is marked up.
fn charges(sizes: usize) -> Charges {
    let line = |at: usize| ChargeLine {
        size: format!("{0}x{0}", 64 * (at + 1)),
        quality: Some("high".into()),
        images: 1_234,
        amount: money("12.3456"),
    };
    let charge = Charge {
        centre: Some(1),
        name: Some("青松设计工作室（上海）".into()),
        images: 1_234,
        cost: Breakdown { electricity: money("1.5"), depreciation: money("10"), upkeep: money("0.8456") },
        failed_electricity: money("0.0031"),
        idle_share: money("2.5"),
        unused_share: money("-1.25"),
        subtotal: money("13.5987"),
        mark_up: money("2.039805"),
        total: money("15.638505"),
        lines: (0..sizes).map(line).collect(),
        overflow: Some(BoughtReport {
            bought_images: 3,
            bought_total: money("1.25"),
            lost_total: money("0.5"),
            ..BoughtReport::default()
        }),
    };
    Charges {
        month: "2026-11".parse().expect("a month"),
        currency: Currency::CNY,
        first_day: date(2026, 11, 1),
        last_day: date(2026, 11, 30),
        seal: Some("3fe04bcdc13b09057aebc21c4a4c088936d9117d91ce69b35fcb81f00ca74dcd".into()),
        shared_by: ShareRule::DeviceTime,
        mark_up_percent: 15,
        all_in_total: money("13.5987"),
        charges: vec![charge],
    }
}

fn statement(charges: &Charges, language: StatementLanguage) -> ChargeStatement<'_> {
    ChargeStatement { charges, charge: &charges.charges[0], operator: "Tintype 图像服务", language }
}

#[test]
fn a_page_has_one_page_whatever_there_is_to_say() {
    for (sizes, language) in
        [(0, StatementLanguage::English), (2, StatementLanguage::Chinese), (200, StatementLanguage::Chinese)]
    {
        let charges = charges(sizes);
        let pdf = statement(&charges, language).to_pdf().expect("a page");
        assert!(pdf.starts_with(b"%PDF-"));
        let text = String::from_utf8_lossy(&pdf);
        assert_eq!(
            text.matches("/Type/Page/").count() + text.matches("/Type /Page\n").count(),
            1,
            "one page"
        );
        assert!(pdf.len() < 200_000, "{} bytes: letters that are not used are left out", pdf.len());
    }
}

#[test]
fn every_word_of_a_statement_has_its_letters() {
    let letters = letters::Letters::built_in().expect("a font");
    let charges = charges(30);
    let missing = letters.glyphs("\u{fffd}")[0].glyph_id;
    for language in [StatementLanguage::English, StatementLanguage::Chinese] {
        let statement = statement(&charges, language);
        let bought: Vec<_> = statement.bought_row().into_iter().collect();
        assert_eq!((bought[0].images, bought[0].amount), (Some(3), money("1.75")));
        let rows =
            [statement.image_rows(), statement.other_rows(), statement.sum_rows(), bought].concat_rows();
        let head = statement.head().into_iter().map(|(word, value)| format!("{word}{value}"));
        for text in rows.into_iter().chain(head).chain([statement.breakdown()]) {
            for (glyph, character) in letters.glyphs(&text).iter().zip(text.chars()) {
                assert!(glyph.glyph_id != missing && glyph.x_advance > 0.0, "{character} in {text}");
            }
        }
    }
}

trait Texts {
    fn concat_rows(self) -> Vec<String>;
}

impl<const N: usize> Texts for [Vec<StatementRow>; N] {
    fn concat_rows(self) -> Vec<String> {
        self.into_iter().flatten().map(|row| format!("{} {}", row.what, row.amount.readable())).collect()
    }
}

#[test]
fn sizes_without_room_are_added_up() {
    let charges = charges(23);
    let rows = statement(&charges, StatementLanguage::English).image_rows();
    assert_eq!(rows.len(), LINES_MAX + 1);
    let last = &rows[LINES_MAX];
    assert_eq!(
        (last.what.as_str(), last.images, last.amount),
        ("Images, other sizes", Some(3_702), money("37.0368"))
    );
}

#[test]
fn a_workbook_holds_texts_as_texts_and_amounts_as_numbers() {
    let mut charges = charges(1);
    charges.charges[0].name = Some("=HYPERLINK(\"http://evil.example\")".into());
    let xlsx = statement(&charges, StatementLanguage::Chinese).to_xlsx().expect("a workbook");
    let mut archive = zip::ZipArchive::new(Cursor::new(xlsx)).expect("a ZIP file");
    let mut sheet = String::new();
    archive.by_name("xl/worksheets/sheet1.xml").expect("a sheet").read_to_string(&mut sheet).expect("read");
    assert!(!sheet.contains("<f>"), "no formula: {sheet}");
    assert!(sheet.contains("<v>15.638505</v>"), "{sheet}");
}
