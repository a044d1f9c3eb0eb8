//! The metadata that FOCUS asks for beside the data: who wrote it, in which version, with which columns.

use serde_json::{Value, json};

use super::row::FocusRow;
use crate::ledger::{LedgerError, report::csv::write_rows};

/// Changes whenever a column does.
const SCHEMA: &str = "tintype-cost-and-usage-3";
/// When the schema was made, in FOCUS's form.
const SCHEMA_CREATED: &str = "2026-11-29T00:00:00Z";

/// Describes the files of [`crate::ledger::Ledger::focus_rows`] as FOCUS wants it.
///
/// # Errors
/// [`LedgerError::Export`] if it cannot be written down.
pub fn focus_metadata() -> Result<Value, LedgerError> {
    let head = write_rows::<FocusRow>([])?;
    let columns: Vec<_> = head.trim_end().split(',').map(column).collect();
    Ok(json!({
        "DataGenerator": "Tintype",
        "Schema": {
            "SchemaId": SCHEMA,
            "FocusVersion": "1.4",
            "CreationDate": SCHEMA_CREATED,
            "DataGeneratorVersion": env!("CARGO_PKG_VERSION"),
            "ColumnDefinition": columns,
        },
    }))
}

fn column(name: &str) -> Value {
    let is_decimal = ["Cost", "Quantity", "UnitPrice", "Kwh", "Grams"].iter().any(|end| name.ends_with(end));
    match name {
        "Tags" => json!({ "ColumnName": name, "DataType": "JSON" }),
        "BillingPeriodStart" | "BillingPeriodEnd" | "ChargePeriodStart" | "ChargePeriodEnd" => {
            json!({ "ColumnName": name, "DataType": "DATETIME" })
        }
        "x_EntryId" | "x_CorrectedEntryId" => {
            json!({ "ColumnName": name, "DataType": "DECIMAL", "NumericPrecision": 19, "NumberScale": 0 })
        }
        // Nano-units of money in 64 bits, and twelve digits of a kilowatt-hour.
        _ if is_decimal => {
            json!({ "ColumnName": name, "DataType": "DECIMAL", "NumericPrecision": 31, "NumberScale": 12 })
        }
        _ => json!({ "ColumnName": name, "DataType": "STRING", "StringEncoding": "UTF-8" }),
    }
}
