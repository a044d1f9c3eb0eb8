//! The text encoder's passes, and its attention.

use candle_core::{DType, Result, Tensor, bail, cuda_backend::cudarc::driver::PushKernelArg};

use super::{
    super::{
        super::norm::RmsNorm,
        Narrow, Sums,
        prompt::{GroupedHeads, GroupedTurn, PromptKernels},
    },
    Cuda, HalfNumber, Input, Output, Rows, count,
    kernel::Kernel,
    launch::Launch,
};

impl PromptKernels for Cuda {
    fn add(&self, x: &Tensor, sums: &Sums) -> Result<Tensor> {
        let (size, cuda) = (Rows::of(x)?, x.device().as_cuda_device()?);
        let (before, sums, scale) =
            (Input::<f32>::of(x)?, size.like(&sums.numbers)?, size.scale(&sums.scale)?);
        let (before, sums, scale) = (before.view()?, sums.view()?, scale.view()?);
        let mut out = Output::<f32>::new(cuda, x.elem_count())?;
        let kernel = Kernel::load(cuda, Launch::add(size.rows))?;
        let mut arguments = kernel.arguments();
        arguments.arg(&sums).arg(&scale).arg(&size.width).arg(&before).arg(&mut out.0);
        kernel.run(arguments)?;
        Ok(out.tensor(cuda, x.dims()))
    }

    fn add_then_norm(
        &self,
        x: &Tensor,
        sums: &Sums,
        norm: &RmsNorm,
        dtype: DType,
    ) -> Result<(Tensor, Narrow)> {
        in_format!(dtype, added_then_normed(x, sums, norm))
    }

    fn turn_halves(&self, sums: &Sums, turn: GroupedTurn<'_>) -> Result<GroupedHeads> {
        in_format!(turn.dtype, turned_halves(sums, turn))
    }

    fn look_back(&self, heads: &GroupedHeads) -> Result<Narrow> {
        in_format!(heads.queries.dtype(), looked_back(heads))
    }
}

fn added_then_normed<T: HalfNumber>(x: &Tensor, sums: &Sums, norm: &RmsNorm) -> Result<(Tensor, Narrow)> {
    let (size, cuda) = (Rows::of(x)?, x.device().as_cuda_device()?);
    let (before, sums, scale) = (Input::<f32>::of(x)?, size.like(&sums.numbers)?, size.scale(&sums.scale)?);
    let weight = size.weight(&norm.weight)?;
    let (before, sums, scale, weight) = (before.view()?, sums.view()?, scale.view()?, weight.view()?);
    let mut out = Output::<f32>::new(cuda, x.elem_count())?;
    let (mut next, mut next_scale) = size.narrow::<T>(cuda)?;
    let kernel = Kernel::load(cuda, Launch::add_then_norm(T::HALF, size.rows))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&sums).arg(&scale).arg(&weight).arg(&norm.eps).arg(&size.width);
    arguments.arg(&before).arg(&mut out.0).arg(&mut next.0).arg(&mut next_scale.0);
    kernel.run(arguments)?;
    Ok((out.tensor(cuda, x.dims()), size.narrowed(cuda, next, next_scale)))
}

fn turned_halves<T: HalfNumber>(sums: &Sums, turn: GroupedTurn<'_>) -> Result<GroupedHeads> {
    let (all, cuda) = (Rows::of(&sums.numbers)?, sums.numbers.device().as_cuda_device()?);
    let (heads, key_heads) = (count(turn.heads)?, count(turn.key_heads)?);
    let head_dim = all.width / (heads + 2 * key_heads);
    let (size, keys_size) =
        (Rows { width: heads * head_dim, ..all }, Rows { width: key_heads * head_dim, ..all });
    let (norm_q, norm_k) = turn.norms;
    if norm_q.eps.to_bits() != norm_k.eps.to_bits() {
        bail!("the norms of queries and keys have one ε");
    }
    if size.width + 2 * keys_size.width != all.width || head_dim > 256 || head_dim % 2 != 0 {
        bail!("{} numbers in {heads} heads and twice {key_heads} of keys", all.width);
    }
    let head = Rows { width: head_dim, ..all };
    let (numbers, scale) = (Input::<f32>::of(&sums.numbers)?, all.scale(&sums.scale)?);
    let (weight_q, weight_k) = (head.weight(&norm_q.weight)?, head.weight(&norm_k.weight)?);
    let (cos, sin) = (all.angles(turn.cos, head_dim)?, all.angles(turn.sin, head_dim)?);
    let (numbers, scale) = (numbers.view()?, scale.view()?);
    let (weight_q, weight_k, cos, sin) = (weight_q.view()?, weight_k.view()?, cos.view()?, sin.view()?);
    let (mut queries, mut keys) = (size.numbers::<T>(cuda)?, keys_size.numbers::<T>(cuda)?);
    let (mut values, mut values_scale) = keys_size.narrow::<T>(cuda)?;
    let kernel = Kernel::load(cuda, Launch::turn_halves(T::HALF, all.rows))?;
    let mut arguments = kernel.arguments();
    arguments.arg(&numbers).arg(&scale).arg(&weight_q).arg(&weight_k).arg(&norm_q.eps).arg(&cos).arg(&sin);
    arguments.arg(&all.tokens).arg(&heads).arg(&key_heads).arg(&head_dim);
    arguments.arg(&mut queries.0).arg(&mut keys.0).arg(&mut values.0).arg(&mut values_scale.0);
    kernel.run(arguments)?;
    Ok(GroupedHeads {
        queries: queries.tensor(cuda, &size.shape()),
        keys: keys.tensor(cuda, &keys_size.shape()),
        values: keys_size.narrowed(cuda, values, values_scale),
        heads: turn.heads,
        key_heads: turn.key_heads,
    })
}

