use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{CostError, DaySpan, Hardware};
use crate::units::Money;

/// Days in a year of 8760 hours, in which a part's life is counted.
pub(super) const DAYS_A_YEAR: u32 = 365;

/// A part of the machine that wears out, as it was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// What its owner calls it.
    pub name: String,
    /// What was paid for it.
    pub price: Money,
    /// What it is expected to be sold for.
    pub residual: Money,
    /// How much of it works for Tintype, in percent.
    pub share_percent: u32,
    /// Its first day in service.
    pub purchased_on: Date,
    /// How it wears out.
    pub life: Life,
    /// Its end; none while it serves.
    pub retirement: Option<Retirement>,
}

/// How a part wears out: the method of its depreciation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Life {
    /// By units: every image wears off an equal part.
    Units {
        /// Images it is expected to generate.
        lifetime_images: u64,
        /// Years of 365 days after which it is worth its residual, however few images it made; none: it waits for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        years: Option<u32>,
    },
    /// By time: every hour takes an equal part of it.
    Time {
        /// Years of 8760 hours.
        years: u32,
        /// The share of all its hours in which it usually generates images, in percent. They carry the cost of the
        /// rest.
        normal_utilisation_percent: u32,
    },
}

/// A part's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Its first day out of service.
    pub on: Date,
    /// What the whole part was sold for.
    pub proceeds: Money,
}

impl Asset {
    /// The configured hardware as a part that always served, by units.
    pub fn configured(hardware: &Hardware) -> Self {
        Self {
            name: hardware.name.clone(),
            price: hardware.price,
            residual: hardware.residual,
            share_percent: hardware.share_percent,
            purchased_on: Date::MIN,
            life: Life::Units { lifetime_images: hardware.lifetime_images, years: None },
            retirement: None,
        }
    }

    /// Whether such a part can be.
    ///
    /// # Errors
    /// [`CostError::Setting`], which names the field.
    pub fn check(&self) -> Result<(), CostError> {
        let refuse = |field, reason| Err(CostError::Setting { field, reason });
        let is_percent = |percent: u32| (1..=100).contains(&percent);
        if self.name.trim().is_empty() {
            return refuse("name", "must not be empty");
        }
        if self.residual < Money::ZERO {
            return refuse("residual", "must not be negative");
        }
        if self.residual > self.price {
            return refuse("residual", "must not exceed the price");
        }
        if !is_percent(self.share_percent) {
            return refuse("share_percent", "must be from 1 to 100");
        }
        match self.life {
            Life::Units { lifetime_images: 0, .. } => refuse("lifetime_images", "must be above 0"),
            Life::Time { years, .. } | Life::Units { years: Some(years), .. }
                if !(1..=100).contains(&years) =>
            {
                refuse("years", "must be from 1 to 100")
            }
            Life::Time { normal_utilisation_percent: percent, .. } if !is_percent(percent) => {
                refuse("normal_utilisation_percent", "must be from 1 to 100")
            }
            _ => Ok(()),
        }
    }

    /// Days on which its depreciation counts: from its purchase to its retirement, at most to the end of its years.
    pub fn service(&self) -> DaySpan {
        let bought = DaySpan { first: self.purchased_on, end: Date::MAX };
        let served = self.retirement.map_or(bought, |retirement| bought.before(retirement.on));
        let Some(years) = self.life.years() else { return served };
        let days = jiff::Span::new().try_days(i64::from(years) * i64::from(DAYS_A_YEAR));
        let worn_out = days.and_then(|days| self.purchased_on.checked_add(days));
        served.before(worn_out.unwrap_or(Date::MAX))
    }
}

impl Life {
    /// Its years; none of a life by units that waits for its images.
    pub const fn years(self) -> Option<u32> {
        match self {
            Self::Units { years, .. } => years,
            Self::Time { years, .. } => Some(years),
        }
    }

    /// Images of a life by units; its years, or those of a life by time, and the normal utilisation in percent of that.
    pub const fn terms(self) -> (Option<u64>, Option<u32>, Option<u32>) {
        match self {
            Self::Units { lifetime_images, years } => (Some(lifetime_images), years, None),
            Self::Time { years, normal_utilisation_percent } => {
                (None, Some(years), Some(normal_utilisation_percent))
            }
        }
    }

    /// The word that the ledger uses.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Units { .. } => "units",
            Self::Time { .. } => "time",
        }
    }
}
