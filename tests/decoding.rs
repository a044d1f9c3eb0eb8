//! Memory of decoding in strips. The test is alone in its process, whose peak is what is compared.

use candle_core::{Device, Result, Tensor};
use tintype::{
    domain::Seed,
    engine::DeviceMemory,
    pipeline::{DeviceChoice, ModelShape, Precision, VaeDecoder, standard_normal},
};

/// Bytes that one decoding takes at most, beyond those held before.
fn taken(decoder: &VaeDecoder, latents: &Tensor, room: Option<u64>) -> Result<u64> {
    let watch = DeviceMemory::new(true, None).watch().expect("/proc");
    decoder.decode(latents, room)?;
    Ok(watch.peak().expect("/proc"))
}

#[test]
fn strips_take_the_memory_that_was_foreseen_and_whole_maps_more() -> Result<()> {
    let decoder =
        VaeDecoder::random(ModelShape::Middle, DeviceChoice::Cpu, Precision::F32).expect("a decoder");
    let size = (1, 48, 48);
    let noise = standard_normal(Seed::new(0), 16 * 48 * 48);
    let latents = Tensor::from_vec(noise, (1, 16, 48, 48), &Device::Cpu)?;
    // Threads begin and weights come into memory.
    decoder.decode(&latents.narrow(2, 0, 4)?.contiguous()?, Some(0))?;

    let (strips, whole) = (taken(&decoder, &latents, Some(0))?, taken(&decoder, &latents, None)?);
    let foreseen = |room: Option<u64>| decoder.foreseen_bytes(size, room);
    // A fifth, and 16 MB, for what an allocator keeps between two maps.
    let about = |bytes: u64| bytes + bytes / 5 + (16 << 20);
    assert!(strips <= about(foreseen(Some(0))), "{strips} in strips, {} foreseen", foreseen(Some(0)));
    assert!(whole <= about(foreseen(None)), "{whole} whole, {} foreseen", foreseen(None));
    assert!(whole >= 2 * strips, "{strips} in strips, {whole} whole");
    Ok(())
}
