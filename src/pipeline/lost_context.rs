//! A context that is lost: a kernel traps in one of two processes on a card, and in the other nothing happens.
//!
//! A process has one context on a card, so this is between processes: `tools/card-day` runs it. A process that has lost its
//! context does not get it back; a new one has a new one.

use std::{
    env,
    hash::{DefaultHasher, Hash, Hasher},
    ops::ControlFlow,
    process::Command,
};

use candle_core::{
    Device,
    cuda_backend::{WrapErr, cudarc::driver::LaunchConfig},
};

use super::{DeviceChoice, EMBEDDED_MODEL, Pipeline, Placement, Precision, RenderError};
use crate::domain::{ImageSize, Seed};

/// A kernel that faults whenever it is launched.
const TRAP: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry trap_on_purpose()
{
    trap;
    ret;
}
";

fn open() -> Pipeline {
    let placement = Placement::resident(DeviceChoice::Cuda(0), Precision::F16);
    Pipeline::load(&EMBEDDED_MODEL, &placement, &|_, _| {}).expect("a card with room for the embedded model")
}

/// A number for an image of two steps: the same for the same pixels.
fn image(pipeline: &Pipeline) -> Result<u64, RenderError> {
    let size = ImageSize::new(64, 64).map_err(candle_core::Error::msg)?;
    let (prompt, noise) = (pipeline.condition("a lighthouse")?, pipeline.noise(size, Seed::new(0))?);
    let latents = pipeline.denoise(noise, &prompt, None, 2, &mut |_| ControlFlow::Continue(()))?;
    let mut number = DefaultHasher::new();
    pipeline.decode(&latents)?.rgb.hash(&mut number);
    Ok(number.finish())
}

/// In the process' context, which is the pipeline's too.
fn trap() -> candle_core::Result<()> {
    let card = Device::new_cuda(0)?;
    let kernel = card.as_cuda_device()?.get_or_load_custom_func("trap_on_purpose", "lost_context", TRAP)?;
    let one = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (1, 1, 1), shared_mem_bytes: 0 };
    // SAFETY: it takes nothing, and touches no memory.
    #[expect(unsafe_code, reason = "a kernel is launched")]
    unsafe {
        kernel.builder().launch(one).w()?;
    }
    card.synchronize()
}

/// Runs a test of this file in a process of its own, to its good end: what it printed.
fn in_a_process(test: &str) -> String {
    let tests = env::current_exe().expect("this program");
    let name = format!("pipeline::lost_context::{test}");
    let ran = Command::new(tests).args(["--exact", &name, "--ignored", "--nocapture"]).output();
    let ran = ran.expect("another process");
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && printed.contains("1 passed"), "{test}: {printed}{said}");
    printed
}

fn says(printed: &str, image: u64) -> bool {
    printed.contains(&format!("image {image:016x}"))
}

#[test]
fn a_kernel_that_traps_takes_its_process_and_no_other() {
    let pipeline = open();
    let before = image(&pipeline).expect("an image");
    let lost = in_a_process("one_of_two_processes_loses_its_context");
    assert!(says(&lost, before), "both made one image before: {lost}");
    assert_eq!(image(&pipeline).expect("the other process did not notice"), before);
    let again = in_a_process("a_new_process_has_a_new_context");
    assert!(says(&again, before), "{again}");
}

#[test]
#[ignore = "the test above starts it"]
fn one_of_two_processes_loses_its_context() {
    let pipeline = open();
    say(image(&pipeline).expect("an image"));
    trap().expect_err("a kernel that traps");
    for _ in 0..2 {
        let failure = image(&pipeline).expect_err("the context is lost");
        assert!(failure.blames_device(), "{failure}");
    }
}

#[test]
#[ignore = "the test above starts it"]
fn a_new_process_has_a_new_context() {
    say(image(&open()).expect("an image"));
}

#[expect(clippy::print_stdout, reason = "for the process that started this one")]
fn say(image: u64) {
    println!("image {image:016x}");
}
