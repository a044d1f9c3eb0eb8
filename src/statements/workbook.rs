//! A statement as a workbook of one sheet.

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, Worksheet};

use super::{ChargeStatement, StatementError, StatementRow, words::Word};
use crate::units::Money;

/// Amounts to the ten-thousandth; the exact ones are in the CSV file.
const AMOUNT: &str = "#,##0.00##";

impl ChargeStatement<'_> {
    /// The statement as an XLSX file. Amounts are numbers, as spreadsheets have them.
    ///
    /// # Errors
    /// [`StatementError::Workbook`] if it cannot be made.
    pub fn to_xlsx(&self) -> Result<Vec<u8>, StatementError> {
        let mut workbook = Workbook::new();
        self.write(workbook.add_worksheet())?;
        Ok(workbook.save_to_buffer()?)
    }

    fn write(&self, sheet: &mut Worksheet) -> Result<(), StatementError> {
        let (language, bold) = (self.language, Format::new().set_bold());
        sheet.set_name(self.charges.month.to_string())?;
        sheet.set_column_width(0, 44)?.set_column_width(1, 14)?.set_column_width(2, 18)?;
        sheet.write_with_format(0, 0, language.say(Word::Title), &bold.clone().set_font_size(16))?;
        let mut at = 2;
        for (word, value) in self.head() {
            sheet.write(at, 0, word)?.write(at, 1, value)?;
            at += 1;
        }
        at += 1;
        let head = bold.clone().set_border_bottom(FormatBorder::Thin);
        for (column, word) in (0..).zip([Word::Item, Word::Images, Word::Amount]) {
            let format = if column == 0 { head.clone() } else { head.clone().set_align(FormatAlign::Right) };
            sheet.write_with_format(at, column, language.say(word), &format)?;
        }
        let plain = Format::new();
        for row in self.image_rows().into_iter().chain(self.other_rows()) {
            at += 1;
            write_row(sheet, at, &row, &plain)?;
        }
        let sums = self.sum_rows();
        for (place, row) in sums.iter().enumerate() {
            at += 1;
            let format = if place + 1 == sums.len() { bold.clone() } else { plain.clone() };
            let format = if place == 0 { format.set_border_top(FormatBorder::Thin) } else { format };
            write_row(sheet, at, row, &format)?;
        }
        if let Some(bought) = self.bought_row() {
            at += 1;
            write_row(sheet, at, &bought, &plain)?;
        }
        sheet.write(at + 2, 0, self.breakdown())?;
        Ok(())
    }
}

fn write_row(
    sheet: &mut Worksheet,
    at: u32,
    row: &StatementRow,
    format: &Format,
) -> Result<(), StatementError> {
    sheet.write_with_format(at, 0, row.what.as_str(), format)?;
    match row.images {
        Some(images) => sheet.write_with_format(at, 1, images, &format.clone().set_num_format("#,##0"))?,
        None => sheet.write_blank(at, 1, format)?,
    };
    sheet.write_with_format(at, 2, number(row.amount), &format.clone().set_num_format(AMOUNT))?;
    Ok(())
}

/// The nearest number that a spreadsheet can hold.
fn number(amount: Money) -> f64 {
    amount.to_decimal_string().parse().unwrap_or_default()
}
