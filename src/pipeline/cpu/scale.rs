/// How large a convolution's output is beside its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As wide and high; zeros stand around the input.
    Same,
    /// Twice as wide and high: the input is first doubled, then zeros stand around it.
    Doubled,
    /// Half as wide and high: a stride of 2 from the input's first place on, with zeros to its right and below it
    /// (diffusers' `Downsample2D` with padding 0).
    Halved,
}

impl Scale {
    /// The output's side for an input's.
    pub const fn of(self, side: usize) -> usize {
        match self {
            Self::Same => side,
            Self::Doubled => 2 * side,
            Self::Halved => side / 2,
        }
    }
}
