//! Which column of an export holds what.

use csv::StringRecord;

use super::{number, usage_error::UsageError};
use crate::units::Currency;

/// Names of columns, best first, without case, spaces and signs. FOCUS has the capitals (BilledCost), OpenAI's cost export
/// the `amount_value`, fal's usage API the `bucket`, Alibaba's bill the Chinese ones.
const DATES: &[&str] = &[
    "chargeperiodstart",
    "usagestartdate",
    "账单开始时间",
    "starttimeiso",
    "starttime",
    "startdate",
    "开始时间",
    "开始日期",
    "usagedate",
    "date",
    "day",
    "bucket",
    "timestamp",
    "createdat",
    "invoicedate",
    "billingperiodstart",
    "periodstart",
    "billingstart",
    "servicestart",
    "from",
    "start",
    "month",
    "period",
    "year",
    "datum",
    "日期",
    "日付",
    "利用日",
    "消费时间",
    "消费日期",
    "时间",
    "账期",
    "账单月份",
    "月份",
    "年份",
];
const ENDS: &[&str] = &[
    "chargeperiodend",
    "usageenddate",
    "账单结束时间",
    "endtimeiso",
    "endtime",
    "enddate",
    "结束时间",
    "结束日期",
    "until",
    "billingperiodend",
    "periodend",
    "billingend",
    "serviceend",
    "to",
    "end",
];
/// They count images, whatever else stands there.
const IMAGES: &[&str] = &[
    "images",
    "numimages",
    "imagecount",
    "numberofimages",
    "pictures",
    "bilder",
    "张数",
    "枚数",
    "图片数",
    "图片数量",
    "图片张数",
    "出图数",
];
/// They count images unless a column of units, or the line, says otherwise.
const QUANTITIES: &[&str] =
    &["pricingquantity", "quantity", "qty", "count", "units", "anzahl", "menge", "quantité", "数量"];
/// They count images only where a column of units says so.
const AMOUNTS_OF_USE: &[&str] = &["usageamount", "usagequantity", "consumedquantity", "用量", "使用量"];
/// Of what is named so nothing is missing: a tax beside it is in it, a discount beside it is taken off.
const PAID: &[&str] = &[
    "billedcost",
    "价税合计",
    "含税金额",
    "grossamount",
    "amountgross",
    "gross",
    "brutto",
    "bruttobetrag",
    "应付金额",
    "应付",
    "实付金额",
    "实付",
    "支付金额",
    "amountpaid",
    "paid",
];
const COSTS: &[&str] = &[
    "消费金额",
    "cost",
    "amountvalue",
    "amount",
    "unblendedcost",
    "totalcost",
    "totalamount",
    "total",
    "spend",
    "kosten",
    "betrag",
    "montant",
    "金额",
    "金額",
    "费用",
    "花费",
    "现金支付",
    "总价",
    "effectivecost",
];
/// What stands in place of a bill where nothing was billed: FOCUS's cost of what a commitment had paid before.
const COSTS_INSTEAD: &[&str] = &["effectivecost"];
/// Money that is in no sum of what was paid: unit and list prices.
const OTHER_MONEY: &[&str] = &[
    "unitprice",
    "price",
    "listcost",
    "contractedcost",
    "listunitprice",
    "contractedunitprice",
    "单价",
    "官网价",
    "原价",
];
/// What was to be paid before tax. A total beside it has the tax.
const BEFORE_TAX: &[&str] =
    &["net", "netamount", "amountnet", "netto", "nettobetrag", "subtotal", "不含税金额"];
const TOTALS: &[&str] = &["total", "totalamount", "amounttotal", "gesamt", "gesamtbetrag", "合计"];
/// Added to a cost or taken off it, and perhaps not in it.
const BESIDE: &[&str] = &[
    "tax",
    "taxes",
    "taxamount",
    "vat",
    "vatamount",
    "gst",
    "mwst",
    "ust",
    "fee",
    "fees",
    "税额",
    "discount",
    "discounts",
    "rabatt",
    "credit",
    "credits",
    "refund",
    "refunds",
    "adjustment",
    "adjustments",
    "优惠",
    "优惠金额",
    "退款",
    "退款金额",
];
/// Parts of names that only money has.
const MONEY_WORDS: &[&str] = &[
    "cost", "amount", "charge", "paid", "spend", "price", "usd", "eur", "net", "gross", "netto", "brutto",
    "total", "kosten", "betrag", "preis", "summe", "montant", "prix", "金额", "金額", "费", "价", "款",
    "消费", "付",
];
/// Ends of names of what says which kind of money another column has.
const KINDS: &[&str] = &["type", "category", "description", "类型", "名称", "方式", "状态"];
const CURRENCIES: &[&str] =
    &["billingcurrency", "amountcurrency", "currency", "currencycode", "币种", "货币"];
const UNITS: &[&str] =
    &["pricingunit", "quantityunit", "usageunit", "unittype", "unit", "用量单位", "计量单位", "单位"];

