use clap::Args;
use jiff::civil::Date;

use super::{CliError, parse_amount};
use crate::{
    costs::{CostError, CostModel, Invoice, Vat, VatRate},
    units::{Currency, Money},
};

/// How amounts were invoiced.
#[derive(Debug, Args)]
pub(super) struct InvoiceArgs {
    /// Currency of the amounts [default: the ledger's]
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// What one unit of --currency costs in the ledger's currency [default: the rate that is recorded for the day]
    #[arg(long, value_name = "RATE", value_parser = parse_amount, requires = "currency")]
    exchange_rate: Option<Money>,
    /// VAT of the amounts, in percent
    #[arg(long, value_name = "PERCENT")]
    vat: Option<VatRate>,
    /// The amounts are without the VAT
    #[arg(long, requires = "vat")]
    net: bool,
    /// The VAT is deducted as input tax, so it is no cost
    #[arg(long, requires = "vat")]
    vat_deducted: bool,
}

impl InvoiceArgs {
    /// Whether an amount was invoiced otherwise than as what it costs.
    pub(super) const fn is_given(&self) -> bool {
        self.currency.is_some() || self.vat.is_some()
    }

    /// The invoice that states `amount`, converted at the rate of `day`; none if the amount is what it costs.
    pub(super) fn invoice(
        &self,
        amount: Money,
        costs: &CostModel,
        day: Date,
    ) -> Result<Option<Invoice>, CliError> {
        let ledgers = costs.currency();
        let currency = self.currency.unwrap_or(ledgers);
        let vat = self.vat.map(|rate| Vat { rate, is_included: !self.net, is_deducted: self.vat_deducted });
        if currency == ledgers && vat.is_none() {
            return Ok(None);
        }
        let exchange_rate = match self.exchange_rate {
            Some(Money::ZERO) => return Err(CliError::Usage("--exchange-rate must be above 0".into())),
            Some(_) if currency == ledgers => {
                let currency = format!("the ledger is kept in {currency}; leave --exchange-rate out");
                return Err(CliError::Usage(currency));
            }
            Some(rate) => rate,
            None => costs.terms().exchange_rate(currency, ledgers, day).map_err(|error| no_rate(&error))?,
        };
        Ok(Some(Invoice { amount, currency, exchange_rate, vat }))
    }
}

fn no_rate(error: &CostError) -> CliError {
    CliError::Usage(format!("{error}, or pass --exchange-rate"))
}

/// What `amount` costs, if it was stated as `invoice` is.
pub(super) fn cost_of(invoice: Option<&Invoice>, amount: Money) -> Result<Money, CliError> {
    match invoice {
        None => Ok(amount),
        Some(invoice) => invoice.cost_of(amount).map_err(|error| CliError::Usage(error.to_string())),
    }
}
