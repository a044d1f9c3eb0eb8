//! Values of flags, as people write them.

use jiff::civil::Date;

use crate::{
    domain::{TEXT_CHARS_MAX, check_label, has_moments},
    units::Money,
};

/// A day, `2026-11-23`. Not the lenient reading, which passes over a time and an offset.
pub(super) fn parse_day(text: &str) -> Result<Date, String> {
    let day = Date::strptime("%Y-%m-%d", text).ok();
    day.filter(|day| has_moments(*day)).ok_or_else(|| "not a day; write it as 2026-11-23".into())
}

/// A name, a document or a reason, which stands in the books for good: tables, pages and statements show it in one line.
pub(super) fn parse_text(text: &str) -> Result<String, String> {
    check_label(text, TEXT_CHARS_MAX).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// An amount of the ledger's currency that is not negative.
pub(super) fn parse_amount(text: &str) -> Result<Money, String> {
    match text.parse::<Money>() {
        Ok(amount) if amount >= Money::ZERO => Ok(amount),
        Ok(_) => Err("an amount is not negative here".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads `-1` as a value where one is due, as the price of electricity may be, and not as a flag that there is none of: the value's own
/// reader says what is wrong with it.
pub(super) fn takes_negative_numbers(command: clap::Command) -> clap::Command {
    let takes_value = |arg: clap::Arg| {
        let is_flag = !arg.get_action().takes_values();
        if is_flag { arg } else { arg.allow_negative_numbers(true) }
    };
    command.mut_args(takes_value).mut_subcommands(takes_negative_numbers)
}

/// What stands between the cells of `csv`: the mark that stands most often in its line of names. Spreadsheets write a semicolon where the
/// comma is a decimal mark.
pub(super) fn delimiter(csv: &str) -> u8 {
    let names = csv.lines().next().unwrap_or_default();
    let count = |mark: u8| names.bytes().filter(|byte| *byte == mark).count();
    // The last of equals wins.
    [b'\t', b';', b','].into_iter().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}