/// Where what stands.
pub(super) struct Columns {
    pub names: StringRecord,
    pub date: usize,
    /// The last day, or the first one that is no longer meant.
    pub end: Option<usize>,
    pub images: Option<usize>,
    pub cost: Option<usize>,
    /// What counts where the cost's column is 0 throughout.
    pub cost_instead: Option<usize>,
    /// Columns of money that may be missing in the cost's.
    pub beside: Vec<usize>,
    /// What the name of the cost's column says, as `cost_usd` does.
    pub cost_currency: Option<Currency>,
    pub currency: Option<usize>,
    pub unit: Option<usize>,
    /// What Tintype's own export says of a line that is not an image: failed work, idle hours, unused capacity.
    pub own_line: Option<usize>,
    /// Whether the names are Chinese, whose amounts are in yuan if nothing else is said.
    pub is_chinese: bool,
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
        let date = find(DATES)
            .ok_or(UsageError::NoColumn { what: "dates", names: "date, day, month or ChargePeriodStart" })?;
        let unit = find(UNITS);
        let images = find(IMAGES).or_else(|| find(QUANTITIES));
        let images = images.or_else(|| find(AMOUNTS_OF_USE).filter(|_| unit.is_some()));
        let images = images.filter(|_| counts_images);
        let whole = find(PAID).or_else(|| find(TOTALS).filter(|_| find(BEFORE_TAX).is_some()));
        let cost = whole.or_else(|| find(COSTS));
        if cost.is_none()
            && let Some(column) = plain.iter().position(is_unknown_money)
        {
            return Err(UsageError::UnknownCost { column: names[column].to_owned() });
        }
        let is_twice = |at: &usize| plain.iter().filter(|name| **name == plain[*at]).count() > 1;
        if let Some(column) = [Some(date), images, cost].into_iter().flatten().find(is_twice) {
            return Err(UsageError::Twice { column: names[column].to_owned() });
        }
        if images.is_none() && cost.is_none() {
            return Err(UsageError::NoColumn { what: "images or costs", names: "images, and one cost" });
        }
        Ok(Self {
            date,
            end: find(ENDS),
            images,
            cost,
            cost_instead: find(COSTS_INSTEAD).filter(|_| cost.is_some()),
            beside: match (cost, whole) {
                (Some(_), None) => {
                    (0..plain.len()).filter(|at| BESIDE.contains(&plain[*at].0.as_str())).collect()
                }
                _ => Vec::new(),
            },
            cost_currency: cost.and_then(|index| plain[index].1),
            currency: find(CURRENCIES),
            unit,
            own_line: find(&["xline"]),
            is_chinese: names.iter().any(|name| name.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))),
            names: names.clone(),
            foreign_marks,
        })
    }

    /// A column of use that no column of units explains.
    pub(super) fn uncounted(names: &StringRecord) -> Option<&str> {
        const CALLS: [&str; 5] = ["调用次数", "次数", "requests", "nummodelrequests", "calls"];
        let is_use = |name: &&str| {
            let (plain, _) = plain_name(name);
            AMOUNTS_OF_USE.contains(&plain.as_str()) || CALLS.contains(&plain.as_str())
        };
        names.iter().find(is_use)
    }
}

/// Whether a name is that of money, but of none that is known.
fn is_unknown_money((name, currency): &(String, Option<Currency>)) -> bool {
    let known = [OTHER_MONEY, CURRENCIES, DATES, ENDS, UNITS, AMOUNTS_OF_USE, QUANTITIES, IMAGES];
    let is_in = |names: &[&str]| names.contains(&name.as_str());
    let has_word = MONEY_WORDS.iter().any(|word| name.contains(word));
    let is_kind = KINDS.iter().any(|kind| name.ends_with(kind));
    (currency.is_some() || has_word || is_in(BESIDE)) && !is_kind && !known.into_iter().any(is_in)
}

/// `Amount (USD)` is `amount` in dollars, and so are `amount_usd` and `usd_amount`; `金额（元）` is `金额` in yuan. Amazon
/// puts `line_item_` before its names.
fn plain_name(name: &str) -> (String, Option<Currency>) {
    const CODES: [&str; 10] = ["usd", "cny", "rmb", "eur", "gbp", "jpy", "inr", "元", "人民币", "美元"];
    let sign = ["$", "¥", "￥", "€", "£", "₹"].into_iter().find(|sign| name.contains(sign));
    let mut words: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut found = sign.and_then(number::currency);
    let is_code = |word: &String| CODES.contains(&word.as_str());
    if words.len() > 1 {
        let place = [words.len() - 1, 0].into_iter().find(|place| is_code(&words[*place]));
        if let Some(place) = place {
            found = number::currency(&words.remove(place));
        }
    }
    if words.starts_with(&["line".into(), "item".into()]) {
        words.drain(..2);
    }
    (words.concat(), found)
}