fn looked_back<T: HalfNumber>(heads: &GroupedHeads) -> Result<Narrow> {
    let (size, cuda) = (Rows::of(&heads.queries)?, heads.queries.device().as_cuda_device()?);
    let (count_of_heads, key_heads) = (count(heads.heads)?, count(heads.key_heads)?);
    let head_dim = size.width / count_of_heads;
    let of_keys = size.rows as usize * (key_heads * head_dim) as usize;
    let (queries, keys) = (Input::<T>::of(&heads.queries)?, Input::<T>::of(&heads.keys)?.sized(of_keys)?);
    let values = Input::<T>::of(&heads.values.numbers)?.sized(of_keys)?;
    let values_scale = size.scale(&heads.values.scale)?;
    let (queries, keys, values, values_scale) =
        (queries.view()?, keys.view()?, values.view()?, values_scale.view()?);
    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    let factor = (head_dim as f32).sqrt().recip();
    let (mut out, mut scale) = size.narrow::<T>(cuda)?;
    let Some(launch) = Launch::look_back(T::HALF, size.batch(), size.tokens, count_of_heads, head_dim) else {
        bail!("no attention kernel for heads of {head_dim} numbers");
    };
    let kernel = Kernel::load(cuda, launch)?;
    let mut arguments = kernel.arguments();
    arguments.arg(&queries).arg(&keys).arg(&values).arg(&values_scale);
    arguments.arg(&size.tokens).arg(&count_of_heads).arg(&key_heads).arg(&factor);
    arguments.arg(&mut out.0).arg(&mut scale.0);
    kernel.run(arguments)?;
    Ok(size.narrowed(cuda, out, scale))
}

/// They want a card: `cargo test --features cuda --lib fused::cuda`.
#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::{super::super::cpu::Cpu as Host, *};
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    fn sums(seed: u64, width: usize, device: &Device) -> Result<Sums> {
        let scale: Vec<f32> = (0..2 * 161).map(|row| [1.0, 2.0, 64.0, 1.0, 1e6][row % 5]).collect();
        Ok(Sums {
            numbers: random(seed, &[2, 161, width]).to_device(device)?,
            scale: Tensor::from_vec(scale, (2, 161), device)?,
        })
    }

    fn meant(narrow: &Narrow) -> Result<Tensor> {
        let numbers = narrow.numbers.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        numbers.broadcast_mul(&narrow.scale.to_device(&Device::Cpu)?.unsqueeze(2)?)
    }

    fn norm(seed: u64, width: usize, device: &Device) -> Result<RmsNorm> {
        Ok(RmsNorm { weight: random(seed, &[width]).to_device(device)?, eps: 1e-6 })
    }

    #[test]
    fn the_text_encoders_passes_on_a_card_are_the_hosts() -> Result<()> {
        let (card, cpu) = (Device::new_cuda(0).expect("a card"), Device::Cpu);
        for (dtype, bound) in [(DType::F16, 2e-3), (DType::BF16, 1.6e-2)] {
            let added = |device: &Device, kernels: &dyn PromptKernels| {
                let x = random(1, &[2, 161, 2560]).to_device(device)?;
                kernels.add_then_norm(&x, &sums(2, 2560, device)?, &norm(3, 2560, device)?, dtype)
            };
            let ((ours, our_norm), (host, host_norm)) = (added(&card, &Cuda)?, added(&cpu, &Host)?);
            assert!(relative_error(&ours.to_device(&cpu)?, &host)? < 1e-5);
            assert!(relative_error(&meant(&our_norm)?, &meant(&host_norm)?)? < bound);
            for head_dim in [64, 128] {
                let attended = |device: &Device, kernels: &dyn PromptKernels| {
                    let norms = (norm(4, head_dim, device)?, norm(5, head_dim, device)?);
                    let angles = |seed| random(seed, &[161, head_dim / 2]).to_device(device);
                    let (cos, sin) = (angles(6)?, angles(7)?);
                    let (heads, key_heads) = (6, 2);
                    let turn = GroupedTurn { norms: &norms, cos: &cos, sin: &sin, heads, key_heads, dtype };
                    let sums = sums(8, (heads + 2 * key_heads) * head_dim, device)?;
                    meant(&kernels.look_back(&kernels.turn_halves(&sums, turn)?)?)
                };
                assert!(relative_error(&attended(&card, &Cuda)?, &attended(&cpu, &Host)?)? < bound);
            }
        }
        Ok(())
    }
}
