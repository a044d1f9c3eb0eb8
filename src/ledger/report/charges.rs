//! What each cost centre is charged for a month. Together, without mark-ups, they are the month's all-in cost.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    Figures, GroupBy, MonthTotals, WholeMonth, bought,
    entry_sums::{self, Fact},
    read::Source,
};
use crate::{
    costs::{Breakdown, CostModel, MachineUse, ShareRule},
    domain::Calendar,
    ledger::{
        BoughtReport, Ledger, LedgerError, Month,
        centres::Memberships,
        purchases::{self, rows::BoughtRow},
        store::params,
    },
    units::{Currency, Money, RangeError},
};

/// A month by cost centres.
#[derive(Debug, Clone, Serialize)]
pub struct Charges {
    /// `2026-11`.
    pub month: Month,
    /// Currency of every amount.
    pub currency: Currency,
    /// The first of its days that count.
    pub first_day: Date,
    /// The last of them: of the running month, today.
    pub last_day: Date,
    /// The seal of the closed month; null while figures can change.
    pub seal: Option<String>,
    /// In proportion to what idle and unused cost is shared.
    pub shared_by: ShareRule,
    /// What is added to a cost centre's costs.
    pub mark_up_percent: u32,
    /// Everything that the month cost: the sum of all subtotals.
    pub all_in_total: Money,
    /// The cost centres by their numbers; what belongs to none comes last.
    pub charges: Vec<Charge>,
}

/// What a cost centre is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// Its number; null: what belongs to no cost centre.
    pub centre: Option<i64>,
    /// What it is called.
    pub name: Option<String>,
    /// Images, less those of earlier months that were taken back.
    pub images: i64,
    /// Their standard cost, by what it is for.
    #[serde(flatten)]
    pub cost: Breakdown,
    /// Electricity of jobs that gave no image.
    pub failed_electricity: Money,
    /// Its part of the electricity of idle hours, warm-up and gaps.
    pub idle_share: Money,
    /// Its part of unused depreciation and upkeep, of what was lost or gained on parts that were sold, and of adjustments.
    pub unused_share: Money,
    /// All of these.
    pub subtotal: Money,
    /// What is added, rounded up.
    pub mark_up: Money,
    /// What it is charged.
    pub total: Money,
    /// Its images by size and quality, the dearest first.
    pub lines: Vec<ChargeLine>,
    /// What was bought elsewhere for it, in none of the figures above: it is shown, and not charged. Its `paid_total` is the charge
    /// and what was bought together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<BoughtReport>,
}

/// Images of one size and quality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChargeLine {
    /// `1024x1024`.
    pub size: String,
    /// Null: not noted.
    pub quality: Option<String>,
    /// How many, less those that were taken back.
    pub images: i64,
    /// Their standard cost.
    pub amount: Money,
}

impl Ledger {
    /// What each cost centre is charged for `month`, as far as it has passed by `now`. The rule and the mark-up are those
    /// that hold at its last moment so far.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn charges(
        &self,
        costs: &CostModel,
        month: Month,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Charges, LedgerError> {
        self.store.read(|view| {
            let source =
                Source::read(view, costs, month.days(), &[GroupBy::Key, GroupBy::Tag], calendar, now)?;
            let (report, _) = source.stated_or_read(month)?;
            let whole = report.whole.ok_or(LedgerError::OutOfRange { what: "a month's costs" })?;
            let days = source.known_days(month.days());
            let terms = source.costs().terms();
            let last_moment = days.end.at(0, 0, 0, 0).saturating_sub(jiff::Span::new().nanoseconds(1));
            let (shared_by, mark_up_percent) = terms.charging(last_moment);
            let memberships = Memberships::read(view)?;
            let mut users = users(source.facts_on(month.days()), &memberships)?;
            let [start, end] = [month.days().first, month.days().end].map(|day| calendar.start_of(day));
            for row in purchases::rows::of_span(view, start, end)? {
                let day = calendar.to_datetime(row.at).date();
                let centre = memberships.centre_of(Some(&row.key), row.tag.as_deref(), day);
                users.entry(centre).or_default().bought.push(row);
            }
            let charged = Charged { whole: &whole, shared_by, mark_up_percent };
            let sql = "SELECT sha256 FROM month_closings WHERE month = ?1";
            let seal = view.query_first(sql, params![month.to_string()], |row| row.get::<[u8; 32]>(0))?;
            let seal = seal.map(|sha256| base16ct::lower::encode_string(&sha256));
            Ok(Charges {
                month,
                currency: report.currency,
                first_day: days.first,
                last_day: days.end.yesterday().unwrap_or(days.first),
                seal,
                shared_by,
                mark_up_percent,
                all_in_total: whole.fully_loaded_total,
                charges: charged.among(users, &memberships)?,
            })
        })
    }
}

