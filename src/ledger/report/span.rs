use crate::domain::Calendar;
use jiff::Timestamp;

/// Which entries, and in whose days.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntrySpan<'a> {
    pub(super) start: Timestamp,
    /// The first moment after it.
    pub(super) end: Timestamp,
    pub(super) calendar: &'a Calendar,
}
