use crate::costs::Invoice;

/// Who recorded something, and by which evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// `command line`, `configuration`, or a key's public id.
    pub actor: &'a str,
    /// An invoice's number, a contract.
    pub document: Option<&'a str>,
    /// How it was invoiced; none: the amounts are what it costs.
    pub invoice: Option<&'a Invoice>,
    /// The machine that it is for; none: all of them.
    pub machine: Option<&'a str>,
}

impl Evidence<'static> {
    /// Recorded on the command line, without a document.
    pub const COMMAND_LINE: Self =
        Self { actor: "command line", document: None, invoice: None, machine: None };
    /// Recorded because the configuration says so.
    pub(in crate::ledger) const CONFIGURATION: Self = Self { actor: "configuration", ..Self::COMMAND_LINE };
}