/// What was booked for one cost centre, or for none.
#[derive(Default)]
struct User {
    totals: MonthTotals,
    lines: Vec<ChargeLine>,
    bought: Vec<BoughtRow>,
}

/// Of each centre that anything was booked for, by its number.
type Users = BTreeMap<Option<i64>, User>;

fn users(facts: &[Fact], memberships: &Memberships) -> Result<Users, LedgerError> {
    let centre = |fact: &Fact| {
        memberships.centre_of(
            fact.group(GroupBy::Key).as_deref(),
            fact.group(GroupBy::Tag).as_deref(),
            fact.day,
        )
    };
    let mut users = Users::new();
    for (centre, totals) in entry_sums::sums_by(facts, centre)? {
        users.entry(centre).or_default().totals = totals;
    }
    let of_line = |fact: &Fact| (centre(fact), fact.group(GroupBy::Size), fact.group(GroupBy::Quality));
    for ((centre, size, quality), totals) in entry_sums::sums_by(facts, of_line)? {
        let Figures { images, total, .. } = Figures::new(&totals);
        if images != 0 || total != Money::ZERO {
            let size = size.unwrap_or_default();
            users.entry(centre).or_default().lines.push(ChargeLine { size, quality, images, amount: total });
        }
    }
    Ok(users)
}

/// By what a month is charged.
struct Charged<'a> {
    whole: &'a WholeMonth,
    shared_by: ShareRule,
    mark_up_percent: u32,
}

impl Charged<'_> {
    /// Every centre in order of their numbers, and at last what belongs to none.
    fn among(&self, mut users: Users, memberships: &Memberships) -> Result<Vec<Charge>, RangeError> {
        let names = memberships.names.iter().map(|(id, name)| (Some(*id), Some(name.clone())));
        let all: Vec<_> = names
            .chain([(None, None)])
            .map(|(centre, name)| (centre, name, users.remove(&centre).unwrap_or_default()))
            .collect();
        let used: Vec<_> = all.iter().map(|(centre, _, user)| machine_use(*centre, &user.totals)).collect();
        let direct = all.iter().try_fold(Money::ZERO, |sum, (.., user)| sum.plus(direct(&user.totals)?))?;
        let idle = self.whole.overhead_electricity;
        let unused = self.whole.fully_loaded_total.minus(direct)?.minus(idle)?;
        let shares = self.shared_by.share(idle, &used).into_iter().zip(self.shared_by.share(unused, &used));
        all.into_iter().zip(shares).map(|(user, shares)| self.charge(user, shares)).collect()
    }

    fn charge(
        &self,
        (centre, name, user): (Option<i64>, Option<String>, User),
        (idle_share, unused_share): (Money, Money),
    ) -> Result<Charge, RangeError> {
        let User { totals, mut lines, bought } = user;
        lines.sort_by_key(|line| std::cmp::Reverse(line.amount));
        let subtotal = direct(&totals)?.plus(idle_share)?.plus(unused_share)?;
        // Nothing is added to what stays with the operator, nor to a credit.
        let mark_up = match centre {
            Some(_) if subtotal > Money::ZERO => subtotal.share_ceil(self.mark_up_percent.into(), 100)?,
            _ => Money::ZERO,
        };
        let total = subtotal.plus(mark_up)?;
        Ok(Charge {
            centre,
            name,
            images: totals.images,
            cost: totals.cost,
            failed_electricity: totals.failed_electricity,
            idle_share,
            unused_share,
            subtotal,
            mark_up,
            total,
            lines,
            overflow: bought::report(&bought, Some(total))?,
        })
    }
}

/// What was booked for a user alone.
fn direct(totals: &MonthTotals) -> Result<Money, RangeError> {
    totals.standard.plus(totals.failed_electricity)
}

fn machine_use(centre: Option<i64>, totals: &MonthTotals) -> MachineUse {
    MachineUse {
        is_centre: centre.is_some(),
        images: totals.images,
        device_ms: i64::try_from(totals.duration.as_millis()).unwrap_or_default(),
        standard: totals.standard,
    }
}

impl Charges {
    /// The charge of the centre with this number.
    pub fn of_centre(&self, centre: i64) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.centre == Some(centre))
    }
}
