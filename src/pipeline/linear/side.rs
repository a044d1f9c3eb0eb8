use std::{collections::HashMap, sync::Arc};

use candle_core::{DType, Device, Result, Tensor};

use super::{super::lora::LoraKey, Product};

/// What LoRAs add to the products of a model's layers, by the layers' names, on a device. By default nothing.
///
/// It is an argument of every product and no part of any layer, so that nothing of it is left for the next image.
#[derive(Debug, Default)]
pub struct Sides {
    key: LoraKey,
    branches: HashMap<String, SideBranch>,
}

/// What is added to one layer's product: up·(down·x), and the product of x with a change of full rank. In f32.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct SideBranch {
    low_rank: Option<Arc<(Product, Product)>>,
    dense: Option<Arc<Product>>,
}

impl Sides {
    pub(in crate::pipeline) fn new(key: LoraKey, branches: HashMap<String, SideBranch>) -> Self {
        Self { key, branches }
    }

    /// Which LoRAs they are of.
    pub fn key(&self) -> &LoraKey {
        &self.key
    }

    /// What is added to the product of `layer`.
    pub(in crate::pipeline) fn of(&self, layer: &str) -> Option<&SideBranch> {
        self.branches.get(layer)
    }
}

impl SideBranch {
    /// `low_rank` is down [rank, inputs] and up [outputs, rank]; `dense` is [outputs, inputs].
    pub(in crate::pipeline) fn new(
        low_rank: Option<&(Tensor, Tensor)>,
        dense: Option<&Tensor>,
        device: &Device,
    ) -> Result<Self> {
        let product = |matrix: &Tensor| {
            Product::dense(&matrix.to_device(device)?.to_dtype(DType::F32)?.contiguous()?, None)
        };
        let low_rank = low_rank.map(|(down, up)| Ok::<_, candle_core::Error>((product(down)?, product(up)?)));
        Ok(Self {
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
}
