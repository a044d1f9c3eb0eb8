use csv::StringRecord;

use super::{number, usage::UsageError};
use crate::units::Currency;

/// Names of columns, best first, without case, spaces and signs. FOCUS has the capitals (BilledCost), OpenAI's cost export
/// the `amount_value`, fal's usage API the `bucket`.
const DATES: [&str; 16] = [
    "chargeperiodstart",
    "usagedate",
    "date",
    "day",
    "starttimeiso",
    "starttime",
    "bucket",
    "timestamp",
    "createdat",
    "invoicedate",
    "billingperiodstart",
    "month",
    "period",
    "日期",
    "时间",
    "账期",
];
const IMAGES: [&str; 12] = [
    "images",
    "numimages",
    "imagecount",
    "numberofimages",
    "pictures",
    "pricingquantity",
    "quantity",
    "qty",
    "count",
    "张数",
    "图片数",
    "数量",
];
const COSTS: [&str; 12] = [
    "billedcost",
    "cost",
    "amountvalue",
    "amount",
    "totalcost",
    "totalamount",
    "total",
    "paid",
    "spend",
    "金额",
    "费用",
    "应付金额",
];
const CURRENCIES: [&str; 5] = ["billingcurrency", "amountcurrency", "currency", "currencycode", "币种"];
const UNITS: [&str; 4] = ["pricingunit", "quantityunit", "unit", "单位"];

/// Where what stands.
pub(super) struct Columns {
    pub names: StringRecord,
    pub date: usize,
    pub images: Option<usize>,
    pub cost: Option<usize>,
    /// What the name of the cost's column says, as `cost_usd` does.
    pub cost_currency: Option<Currency>,
    pub currency: Option<usize>,
    pub unit: Option<usize>,
    /// Whether a comma may be a decimal mark everywhere, as in files with semicolons.
    pub foreign_marks: bool,
}

impl Columns {
    /// The columns under `names`, the images' only with `counts_images`.
    pub(super) fn find(
        names: &StringRecord,
        counts_images: bool,
        foreign_marks: bool,
    ) -> Result<Self, UsageError> {
        let plain: Vec<(String, Option<Currency>)> = names.iter().map(plain_name).collect();
        let find =
            |known: &[&str]| known.iter().find_map(|known| plain.iter().position(|(name, _)| name == known));
        let date = find(&DATES)
            .ok_or(UsageError::NoColumn { what: "dates", names: "date, day, month or ChargePeriodStart" })?;
        let (images, cost) = (find(&IMAGES).filter(|_| counts_images), find(&COSTS));
        if images.is_none() && cost.is_none() {
            return Err(UsageError::NoColumn { what: "images or costs", names: "images, and one cost" });
        }
        Ok(Self {
            date,
            images,
            cost,
            cost_currency: cost.and_then(|index| plain[index].1),
            currency: find(&CURRENCIES),
            unit: find(&UNITS),
            names: names.clone(),
            foreign_marks,
        })
    }
}

/// The mark that stands most often in the line of names.
pub(super) fn delimiter(csv: &str) -> u8 {
    let names = csv.lines().next().unwrap_or_default();
    let count = |mark: u8| names.bytes().filter(|byte| *byte == mark).count();
    // The last of equals wins.
    [b'\t', b';', b','].into_iter().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}

/// `Amount (USD)` is `amount` in dollars; `cost_usd` is `cost` in dollars.
fn plain_name(name: &str) -> (String, Option<Currency>) {
    let sign = ["$", "¥", "￥", "€", "£"].into_iter().find(|sign| name.contains(sign));
    let mut words: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut found = sign.and_then(number::currency);
    if let [_, .., last] = &words[..]
        && ["usd", "cny", "rmb", "eur", "gbp", "jpy"].contains(&last.as_str())
    {
        found = number::currency(last);
        words.pop();
    }
    (words.concat(), found)
}
