//! Closed months: sealed by a hash over their entries, and verified.

mod canonical;
mod close;
mod export;
mod hash;
mod lines;
mod reseal;
mod seal;
mod verify;

pub use self::{
    close::{CloseError, Closer, Closing},
    export::{ExportError, SealedMonth},
    hash::Sha256Hash,
    verify::{Finding, VerifiedMonth},
};
pub(super) use self::{
    reseal::{ResealError, reseal_months_with},
    verify::verify,
};

#[cfg(test)]
pub(super) fn seal_of(
    conn: &super::store::Conn<'_>,
    closing: &Closing,
) -> Result<(Vec<(i64, Sha256Hash)>, Sha256Hash), super::LedgerError> {
    let beside = verify::beside(conn, closing)?;
    let seal = seal::Seal::of(conn, &closing.head(), &beside)?;
    Ok((seal.rows, seal.sha256))
}

#[cfg(test)]
pub(super) fn seal_in_format(
    conn: &super::store::Conn<'_>,
    closing: &Closing,
    format: i64,
) -> Result<(Vec<(i64, Sha256Hash)>, Sha256Hash), super::LedgerError> {
    let seal = seal::Seal::of(conn, &canonical::Head { format, ..closing.head() }, &seal::Beside::default())?;
    Ok((seal.rows, seal.sha256))
}
