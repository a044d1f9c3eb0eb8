//! What the header of a file of weights says, whichever format it has.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::encoding::Encoding;

/// What a file of weights says it holds.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// By the names that the file gives them.
    pub(super) tensors: BTreeMap<String, RawTensor>,
    pub(super) metadata: HashMap<String, Value>,
}

/// A tensor as it is in a file.
#[derive(Debug, Clone)]
pub(super) struct RawTensor {
    pub(super) encoding: Encoding,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Range<usize>,
}

/// A value of the header's metadata. Floating-point numbers and lists of texts, such as vocabularies, are passed over.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Text(String),
    Integers(Vec<i64>),
    Other,
}

impl Value {
    pub(super) fn integer(&self) -> Option<usize> {
        match self {
            Self::Integer(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
