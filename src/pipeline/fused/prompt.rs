//! What the text encoder needs beside the passes of a transformer's block.

use candle_core::{DType, Result, Tensor};

use super::{super::norm::RmsNorm, Narrow, Sums};

/// Queries [batch, tokens, heads · head_dim], and keys and values [batch, tokens, key_heads · head_dim].
#[derive(Debug)]
pub(in crate::pipeline) struct GroupedHeads {
    /// Normalised and turned.
    pub(super) queries: Tensor,
    /// As the queries.
    pub(super) keys: Tensor,
    pub(super) values: Narrow,
    pub(super) heads: usize,
    pub(super) key_heads: usize,
}

/// What becomes of grouped queries and keys before they meet.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct GroupedTurn<'a> {
    /// Over each head of the queries, and of the keys.
    pub(in crate::pipeline) norms: &'a (RmsNorm, RmsNorm),
    /// [tokens, head_dim / 2] f32.
    pub(in crate::pipeline) cos: &'a Tensor,
    /// As `cos`.
    pub(in crate::pipeline) sin: &'a Tensor,
    pub(in crate::pipeline) heads: usize,
    /// Heads of keys and of values; each serves as many neighbouring heads of queries.
    pub(in crate::pipeline) key_heads: usize,
    pub(in crate::pipeline) dtype: DType,
}

/// The text encoder's passes between products. `dtype` is f16 or bf16; tokens are [batch, tokens, dim] f32.
pub(in crate::pipeline) trait PromptKernels {
    /// `x` and `sums`.
    fn add(&self, x: &Tensor, sums: &Sums) -> Result<Tensor>;

    /// `x` and `sums`, and the norm of that.
    fn add_then_norm(
        &self,
        x: &Tensor,
        sums: &Sums,
        norm: &RmsNorm,
        dtype: DType,
    ) -> Result<(Tensor, Narrow)>;

    /// Queries, keys and values, which lie one after the other in each row of `sums`; the first two normalised, and their
    /// heads' halves turned.
    fn turn_halves(&self, sums: &Sums, turn: GroupedTurn<'_>) -> Result<GroupedHeads>;

    /// softmax(q·kᵀ / √d)·v of each head over the keys up to a query's own, [batch, tokens, heads · d].
    fn look_back(&self, heads: &GroupedHeads) -> Result<Narrow>;
}
