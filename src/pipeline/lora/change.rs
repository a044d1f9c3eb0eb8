use std::collections::BTreeMap;

use candle_core::{Result, Tensor, bail};

use super::keys::Role;

/// What a LoRA adds to a layer's weight [outputs, inputs], in f32 on the CPU.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// up [outputs, rank] · down [rank, inputs].
    LowRank { down: Tensor, up: Tensor },
    /// [outputs, inputs].
    Dense(Tensor),
}

/// The factors of one layer in a file.
pub(super) type Factors = BTreeMap<Role, Tensor>;

impl Change {
    /// The change that `factors` make. `alpha` stands in for a tensor of that name: it is what the file's header says.
    pub(super) fn of(factors: &Factors, alpha: Option<f64>) -> Result<Self> {
        if let Some(kind) = factors.keys().find_map(|role| match role {
            Role::Foreign(kind) => Some(*kind),
            _ => None,
        }) {
            bail!("it is {kind}, which is not applied; have it merged or extracted as a LoRA");
        }
        let alpha = match factors.get(&Role::Alpha) {
            Some(alpha) => {
                Some(f64::from(alpha.flatten_all()?.to_vec1::<f32>()?.first().copied().unwrap_or(1.0)))
            }
            None => alpha,
        };
        #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
        let ratio = |rank: usize| alpha.map_or(1.0, |alpha| alpha / rank.max(1) as f64);
        let matrix = |role: Role| factors.get(&role).map(matrix).transpose();
        let pair = |a: Role, b: Role| Ok::<_, candle_core::Error>(matrix(a)?.zip(matrix(b)?));
        if let Some((up, down)) = pair(Role::Up, Role::Down)? {
            let up = (up * ratio(down.dim(0)?))?;
            return Ok(Self::LowRank { down, up });
        }
        if let (Some((a1, b1)), Some((a2, b2))) =
            (pair(Role::HadaW1A, Role::HadaW1B)?, pair(Role::HadaW2A, Role::HadaW2B)?)
        {
            let change = (a1.matmul(&b1)? * a2.matmul(&b2)?)?;
            return Ok(Self::Dense((change * ratio(b1.dim(0)?))?));
        }
        if let (Some((w1, rank1)), Some((w2, rank2))) = (
            kron_factor(matrix(Role::KronW1)?, pair(Role::KronW1A, Role::KronW1B)?)?,
            kron_factor(matrix(Role::KronW2)?, pair(Role::KronW2A, Role::KronW2B)?)?,
        ) {
            // Of whole factors alpha says nothing.
            let ratio = rank2.or(rank1).map_or(1.0, ratio);
            return Ok(Self::Dense((kron(&w1, &w2)? * ratio)?));
        }
        match matrix(Role::Diff)? {
            Some(change) => Ok(Self::Dense(change)),
            None => bail!("a factor is missing; it has {:?}", factors.keys().collect::<Vec<_>>()),
        }
    }

    /// (outputs, inputs).
    pub(super) fn size(&self) -> Result<(usize, usize)> {
        match self {
            Self::LowRank { down, up } if up.dim(1)? == down.dim(0)? => Ok((up.dim(0)?, down.dim(1)?)),
            Self::LowRank { down, up } => {
                bail!("its factors {:?} and {:?} do not fit", up.dims(), down.dims())
            }
            Self::Dense(change) => change.dims2(),
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::LowRank { down, up } => bytes(down) + bytes(up),
            Self::Dense(change) => bytes(change),
        }
    }

    /// One of three equal parts of the outputs.
    pub(super) fn third(&self, part: usize) -> Result<Self> {
        let rows = self.size()?.0 / 3;
        Ok(match self {
            Self::LowRank { down, up } => {
                Self::LowRank { down: down.clone(), up: up.narrow(0, part * rows, rows)?.contiguous()? }
            }
            Self::Dense(change) => Self::Dense(change.narrow(0, part * rows, rows)?.contiguous()?),
        })
    }
}

/// Bytes of a tensor's numbers.
pub(super) fn bytes(tensor: &Tensor) -> u64 {
    tensor.elem_count() as u64 * tensor.dtype().size_in_bytes() as u64
}

/// A factor's tensor as a matrix: convolutions of one place have two sides of 1 behind it.
fn matrix(tensor: &Tensor) -> Result<Tensor> {
    match tensor.dims() {
        [_, _] => Ok(tensor.clone()),
        [outputs, inputs, 1, 1] => tensor.reshape((*outputs, *inputs)),
        other => bail!("a factor has shape {other:?}, which is not a matrix"),
    }
}

/// A factor, whole or as a product, and the rank of the product.
fn kron_factor(
    whole: Option<Tensor>,
    product: Option<(Tensor, Tensor)>,
) -> Result<Option<(Tensor, Option<usize>)>> {
    match (whole, product) {
        (Some(whole), _) => Ok(Some((whole, None))),
        (None, Some((a, b))) => Ok(Some((a.matmul(&b)?, Some(b.dim(0)?)))),
        (None, None) => Ok(None),
    }
}

/// Each number of `a` times all of `b`.
fn kron(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let ((rows_a, columns_a), (rows_b, columns_b)) = (a.dims2()?, b.dims2()?);
    let a = a.reshape((rows_a, 1, columns_a, 1))?;
    let b = b.reshape((1, rows_b, 1, columns_b))?;
    a.broadcast_mul(&b)?.reshape((rows_a * rows_b, columns_a * columns_b))
}
