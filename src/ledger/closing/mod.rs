//! Closed months: sealed by a hash over their entries, and verified.

mod close;
mod hash;
mod reseal;
mod seal;
mod verify;

pub(super) use self::reseal::{ResealError, reseal_months_with};
pub use self::{
    close::{CloseError, Closing},
    hash::Sha256Hash,
    verify::{Finding, VerifiedMonth},
};

#[cfg(test)]
pub(super) fn seal_of(
    conn: &super::store::Conn<'_>,
    closing: &Closing,
) -> Result<(Vec<(i64, Sha256Hash)>, Sha256Hash), super::LedgerError> {
    seal_in_format(conn, closing, seal::FORMAT)
}

#[cfg(test)]
pub(super) fn seal_in_format(
    conn: &super::store::Conn<'_>,
    closing: &Closing,
    format: i64,
) -> Result<(Vec<(i64, Sha256Hash)>, Sha256Hash), super::LedgerError> {
    let seal = seal::Seal::of(conn, &seal::Head { format, ..closing.head() })?;
    Ok((seal.rows, seal.sha256))
}
