use candle_core::{DType, Device};

/// The number format of the weights and of the matrix products. Everything between them is f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// f32 on a CPU. f16 on CUDA: every card since Turing multiplies it at full speed, and our products cannot overflow.
    #[default]
    Auto,
    /// 32-bit floats, the reference.
    F32,
    /// bfloat16.
    Bf16,
    /// IEEE half precision; activations are scaled where they would overflow.
    F16,
}

impl Precision {
    /// The format that `dtype` is.
    pub(super) const fn of(dtype: DType) -> Self {
        match dtype {
            DType::BF16 => Self::Bf16,
            DType::F16 => Self::F16,
            _ => Self::F32,
        }
    }

    /// The format for `device`.
    pub(super) fn dtype(self, device: &Device) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
            Self::Auto if device.is_cpu() => DType::F32,
            Self::Auto => DType::F16,
        }
    }
}

crate::domain::words!(Precision, "a dtype": Auto = "auto", F32 = "f32", Bf16 = "bf16", F16 = "f16");

crate::units::deserialize_from_str!(Precision);
