use std::ops::Range;

use candle_core::{Device, Result, Tensor};

use super::super::cpu::Scale;

/// In which order a map's numbers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// [batch, H, W, C], for our own kernels.
    ChannelsLast,
    /// [batch, C, H, W], for the library's.
    ChannelsFirst,
}

/// What all channels of a map have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MapSize {
    pub(super) batch: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl MapSize {
    /// Of what a convolution of `scale` makes of it.
    pub(super) fn scaled(self, scale: Scale) -> Self {
        Self { height: scale.of(self.height), width: scale.of(self.width), ..self }
    }
}

impl Layout {
    /// Of the kernels that run on `device`.
    pub(super) fn on(device: &Device) -> Self {
        if device.is_cpu() { Self::ChannelsLast } else { Self::ChannelsFirst }
    }

    fn row_axis(self) -> usize {
        match self {
            Self::ChannelsLast => 1,
            Self::ChannelsFirst => 2,
        }
    }

    pub(super) fn size(self, map: &Tensor) -> Result<MapSize> {
        let (batch, axis) = (map.dim(0)?, self.row_axis());
        Ok(MapSize { batch, height: map.dim(axis)?, width: map.dim(axis + 1)? })
    }

    /// Some rows of a map, where they are.
    pub(super) fn view(self, map: &Tensor, rows: Range<usize>) -> Result<Tensor> {
        map.narrow(self.row_axis(), rows.start, rows.len())
    }

    /// Some rows of a map, contiguous.
    pub(super) fn rows(self, map: &Tensor, rows: Range<usize>) -> Result<Tensor> {
        self.view(map, rows)?.contiguous()
    }

    /// Strips of rows as one map, the first on top.
    pub(super) fn join(self, strips: &[Tensor]) -> Result<Tensor> {
        Tensor::cat(strips, self.row_axis())
    }

    /// A map [batch, C, H, W] in this order.
    pub(super) fn arrange(self, map: Tensor) -> Result<Tensor> {
        match self {
            Self::ChannelsLast => map.permute((0, 2, 3, 1))?.contiguous(),
            Self::ChannelsFirst => Ok(map),
        }
    }

    /// A map in this order as [batch, C, H, W], contiguous or not.
    pub(super) fn channels_first(self, map: Tensor) -> Result<Tensor> {
        match self {
            Self::ChannelsLast => map.permute((0, 3, 1, 2)),
            Self::ChannelsFirst => Ok(map),
        }
    }
}

/// Rows from the top, `strip` at a time.
pub(super) fn strips(height: usize, strip: usize) -> impl Iterator<Item = Range<usize>> {
    (0..height).step_by(strip).map(move |first| first..height.min(first + strip))
}
