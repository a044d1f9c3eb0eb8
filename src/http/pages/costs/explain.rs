//! How each figure is made: its formula, and what went into it.

use super::account::Account;
use crate::{
    costs::{Outlook, PriceMatter, PriceNotice, ServiceComparison},
    ledger::{Payback, PaybackAgainst, WholeMonth},
    units::Money,
};

impl Account<'_> {
    fn sentence(&self, key: &str, values: &[(&str, String)]) -> String {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
        self.words.format(key, &values)
    }

    pub(super) fn how_images(&self) -> String {
        self.sentence("costs-how-images", &[("undelivered", self.count(self.figures.undelivered_images))])
    }

    pub(super) fn how_total(&self) -> String {
        let figures = self.figures;
        self.sentence(
            "costs-how-total",
            &[
                ("electricity", self.money(figures.cost.electricity)),
                ("depreciation", self.money(figures.cost.depreciation)),
                ("upkeep", self.money(figures.cost.upkeep)),
                ("total", self.money(figures.total)),
            ],
        )
    }

    /// `sum` divided by the images.
    pub(super) fn how_each(&self, what: &str, sum: Money, each: Money) -> String {
        self.sentence(
            "costs-how-each",
            &[
                ("what", self.words.say(what).into_owned()),
                ("sum", self.money(sum)),
                ("images", self.count(self.figures.images)),
                ("each", self.money(each)),
            ],
        )
    }

    pub(super) fn how_loaded(&self, whole: &WholeMonth) -> String {
        self.sentence(
            "costs-how-loaded",
            &[
                ("standard", self.money(self.figures.total)),
                ("failed", self.money(self.figures.failed_electricity)),
                ("idle", self.money(whole.overhead_electricity)),
                ("wear", self.money(whole.unused_depreciation)),
                ("upkeep", self.money(whole.unused_upkeep)),
                ("disposal", self.money(whole.disposal_gain)),
                ("adjustments", self.money(whole.adjustments_total)),
                ("total", self.money(whole.fully_loaded_total)),
            ],
        )
    }

    pub(super) fn how_electricity(&self) -> String {
        let figures = self.figures;
        self.sentence(
            "costs-how-electricity",
            &[
                ("plug", self.energy(figures.wall_energy_kwh)),
                ("device", self.energy(figures.energy_kwh)),
                ("total", self.money(figures.cost.electricity)),
            ],
        )
    }

    pub(super) fn how_depreciation(&self) -> String {
        let whole = self.whole.map_or(Money::ZERO, |whole| whole.whole_depreciation);
        let values = [("charged", self.money(self.figures.cost.depreciation)), ("whole", self.money(whole))];
        self.sentence("costs-how-depreciation", &values)
    }

    pub(super) fn how_upkeep(&self) -> String {
        let whole = self.whole.map_or(Money::ZERO, |whole| whole.whole_upkeep);
        self.sentence(
            "costs-how-upkeep",
            &[("charged", self.money(self.figures.cost.upkeep)), ("whole", self.money(whole))],
        )
    }

    pub(super) fn how_unused(&self, what: &str, whole: Money, charged: Money, unused: Money) -> String {
        self.sentence(
            "costs-how-unused",
            &[
                ("what", self.words.say(what).into_owned()),
                ("whole", self.money(whole)),
                ("charged", self.money(charged)),
                ("unused", self.money(unused)),
            ],
        )
    }

    pub(super) fn how_energy(&self) -> String {
        let sources = self.sources;
        self.sentence(
            "costs-how-energy",
            &[
                ("device", self.energy(self.figures.energy_kwh)),
                ("plug", self.energy(self.figures.wall_energy_kwh)),
                ("metered", self.energy(sources.metered_kwh)),
                ("integrated", self.energy(sources.integrated_kwh)),
                ("estimated", self.energy(sources.estimated_kwh)),
            ],
        )
    }

    /// What was saved against a service with everything that was spent; none if it has no price.
    pub(super) fn how_saved_all_in(&self, service: &ServiceComparison) -> Option<String> {
        let (price, total, saving) = (service.compared_price?, service.all_in_total?, service.saving_all_in?);
        Some(self.sentence(
            "costs-how-saved-all-in",
            &[
                ("price", self.money(price)),
                ("images", self.count(service.images)),
                ("total", self.money(total)),
                ("saving", self.money(saving)),
            ],
        ))
    }

    /// What was saved against a service by the standard cost; none if it has no price.
    pub(super) fn how_saved(&self, service: &ServiceComparison) -> Option<String> {
        let (price, saving) = (service.compared_price?, service.saving?);
        let formula = self.sentence(
            "costs-how-saved",
            &[
                ("price", self.money(price)),
                ("images", self.count(service.images)),
                ("total", self.money(service.total)),
                ("saving", self.money(saving)),
            ],
        );
        let read = service.prices.last().map(|read| {
            let values = [("day", self.words.date(read.read_on)), ("source", without_scheme(&read.source))];
            self.sentence("costs-how-price-read", &values)
        });
        Some(join(formula, read))
    }

    pub(super) fn how_payback(&self, payback: &Payback, against: &PaybackAgainst) -> Option<String> {
        let (price, saved, part) =
            (against.compared_price?, against.saved?, against.paid_back_percent_tenths?);
        let formula = self.sentence(
            "costs-how-payback",
            &[
                ("price", self.money(price)),
                ("electricity", self.money(payback.electricity)),
                ("upkeep", self.money(payback.upkeep)),
                ("saved", self.money(saved)),
                ("investment", self.money(payback.investment)),
                ("part", self.percent(part)),
                ("since", self.words.date(payback.since)),
            ],
        );
        let pace = against.saved_at_pace.map(|saved| {
            let days = i64::try_from(payback.pace_days).unwrap_or(i64::MAX);
            self.sentence("costs-how-pace", &[("days", self.count(days)), ("saved", self.money(saved))])
        });
        Some(join(formula, pace))
    }

    /// That a service has no price today, or that its price ends soon.
    pub(super) fn notice(&self, notice: &PriceNotice) -> String {
        let (key, values) = match &notice.matter {
            PriceMatter::Ends { on } => ("costs-price-ends", vec![("day", self.words.date(*on))]),
            PriceMatter::Ended { since } => ("costs-price-ended", vec![("day", self.words.date(*since))]),
            PriceMatter::NotBegun { from } => {
                ("costs-price-not-begun", vec![("day", self.words.date(*from))])
            }
            PriceMatter::NoRate { currency } => {
                ("costs-price-no-rate", vec![("currency", currency.to_string())])
            }
            PriceMatter::OutOfRange => ("costs-price-out-of-range", Vec::new()),
        };
        self.sentence(key, &values)
    }

    /// When the hardware will have paid for itself.
    pub(super) fn outlook(&self, payback: &Payback, against: &PaybackAgainst) -> String {
        let on = |key, day| self.sentence(key, &[("day", self.words.date(day))]);
        let key = match against.outlook {
            Some(Outlook::On(day)) => return on("costs-pays-back-on", day),
            Some(Outlook::AfterItsLife(day)) => return on("costs-pays-back-too-late", day),
            Some(Outlook::TooEarly) => {
                return self.words.format("costs-pays-back-early", &[("days", payback.pace_days.into())]);
            }
            Some(Outlook::PaidBack) => "costs-paid-back",
            Some(Outlook::NotInTenYears) => "costs-pays-back-not-in-ten-years",
            Some(Outlook::Never) => "costs-pays-back-never",
            None => "costs-unpriced",
        };
        self.words.say(key).into_owned()
    }

    pub(super) fn how_break_even(&self) -> String {
        let each = |sum: Money| match u64::try_from(self.figures.compared_images) {
            Ok(images) => sum.share_ceil(1, images).ok(),
            Err(_) => None,
        };
        let there = self.figures.compared_price.and_then(each).unwrap_or_default();
        self.sentence("costs-how-break-even", &[("there", self.money(there))])
    }

    /// How far the month, or the year, is on its way to that.
    pub(super) fn pace(&self, whole: &WholeMonth) -> Option<String> {
        let count = |days| i64::try_from(days).map_or_else(|_| String::new(), |days| self.count(days));
        let images = whole.images_at_pace?;
        Some(self.sentence(
            "costs-at-pace",
            &[
                ("images", self.words.count(images)),
                ("days", count(whole.days_counted)),
                ("of", count(whole.days_in_period)),
            ],
        ))
    }
}

/// A page names no other server, not even in passing.
pub(super) fn without_scheme(source: &str) -> String {
    source.replace("https://", "").replace("http://", "")
}

/// Two sentences. Chinese has no space between them.
fn join(formula: String, further: Option<String>) -> String {
    let Some(further) = further else { return formula };
    let space = if formula.ends_with('。') { "" } else { " " };
    formula + space + &further
}
