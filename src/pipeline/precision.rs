use std::{fmt, str::FromStr};

use candle_core::{DType, Device};

use super::error::LoadError;

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

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "f16" => Ok(Self::F16),
            _ => Err(format!("`{text}` is not a dtype; write auto, f32, bf16 or f16")),
        }
    }
}

/// Where the model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first CUDA card where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA card with this number.
    Cuda(usize),
}

impl DeviceChoice {
    /// The number of the card, where it runs on one.
    pub fn card(self) -> u32 {
        match self {
            Self::Cuda(ordinal) => u32::try_from(ordinal).unwrap_or(u32::MAX),
            Self::Auto | Self::Cpu => 0,
        }
    }

    /// Opens the device.
    pub(super) fn open(self) -> Result<Device, LoadError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if cfg!(feature = "cuda") => Ok(Device::new_cuda(0).unwrap_or_else(|error| {
                tracing::warn!("no CUDA card can be used, painting on the CPU: {}", first_line(&error));
                Device::Cpu
            })),
            Self::Auto => Ok(Device::Cpu),
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(LoadError::Device {
                device: self.to_string(),
                reason: "this build has no CUDA; build it with --features cuda".into(),
            }),
            Self::Cuda(ordinal) => Device::new_cuda(ordinal)
                .map_err(|error| LoadError::Device { device: self.to_string(), reason: first_line(&error) }),
        }
    }
}

/// What candle says, without the backtrace that it may add.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a device; write auto, cpu, cuda or cuda:0");
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let ordinal = text.strip_prefix("cuda:").ok_or_else(error)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| error())
            }
        }
    }
}

crate::units::deserialize_from_str!(Precision, DeviceChoice);
