//! The one arithmetic of sealed integers: a result that does not fit is an error, never a wrong figure.

/// A result outside the 64 bits of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// An amount of money.
    #[error("an amount passed the ledger's range of 9.2 billion units")]
    Money,
    /// An energy, or a balance of energies.
    #[error("an energy passed the ledger's range of 2.5 billion kilowatt-hours")]
    Energy,
}

/// `plus`, `minus` and `times` of a sealed integer, each of which fails with the given [`RangeError`].
macro_rules! checked_arithmetic {
    ($unit:ident, $error:ident) => {
        impl $unit {
            /// The sum.
            ///
            /// # Errors
            /// [`RangeError`](crate::units::RangeError) past 64 bits.
            pub fn plus(self, other: Self) -> Result<Self, $crate::units::RangeError> {
                self.0.checked_add(other.0).map(Self).ok_or($crate::units::RangeError::$error)
            }

            /// The difference.
            ///
            /// # Errors
            /// [`RangeError`](crate::units::RangeError) past 64 bits, or below 0 if the unit has no sign.
            pub fn minus(self, other: Self) -> Result<Self, $crate::units::RangeError> {
                self.0.checked_sub(other.0).map(Self).ok_or($crate::units::RangeError::$error)
            }

            /// `self · count`.
            ///
            /// # Errors
            /// [`RangeError`](crate::units::RangeError) past 64 bits, or below 0 if the unit has no sign.
            pub fn times(self, count: impl Into<i128>) -> Result<Self, $crate::units::RangeError> {
                let product = i128::from(self.0).checked_mul(count.into());
                product
                    .and_then(|product| product.try_into().ok())
                    .map(Self)
                    .ok_or($crate::units::RangeError::$error)
            }
        }
    };
}

pub(super) use checked_arithmetic;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Energy, EnergyBalance, Money};

    #[test]
    fn what_does_not_fit_is_an_error_in_every_unit() {
        let (money, energy) = (Money::from_nano, Energy::from_millijoules);
        let balance = EnergyBalance::from_millijoules;
        assert_eq!(Money::MAX.plus(money(1)), Err(RangeError::Money));
        assert_eq!(money(i64::MIN).minus(money(1)), Err(RangeError::Money));
        assert_eq!(Money::MAX.times(2), Err(RangeError::Money));
        assert_eq!(money(-3).times(-2), Ok(money(6)));
        assert_eq!(Energy::MAX.plus(energy(1)), Err(RangeError::Energy));
        assert_eq!(energy(1).minus(energy(2)), Err(RangeError::Energy), "an energy has no sign");
        assert_eq!(energy(1).times(-1), Err(RangeError::Energy));
        assert_eq!(balance(1).minus(balance(2)), Ok(balance(-1)));
        assert_eq!(balance(i64::MAX).plus(balance(1)), Err(RangeError::Energy));
    }
}
