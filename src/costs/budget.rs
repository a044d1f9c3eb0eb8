use std::{fmt, str::FromStr};

use crate::units::{Energy, Money};

/// A limit on what a key, or all keys together, may use up in a calendar day or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Budget {
    /// How much, and of what.
    pub amount: BudgetAmount,
    /// How long it lasts.
    pub period: BudgetPeriod,
    /// What happens when it is used up.
    pub limit: BudgetLimit,
}

/// An amount of something that can be used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetAmount {
    /// Standard cost, and the electricity of failed work, in the ledger's currency.
    Money(Money),
    /// Images.
    Images(u32),
    /// Energy at the plug, failed work included.
    Energy(Energy),
}

/// How long a budget lasts, by the calendar of the configured zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BudgetPeriod {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
}

/// What happens when a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetLimit {
    /// Requests are refused.
    Hard,
    /// Answers and the log say so.
    Soft,
}

/// What has been used up, or what a request is expected to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spending {
    /// Standard cost, and the electricity of failed work.
    pub money: Money,
    /// Images.
    pub images: u32,
    /// Energy at the plug.
    pub energy: Energy,
}

impl Spending {
    /// More than any budget allows.
    pub const MAX: Self = Self { money: Money::MAX, images: u32::MAX, energy: Energy::MAX };

    /// Both together; what passes the range stays at its end, beyond any budget.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            money: self.money.plus(other.money).unwrap_or(Money::MAX),
            images: self.images.saturating_add(other.images),
            energy: self.energy.plus(other.energy).unwrap_or(Energy::MAX),
        }
    }
}

impl Budget {
    /// Whether `spent`, which may be the sum of many, is within it.
    pub fn holds(&self, spent: &Spending) -> bool {
        match self.amount {
            BudgetAmount::Money(limit) => spent.money <= limit,
            BudgetAmount::Images(limit) => spent.images <= limit,
            BudgetAmount::Energy(limit) => spent.energy <= limit,
        }
    }

    /// What is left of it after `spent`; nothing if it is used up.
    pub fn left(&self, spent: &Spending) -> BudgetAmount {
        match self.amount {
            BudgetAmount::Money(limit) => {
                let left = limit.minus(spent.money).unwrap_or_default();
                BudgetAmount::Money(left.max(Money::ZERO))
            }
            BudgetAmount::Images(limit) => BudgetAmount::Images(limit.saturating_sub(spent.images)),
            BudgetAmount::Energy(limit) => {
                BudgetAmount::Energy(limit.minus(spent.energy).unwrap_or_default())
            }
        }
    }

    /// How much of it `spent` is, in thousandths; 1000 if it is used up, or if nothing was allowed.
    pub fn used_permille(&self, spent: &Spending) -> u16 {
        let (part, whole) = match (self.amount, self.part_of(spent)) {
            (BudgetAmount::Money(limit), BudgetAmount::Money(spent)) => {
                (i128::from(spent.as_nano()), i128::from(limit.as_nano()))
            }
            (BudgetAmount::Images(limit), BudgetAmount::Images(spent)) => (spent.into(), limit.into()),
            (BudgetAmount::Energy(limit), BudgetAmount::Energy(spent)) => {
                (spent.as_millijoules().into(), limit.as_millijoules().into())
            }
            _ => (1, 1),
        };
        let permille = (part.max(0) * 1000).checked_div(whole).unwrap_or(1000);
        u16::try_from(permille).unwrap_or(1000).min(1000)
    }

    /// What `spent` is in this budget's unit.
    pub fn part_of(&self, spent: &Spending) -> BudgetAmount {
        match self.amount {
            BudgetAmount::Money(_) => BudgetAmount::Money(spent.money),
            BudgetAmount::Images(_) => BudgetAmount::Images(spent.images),
            BudgetAmount::Energy(_) => BudgetAmount::Energy(spent.energy),
        }
    }

    /// Whether both limit the same thing in the same way, so that one of them would be idle.
    fn is_rival_of(&self, other: &Self) -> bool {
        (self.period, self.limit) == (other.period, other.limit)
            && std::mem::discriminant(&self.amount) == std::mem::discriminant(&other.amount)
    }
}

/// Budgets of one holder: at most one hard and one soft of a kind for each period.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Vec<Budget>")]
pub struct Budgets(Vec<Budget>);

