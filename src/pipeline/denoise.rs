use std::sync::Arc;

use candle_core::Tensor;

use super::{
    OnStep, Pipeline, Step,
    blend::Blend,
    error::RenderError,
    linear::Sides,
    ops,
    transformer::{Canvas, Caption},
};

/// Images of one size and one number of steps, walked down the noise schedule together.
///
/// Architecture invariant: an image's numbers do not depend on its neighbours. Captions of a batch have one padded
/// length, nothing is masked, and a row of a product knows no other row, so on a CPU the bytes are the same alone and
/// in any batch.
pub struct Denoising<'a> {
    pipeline: &'a Pipeline,
    /// [batch, C, h, w] f32.
    latents: Tensor,
    /// Of the last step, the shape of `latents`: towards the image.
    velocity: Option<Tensor>,
    /// What edits with a mask are blended with after each step.
    blend: Option<Blend>,
    /// What LoRAs add.
    sides: Arc<Sides>,
    positive: Side,
    /// The negative captions, and how strongly the images are pushed away from them.
    negative: Option<(Side, f64)>,
    sigmas: Vec<f32>,
    done: usize,
}

/// Captions and the positions that go with them.
struct Side {
    caption: Caption,
    canvas: Canvas,
}

impl Side {
    fn new(
        pipeline: &Pipeline,
        (height, width): (usize, usize),
        captions: &[&Caption],
    ) -> Result<Self, RenderError> {
        let caption = Caption::join(captions)?;
        let canvas = pipeline.transformer.canvas(height, width, &caption)?;
        Ok(Self { caption, canvas })
    }
}

impl<'a> Denoising<'a> {
    /// `latents` [batch, C, h, w] f32 at the first of the noise levels `sigmas`, which end with 0; a caption for each item, all
    /// of one padded length, and where guidance is on (arXiv 2207.12598) a negative one for each.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        (latents, blend): (Tensor, Option<Blend>),
        captions: &[&Caption],
        negative: Option<(&[&Caption], f64)>,
        sides: Arc<Sides>,
        sigmas: Vec<f32>,
    ) -> Result<Self, RenderError> {
        let (_, _, height, width) = latents.dims4()?;
        let positive = Side::new(pipeline, (height, width), captions)?;
        let negative = match negative {
            Some((captions, scale)) => Some((Side::new(pipeline, (height, width), captions)?, scale)),
            None => None,
        };
        Ok(Self { pipeline, latents, velocity: None, blend, sides, positive, negative, sigmas, done: 0 })
    }

    /// Does every step; returns the latents, [batch, C, h, w] f32.
    ///
    /// # Errors
    /// [`RenderError::Cancelled`] if `on_step` breaks; [`RenderError::Device`] if the device fails.
    pub(super) fn walk(mut self, on_step: OnStep<'_>) -> Result<Tensor, RenderError> {
        let total = u32::try_from(self.sigmas.len() - 1).unwrap_or(u32::MAX);
        for done in 1..=total {
            self.step()?;
            if on_step(Step { done, total, latents: &self.latents }).is_break() {
                return Err(RenderError::Cancelled);
            }
        }
        Ok(self.latents)
    }

    /// Whether every step is done.
    pub fn is_finished(&self) -> bool {
        self.done + 1 >= self.sigmas.len()
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.done
    }

    /// Does one step for every image, and waits until it is done.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn step(&mut self) -> Result<(), RenderError> {
        let (sigma, next) = (self.sigmas[self.done], self.sigmas[self.done + 1]);
        let time = self.pipeline.config.schedule.time(sigma);
        let Self { pipeline: Pipeline { transformer, device, .. }, latents, sides, .. } = self;
        let predict = |side: &Side| {
            ops::in_pool(device, || transformer.forward(latents, time, &side.caption, &side.canvas, sides))
        };
        let mut velocity = predict(&self.positive)?;
        if let Some((negative, scale)) = &self.negative {
            let away = (&velocity - predict(negative)?)?;
            velocity = (velocity + (away * *scale)?)?;
        }
        // The model predicts towards the image, the schedule steps away from noise: hence the sign.
        let latents = (&self.latents - (&velocity * f64::from(next - sigma))?)?;
        self.latents = match &self.blend {
            Some(blend) => blend.apply(&latents, next)?,
            None => latents,
        };
        self.velocity = Some(velocity);
        self.done += 1;
        // CUDA launches are asynchronous. Synchronise, so that progress and pace count finished steps.
        self.pipeline.synchronize()
    }

    /// The images after the last step, [batch, C, h, w] f32.
    pub fn latents(&self) -> &Tensor {
        &self.latents
    }

    /// Image `item` after the last step, [1, C, h, w] f32.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn item(&self, item: usize) -> Result<Tensor, RenderError> {
        Ok(self.latents.narrow(0, item, 1)?)
    }

    /// What image `item` is heading for, [1, C, h, w] f32: the latents, with the last velocity followed to noise level
    /// 0 in a straight line. Much clearer than the noisy latents themselves.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn foresee(&self, item: usize) -> Result<Tensor, RenderError> {
        let latents = self.item(item)?;
        let Some(velocity) = &self.velocity else { return Ok(latents) };
        let rest = f64::from(self.sigmas[self.done]);
        let latents = (latents + (velocity.narrow(0, item, 1)? * rest)?)?;
        match &self.blend {
            Some(blend) => Ok(blend.map(|part| part.narrow(0, item, 1))?.apply(&latents, 0.0)?),
            None => Ok(latents),
        }
    }

    /// Goes on with the images `items` alone, in their order; the others are given up.
    ///
    /// # Errors
    /// [`RenderError::Device`] if the device fails.
    pub fn keep(&mut self, items: &[usize]) -> Result<(), RenderError> {
        self.latents = ops::select(&self.latents, items)?;
        self.velocity = self.velocity.as_ref().map(|velocity| ops::select(velocity, items)).transpose()?;
        self.blend =
            self.blend.as_ref().map(|blend| blend.map(|part| ops::select(part, items))).transpose()?;
        self.positive.caption.keep(items)?;
        if let Some((negative, _)) = &mut self.negative {
            negative.caption.keep(items)?;
        }
        Ok(())
    }
}
