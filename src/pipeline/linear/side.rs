use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

use super::Product;

/// What LoRAs add to a layer's product: up·(down·x), and the product of x with a change of full rank. In f32.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct SideBranch {
    low_rank: Option<Arc<(Product, Product)>>,
    dense: Option<Arc<Product>>,
}

impl SideBranch {
    /// Of the layer `vb`; None if no LoRA changes it.
    pub(in crate::pipeline) fn load(vb: &VarBuilder) -> Result<Option<Self>> {
        let vb = vb.pp("lora");
        let product = |name: &str| {
            let matrix =
                vb.contains_tensor(name).then(|| vb.get_unchecked_dtype(name, DType::F32)).transpose()?;
            matrix.map(|matrix| Product::dense(&matrix, None)).transpose()
        };
        let low_rank = product("down")?.zip(product("up")?).map(Arc::new);
        let dense = product("dense")?.map(Arc::new);
        Ok((low_rank.is_some() || dense.is_some()).then_some(Self { low_rank, dense }))
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
