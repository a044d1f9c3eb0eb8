//! A statement as one page of A4.

use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point},
    metadata::Metadata,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
};

use super::{ChargeStatement, StatementError, StatementRow, letters::Letters, words::Word};
use crate::units::Currency;

/// A4 in points.
const PAGE: (f32, f32) = (595.28, 841.89);
const MARGIN: f32 = 56.0;
const RIGHT: f32 = PAGE.0 - MARGIN;
/// The right edge of the column of images.
const IMAGES: f32 = 400.0;
/// Where the head's values begin.
const VALUES: f32 = MARGIN + 110.0;
const TITLE: f32 = 20.0;
const TEXT: f32 = 10.0;
const SMALL: f32 = 8.0;
const LINE: f32 = 17.0;

impl ChargeStatement<'_> {
    /// The statement as a PDF of one page, with its letters in it.
    ///
    /// # Errors
    /// [`StatementError::Page`] if it cannot be made.
    pub fn to_pdf(&self) -> Result<Vec<u8>, StatementError> {
        let fault = |what: &str| StatementError::Page(what.to_owned());
        let letters = Letters::built_in().ok_or_else(|| fault("its font cannot be read"))?;
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or_else(|| fault("its size"))?;
        let mut document = Document::new();
        let title = format!("{} {}", self.language.say(Word::Title), self.charges.month);
        document.set_metadata(
            Metadata::new()
                .title(title)
                .authors(vec![self.operator.to_owned()])
                .language(self.language.tag().to_owned())
                .creator("Tintype".to_owned()),
        );
        let mut page = document.start_page_with(settings);
        self.draw(Sheet { surface: page.surface(), letters, y: MARGIN + TITLE });
        page.finish();
        document.finish().map_err(|error| StatementError::Page(format!("{error:?}")))
    }

    fn draw(&self, mut sheet: Sheet<'_>) {
        let (language, currency) = (self.language, self.charges.currency);
        sheet.left(MARGIN, TITLE, language.say(Word::Title));
        sheet.down(2.0 * LINE);
        for (word, value) in self.head() {
            sheet.left(MARGIN, TEXT, word);
            sheet.left_within(VALUES, RIGHT, TEXT, &value);
            sheet.down(LINE);
        }
        sheet.down(LINE);
        sheet.left(MARGIN, SMALL, language.say(Word::Item));
        sheet.right(IMAGES, SMALL, language.say(Word::Images));
        sheet.right(RIGHT, SMALL, language.say(Word::Amount));
        sheet.down(LINE);
        sheet.rule();
        for row in self.image_rows().into_iter().chain(self.other_rows()) {
            sheet.row(&row, TEXT, currency);
        }
        sheet.rule();
        let sums = self.sum_rows();
        for (at, row) in sums.iter().enumerate() {
            let is_total = at + 1 == sums.len();
            sheet.row(row, if is_total { TEXT + 2.0 } else { TEXT }, currency);
        }
        sheet.rule();
        if let Some(bought) = self.bought_row() {
            sheet.row(&bought, TEXT, currency);
        }
        sheet.left_within(MARGIN, RIGHT, SMALL, &self.breakdown());
        sheet.surface.finish();
    }
}

/// A page that is written from above.
struct Sheet<'a> {
    surface: Surface<'a>,
    letters: &'static Letters,
    /// The base line of what is written next.
    y: f32,
}

impl Sheet<'_> {
    fn down(&mut self, by: f32) {
        self.y += by;
    }

    fn left(&mut self, x: f32, size: f32, text: &str) {
        let glyphs = self.letters.glyphs(text);
        self.surface.set_fill(Some(Fill { paint: rgb::Color::black().into(), ..Fill::default() }));
        let (start, font) = (Point::from_xy(x, self.y), self.letters.font.clone());
        self.surface.draw_glyphs(start, &glyphs, font, text, size, false);
    }

    /// The same, cut where it would pass `end`.
    fn left_within(&mut self, x: f32, end: f32, size: f32, text: &str) {
        let mut text = text.to_owned();
        while Letters::width(&self.letters.glyphs(&text), size) > end - x && text.pop().is_some() {}
        self.left(x, size, &text);
    }

    fn right(&mut self, x: f32, size: f32, text: &str) {
        let width = Letters::width(&self.letters.glyphs(text), size);
        self.left(x - width, size, text);
    }

    fn row(&mut self, row: &StatementRow, size: f32, currency: Currency) {
        self.left_within(MARGIN, IMAGES - 60.0, size, &row.what);
        if let Some(images) = row.images {
            self.right(IMAGES, size, &crate::units::grouped(&images.to_string()));
        }
        self.right(RIGHT, size, &row.amount.readable_in(currency));
        self.down(LINE);
    }

    /// A line over the whole width, below what was written last.
    fn rule(&mut self) {
        let at = self.y - LINE + 5.0;
        let mut path = PathBuilder::new();
        path.move_to(MARGIN, at);
        path.line_to(RIGHT, at);
        if let Some(path) = path.finish() {
            self.surface.set_fill(None);
            self.surface.set_stroke(Some(Stroke { width: 0.5, ..Stroke::default() }));
            self.surface.draw_path(&path);
            self.surface.set_stroke(None);
        }
        self.down(3.0);
    }
}