impl Budgets {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Budget> {
        self.0.iter()
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Budget>> for Budgets {
    type Error = BudgetError;

    fn try_from(budgets: Vec<Budget>) -> Result<Self, BudgetError> {
        let rivals = budgets.iter().enumerate().find_map(|(index, budget)| {
            let rival = budgets[..index].iter().find(|earlier| earlier.is_rival_of(budget))?;
            Some(BudgetError::Rivals(*rival, *budget))
        });
        rivals.map_or(Ok(Self(budgets)), Err)
    }
}

/// As they are written: with commas between, or `none`.
impl FromStr for Budgets {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        match text.trim() {
            "none" => Ok(Self::default()),
            list => list.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?.try_into(),
        }
    }
}

/// `20.00 a month, 100 images a day`, or `none`.
impl fmt::Display for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, budget) in self.0.iter().enumerate() {
            write!(f, "{}{budget}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// A text that is not a budget, or budgets of which one never applies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// Not a budget.
    #[error("`{0}` is not a budget; write `20 a month`, `100 images a day` or `soft 2.5 kWh a month`")]
    Text(String),
    /// Two of a kind.
    #[error("`{0}` and `{1}` limit the same thing; keep one of them")]
    Rivals(Budget, Budget),
}

/// `[soft] AMOUNT [images|kWh] [a day|a month]`: money and a month if nothing else is said.
impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let error = || BudgetError::Text(text.to_owned());
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let limit = match words.first() {
            Some(&"soft") => {
                words.remove(0);
                BudgetLimit::Soft
            }
            _ => BudgetLimit::Hard,
        };
        let period = match words[..] {
            [.., "a", "day"] => BudgetPeriod::Day,
            _ => BudgetPeriod::Month,
        };
        if let [.., "a", "day" | "month"] = words[..] {
            words.truncate(words.len() - 2);
        }
        let amount = match words[..] {
            [amount] => BudgetAmount::Money(amount.parse().map_err(|_| error())?),
            [amount, "images" | "image"] => BudgetAmount::Images(amount.parse().map_err(|_| error())?),
            [amount, "kWh"] => BudgetAmount::Energy(amount.parse().map_err(|_| error())?),
            _ => return Err(error()),
        };
        match amount {
            BudgetAmount::Money(amount) if amount < Money::ZERO => Err(error()),
            _ => Ok(Self { amount, period, limit }),
        }
    }
}

impl TryFrom<String> for Budget {
    type Error = BudgetError;

    fn try_from(text: String) -> Result<Self, BudgetError> {
        text.parse()
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let soft = if self.limit == BudgetLimit::Soft { "soft " } else { "" };
        write!(f, "{soft}{} {}", self.amount, self.period)
    }
}

impl fmt::Display for BudgetAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Money(amount) => write!(f, "{amount}"),
            Self::Images(1) => f.write_str("1 image"),
            Self::Images(count) => write!(f, "{count} images"),
            Self::Energy(energy) => write!(f, "{} kWh", energy.to_kwh_string()),
        }
    }
}

impl fmt::Display for BudgetPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "a day",
            Self::Month => "a month",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(text: &str) -> Budget {
        text.parse().expect("a budget")
    }

    #[test]
    fn a_budget_is_read_as_it_is_written() {
        for (text, written) in [
            ("20", "20.00 a month"),
            ("20 a day", "20.00 a day"),
            ("100 images a day", "100 images a day"),
            ("1 image", "1 image a month"),
            ("soft 2.5 kWh a month", "soft 2.5 kWh a month"),
            ("soft 0.125", "soft 0.125 a month"),
        ] {
            assert_eq!(budget(text).to_string(), written);
            assert_eq!(budget(written), budget(text));
        }
        for text in ["", "soft", "-1", "-1 images", "1.5 images", "20 a week", "20 yuan", "a day", "20 a"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_budget_holds_to_its_last_unit_and_no_further() {
        let spent = |money: &str, images: u32, mj: u64| Spending {
            money: money.parse().expect("an amount"),
            images,
            energy: Energy::from_millijoules(mj),
        };
        let full = spent("20", 100, 3_600_000_000);
        for text in ["20", "100 images", "1 kWh"] {
            let budget = budget(text);
            assert!(budget.holds(&full));
            assert!(!budget.holds(&full.plus(spent("0.000000001", 1, 1))), "{text}");
        }
        assert_eq!(budget("20").left(&spent("19.5", 0, 0)).to_string(), "0.50");
        assert_eq!(budget("20").left(&spent("21", 0, 0)).to_string(), "0.00");
        assert_eq!(budget("3 images").left(&spent("21", 2, 0)).to_string(), "1 image");
        assert_eq!(budget("2 kWh").left(&full).to_string(), "1 kWh");
        assert_eq!(
            ["40", "99 images", "2 kWh", "0"].map(|text| budget(text).used_permille(&full)),
            [500, 1000, 500, 1000]
        );
        assert!(!budget("1").holds(&spent("9000000000", 0, 0).plus(spent("9000000000", 0, 0))));
    }

    #[test]
    fn two_budgets_of_a_kind_are_refused() {
        let list =
            |texts: &[&str]| Budgets::try_from(texts.iter().map(|text| budget(text)).collect::<Vec<_>>());
        let several = list(&["20", "soft 15", "1 a day", "5 images", "1 kWh"]).expect("budgets");
        assert_eq!(
            several.to_string(),
            "20.00 a month, soft 15.00 a month, 1.00 a day, 5 images a month, 1 kWh a month"
        );
        let error = list(&["20", "5 images", "30 a month"]).expect_err("refused").to_string();
        assert_eq!(error, "`20.00 a month` and `30.00 a month` limit the same thing; keep one of them");
        assert_eq!(several.to_string().parse(), Ok(several));
        assert_eq!("none".parse(), Ok(Budgets::default()));
        assert_eq!(Budgets::default().to_string(), "none");
        assert!("".parse::<Budgets>().is_err() && "20, none".parse::<Budgets>().is_err());
    }
}
