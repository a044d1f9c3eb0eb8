#[cfg(feature = "cuda")]
use std::sync::OnceLock;
use std::{collections::HashMap, sync::Arc};

use candle_core::{DType, Device, Result, Tensor};

#[cfg(feature = "cuda")]
use super::LowRank;
use super::{
    super::{cpu::Paired, lora::LoraKey},
    Format, Product, Weight, paired,
};

/// What LoRAs do to the products of a model's layers, by the layers' names, on a device. By default nothing.
///
/// It is an argument of every product and no part of any layer, so that nothing of it is left for the next image.
#[derive(Debug, Default)]
pub struct Sides {
    key: LoraKey,
    branches: HashMap<String, SideBranch>,
}

/// What LoRAs do to one layer's product.
#[derive(Debug, Clone)]
pub(in crate::pipeline) enum SideBranch {
    /// They add to it.
    Added(Added),
    /// The layer's place is taken by a copy of it into which they were merged.
    Merged(MergedLayer),
}

/// What is added to one layer's product: up·(down·x), and the product of x with a change of full rank. In f32.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Added {
    low_rank: Option<Arc<(Product, Product)>>,
    dense: Option<Arc<Product>>,
    /// Of a card's kernels.
    #[cfg(feature = "cuda")]
    narrow: Option<Arc<NarrowSide>>,
}

/// Both factors in f32 in the host's memory, and in 16 bits on the card as soon as somebody asked for them: none if our kernels do not take them.
#[cfg(feature = "cuda")]
#[derive(Debug)]
struct NarrowSide {
    factors: (Tensor, Tensor),
    made: OnceLock<Option<Arc<LowRank>>>,
}

/// A layer with its own weights and LoRAs' in one matrix, held as the layer is.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct MergedLayer(Merged);

#[derive(Debug, Clone)]
enum Merged {
    /// Of a [`Linear`](super::Linear).
    Product(Arc<Product>),
    /// Of one of the layers that are multiplied together, in mixed precision.
    Weight(Weight),
    /// The same where a CPU multiplies bf16 itself.
    Paired(Arc<Paired>),
}

impl Sides {
    pub(in crate::pipeline) fn new(key: LoraKey, branches: HashMap<String, SideBranch>) -> Self {
        Self { key, branches }
    }

    /// Which LoRAs they are of.
    pub fn key(&self) -> &LoraKey {
        &self.key
    }

    /// What is done to the product of `layer`.
    pub(in crate::pipeline) fn of(&self, layer: &str) -> Option<&SideBranch> {
        self.branches.get(layer)
    }
}

impl SideBranch {
    /// `y`, the product of a layer with `x` [.., inputs] f32, contiguous, and what is added to it; or the product of its copy.
    pub(super) fn applied(&self, x: &Tensor, y: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
        match self {
            Self::Added(added) => y()? + added.forward(x)?,
            Self::Merged(MergedLayer(Merged::Product(product))) => product.forward(x),
            Self::Merged(MergedLayer(Merged::Weight(_) | Merged::Paired(_))) => {
                candle_core::bail!("a merged layer of another kind")
            }
        }
    }
}

impl MergedLayer {
    /// `weight` [outputs, inputs] of a layer with `bias`, in the layer's number format and on its device, held in `format`.
    pub(in crate::pipeline) fn product(
        weight: &Tensor,
        bias: Option<Tensor>,
        format: Format,
    ) -> Result<Self> {
        let product = match bias {
            Some(_) => Product::dense(weight, bias)?,
            None => Product::in_format(weight, format)?,
        };
        Ok(Self(Merged::Product(Arc::new(product))))
    }

    /// The same of a layer of a block in mixed precision.
    pub(in crate::pipeline) fn fused(weight: Tensor, format: Format) -> Result<Self> {
        Ok(Self(match paired(&weight, format)? {
            Some(paired) => Merged::Paired(paired),
            None => Merged::Weight(Weight::new(weight, format)?),
        }))
    }

    /// The matrix of a layer of a block in mixed precision; none of others.
    pub(in crate::pipeline) fn fused_weight(&self) -> Option<&Weight> {
        match &self.0 {
            Merged::Weight(weight) => Some(weight),
            Merged::Product(_) | Merged::Paired(_) => None,
        }
    }

    /// The same where a CPU multiplies bf16 itself.
    pub(in crate::pipeline) fn fused_paired(&self) -> Option<&Arc<Paired>> {
        match &self.0 {
            Merged::Paired(paired) => Some(paired),
            Merged::Product(_) | Merged::Weight(_) => None,
        }
    }
}

impl Added {
    /// `low_rank` is down [rank, inputs] and up [outputs, rank]; `dense` is [outputs, inputs].
    pub(in crate::pipeline) fn new(
        low_rank: Option<&(Tensor, Tensor)>,
        dense: Option<&Tensor>,
        device: &Device,
    ) -> Result<Self> {
        let product = |matrix: &Tensor| {
            Product::dense(&matrix.to_device(device)?.to_dtype(DType::F32)?.contiguous()?, None)
        };
        #[cfg(feature = "cuda")]
        let narrow = low_rank.filter(|_| device.is_cuda() && dense.is_none()).map(|factors| {
            let (factors, made) = (factors.clone(), OnceLock::new());
            Arc::new(NarrowSide { factors, made })
        });
        let low_rank = low_rank.map(|(down, up)| Ok::<_, candle_core::Error>((product(down)?, product(up)?)));
        Ok(Self {
            #[cfg(feature = "cuda")]
            narrow,
            low_rank: low_rank.transpose()?.map(Arc::new),
            dense: dense.map(product).transpose()?.map(Arc::new),
        })
    }

    /// `x` [.., inputs] f32, contiguous → what is added, [.., outputs] f32.
    pub(in crate::pipeline) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let low_rank = self.low_rank.as_ref().map(|factors| factors.1.forward(&factors.0.forward(x)?));
        let dense = self.dense.as_ref().map(|product| product.forward(x));
        match (low_rank.transpose()?, dense.transpose()?) {
            (Some(low_rank), Some(dense)) => low_rank + dense,
            (Some(only), None) | (None, Some(only)) => Ok(only),
            (None, None) => candle_core::bail!("a side branch without a matrix"),
        }
    }
    /// The factors in `dtype`, 16 bits, on the card; none where there are others beside them, or our kernels do not take them. They
    /// are made once, and of one `dtype`: a model has one.
    #[cfg(feature = "cuda")]
    pub(in crate::pipeline) fn low_rank_in(
        &self,
        dtype: DType,
        card: &Device,
    ) -> Result<Option<Arc<LowRank>>> {
        let Some(narrow) = &self.narrow else { return Ok(None) };
        if let Some(made) = narrow.made.get() {
            return Ok(made.clone());
        }
        let (down, up) = &narrow.factors;
        let made = LowRank::new(down, up, dtype, card)?.map(Arc::new);
        Ok(narrow.made.get_or_init(|| made).clone())
    }
}
