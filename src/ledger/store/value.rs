use std::num::NonZeroU32;

use jiff::Timestamp;

/// A parameter of a statement. The databases hold three kinds of values, so that rows, and the hashes over them, are the
/// same in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Param<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A parameter that is sent before anybody waits for the answer.
#[derive(Debug)]
pub(in crate::ledger) enum OwnedParam {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Param<'_> {
    pub(in crate::ledger) fn to_owned(self) -> OwnedParam {
        match self {
            Self::Null => OwnedParam::Null,
            Self::Integer(number) => OwnedParam::Integer(number),
            Self::Text(text) => OwnedParam::Text(text.to_owned()),
            Self::Blob(bytes) => OwnedParam::Blob(bytes.to_owned()),
        }
    }
}

impl OwnedParam {
    pub(in crate::ledger) fn as_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Integer(number) => Param::Integer(*number),
            Self::Text(text) => Param::Text(text),
            Self::Blob(bytes) => Param::Blob(bytes),
        }
    }
}

/// A value in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ledger) enum Value<'a> {
    Null,
    Integer(i64),
    /// No column holds one; whoever tampers with a file may.
    Real(f64),
    /// UTF-8, unless somebody has tampered with it.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// What can be a parameter.
pub(in crate::ledger) trait ToParam {
    fn to_param(&self) -> Param<'_>;
}

/// What a column can be read as. None: the value is of another kind, or out of range.
pub(in crate::ledger) trait FromValue: Sized {
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// The parameters of a statement, `?1` first.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::ledger::store::ToParam::to_param(&$value)),*] };
}
pub(in crate::ledger) use params;

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Param<'_> {
        (**self).to_param()
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn to_param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, T::to_param)
    }
}

impl ToParam for i64 {
    fn to_param(&self) -> Param<'_> {
        Param::Integer(*self)
    }
}

impl ToParam for u32 {
    fn to_param(&self) -> Param<'_> {
        Param::Integer((*self).into())
    }
}

impl ToParam for bool {
    fn to_param(&self) -> Param<'_> {
        Param::Integer((*self).into())
    }
}

impl ToParam for str {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for String {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl<const N: usize> ToParam for [u8; N] {
    fn to_param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl ToParam for [u8] {
    fn to_param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl Value<'_> {
    /// The text, if it is one.
    pub(in crate::ledger) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for NonZeroU32 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        Self::new(u32::from_value(value)?)
    }
}

/// 0 and 1 in a column, and what a comparison gives.
impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

/// Unix time in milliseconds, as in every `*_at_ms`.
impl FromValue for Timestamp {
    fn from_value(value: Value<'_>) -> Option<Self> {
        Self::from_millisecond(i64::from_value(value)?).ok()
    }
}

impl ToParam for Timestamp {
    fn to_param(&self) -> Param<'_> {
        Param::Integer(self.as_millisecond())
    }
}
