//! Closed months: sealed by a hash over their entries, and verified.

mod close;
mod hash;
mod seal;
mod verify;

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
    let seal = seal::Seal::of(conn, &closing.head())?;
    Ok((seal.rows, seal.sha256))
}
