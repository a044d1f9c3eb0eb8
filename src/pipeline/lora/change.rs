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

/// How the factors of a layer make its change. Nothing is computed before its size is checked: a small file can stand for a
/// matrix that no memory holds.
pub(super) enum ChangeForm {
    LowRank {
        down: Tensor,
        up: Tensor,
    },
    /// (a1·b1) ⊙ (a2·b2).
    Hadamard([FactorPair; 2]),
    /// w1 ⊗ w2.
    Kronecker([KronFactor; 2]),
    Whole(Tensor),
}

/// Two factors of a product.
type FactorPair = (Tensor, Tensor);

/// A factor of a Kronecker product.
pub(super) enum KronFactor {
    Whole(Tensor),
    Product(FactorPair),
}

impl ChangeForm {
    /// That of `factors`.
    pub(super) fn of(factors: &Factors) -> Result<Self> {
        if let Some(kind) = factors.keys().find_map(|role| match role {
            Role::Foreign(kind) => Some(*kind),
            _ => None,
        }) {
            bail!("it is {kind}, which is not applied; have it merged or extracted as a LoRA");
        }
        let matrix = |role: Role| factors.get(&role).map(matrix).transpose();
        let pair = |a: Role, b: Role| Ok::<_, candle_core::Error>(matrix(a)?.zip(matrix(b)?));
        let kron = |whole: Role, a: Role, b: Role| {
            let product = pair(a, b)?.map(KronFactor::Product);
            Ok::<_, candle_core::Error>(matrix(whole)?.map(KronFactor::Whole).or(product))
        };
        if let Some((up, down)) = pair(Role::Up, Role::Down)? {
            return Ok(Self::LowRank { down, up });
        }
        if let (Some(one), Some(other)) =
            (pair(Role::HadaW1A, Role::HadaW1B)?, pair(Role::HadaW2A, Role::HadaW2B)?)
        {
            return Ok(Self::Hadamard([one, other]));
        }
        if let (Some(w1), Some(w2)) = (
            kron(Role::KronW1, Role::KronW1A, Role::KronW1B)?,
            kron(Role::KronW2, Role::KronW2A, Role::KronW2B)?,
        ) {
            return Ok(Self::Kronecker([w1, w2]));
        }
        match matrix(Role::Diff)? {
            Some(change) => Ok(Self::Whole(change)),
            None => bail!("a factor is missing; it has {:?}", factors.keys().collect::<Vec<_>>()),
        }
    }

    /// (outputs, inputs) of the change.
    pub(super) fn size(&self) -> Result<(usize, usize)> {
        match self {
            Self::LowRank { down, up } => size_of_product(up, down),
            Self::Hadamard([(a1, b1), (a2, b2)]) => {
                let (one, other) = (size_of_product(a1, b1)?, size_of_product(a2, b2)?);
                if one != other {
                    bail!("its products {one:?} and {other:?} differ in shape");
                }
                Ok(one)
            }
            Self::Kronecker([w1, w2]) => {
                let (one, other) = (w1.size()?, w2.size()?);
                let size = one.0.checked_mul(other.0).zip(one.1.checked_mul(other.1));
                size.map_or_else(|| bail!("its factors {one:?} and {other:?} are too large"), Ok)
            }
            Self::Whole(change) => change.dims2(),
        }
    }

    /// The change itself; its strength is `alpha` / rank, or 1 without an alpha.
    pub(super) fn change(&self, alpha: Option<f64>) -> Result<Change> {
        #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
        let ratio = |rank: usize| alpha.map_or(1.0, |alpha| alpha / rank.max(1) as f64);
        match self {
            Self::LowRank { down, up } => {
                Ok(Change::LowRank { down: down.clone(), up: (up * ratio(down.dim(0)?))? })
            }
            Self::Hadamard([(a1, b1), (a2, b2)]) => {
                let change = (a1.matmul(b1)? * a2.matmul(b2)?)?;
                Ok(Change::Dense((change * ratio(b1.dim(0)?))?))
            }
            Self::Kronecker([w1, w2]) => {
                // Of whole factors alpha says nothing.
                let ratio = w2.rank()?.or(w1.rank()?).map_or(1.0, ratio);
                Ok(Change::Dense((kron(&w1.matrix()?, &w2.matrix()?)? * ratio)?))
            }
            Self::Whole(change) => Ok(Change::Dense(change.clone())),
        }
    }
}

impl KronFactor {
    fn size(&self) -> Result<(usize, usize)> {
        match self {
            Self::Whole(whole) => whole.dims2(),
            Self::Product((a, b)) => size_of_product(a, b),
        }
    }

    fn rank(&self) -> Result<Option<usize>> {
        match self {
            Self::Whole(_) => Ok(None),
            Self::Product((_, b)) => b.dim(0).map(Some),
        }
    }

    fn matrix(&self) -> Result<Tensor> {
        match self {
            Self::Whole(whole) => Ok(whole.clone()),
            Self::Product((a, b)) => a.matmul(b),
        }
    }
}

/// (rows, columns) of a·b.
fn size_of_product(a: &Tensor, b: &Tensor) -> Result<(usize, usize)> {
    let ((rows, inner), (rank, columns)) = (a.dims2()?, b.dims2()?);
    if inner != rank || rank == 0 {
        bail!("its factors {:?} and {:?} do not fit", a.dims(), b.dims());
    }
    Ok((rows, columns))
}

impl Change {
    /// Whether all its numbers are finite: any other times 0 is not 0.
    pub(super) fn is_finite(&self) -> Result<bool> {
        let is_finite = |numbers: &Tensor| {
            Ok::<_, candle_core::Error>((numbers * 0.0)?.sum_all()?.to_scalar::<f32>()?.is_finite())
        };
        match self {
            Self::LowRank { down, up } => Ok(is_finite(down)? && is_finite(up)?),
            Self::Dense(change) => is_finite(change),
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
        let rows = match self {
            Self::LowRank { up: rows, .. } | Self::Dense(rows) => rows.dim(0)? / 3,
        };
        Ok(match self {
            Self::LowRank { down, up } => {
                Self::LowRank { down: down.clone(), up: up.narrow(0, part * rows, rows)?.contiguous()? }
            }
            Self::Dense(change) => Self::Dense(change.narrow(0, part * rows, rows)?.contiguous()?),
        })
    }
}

/// The alpha of `factors`.
pub(super) fn alpha_of(factors: &Factors) -> Result<Option<f64>> {
    let Some(alpha) = factors.get(&Role::Alpha) else { return Ok(None) };
    Ok(Some(f64::from(alpha.flatten_all()?.to_vec1::<f32>()?.first().copied().unwrap_or(1.0))))
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

/// Each number of `a` times all of `b`.
fn kron(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let ((rows_a, columns_a), (rows_b, columns_b)) = (a.dims2()?, b.dims2()?);
    let a = a.reshape((rows_a, 1, columns_a, 1))?;
    let b = b.reshape((1, rows_b, 1, columns_b))?;
    a.broadcast_mul(&b)?.reshape((rows_a * rows_b, columns_a * columns_b))
}
