//! One image with the library, without a server: `cargo run --release --example generate`.

use std::{error::Error, ops::ControlFlow};

use tintype::{
    domain::{Encoding, RenderSpec, Seed},
    encode::encode,
    pipeline::{EMBEDDED_MODEL, Pipeline, Placement},
};

fn main() -> Result<(), Box<dyn Error>> {
    let pipeline = Pipeline::load(&EMBEDDED_MODEL, &Placement::default(), &|_, _| {})?;
    let spec = RenderSpec::new("a red apple on a blue background", "256x256".parse()?, 8);
    let prepared = pipeline.prepare(&spec)?;
    let pixels = pipeline.generate(&spec, &prepared, Seed::new(42), &mut |_| ControlFlow::Continue(()))?;
    std::fs::write("apple.png", encode(&pixels, Encoding::default(), None)?)?;
    Ok(())
}
