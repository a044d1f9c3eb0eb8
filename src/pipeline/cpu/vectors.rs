use std::sync::OnceLock;

use pulp::Arch;

use super::dots::Bf16Dots;

/// Vectors that a CPU's kernels compute with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuVectors {
    /// AVX-512 with AVX-512 BF16: 16 numbers of f32, and products of 32 pairs of bf16.
    Avx512Bf16,
    /// AVX-512: 16 numbers of f32.
    Avx512,
    /// AVX2 with FMA: 8 numbers.
    Avx2,
    /// Arm's: 4 numbers.
    Neon,
    /// One number.
    Scalar,
}

crate::domain::words!(
    CpuVectors, "a kind of vectors":
    Avx512Bf16 = "avx512bf16", Avx512 = "avx512", Avx2 = "avx2", Neon = "neon", Scalar = "scalar"
);

/// Why vectors cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VectorsError {
    /// The CPU, or this build, lacks them.
    #[error("this CPU has no {0}")]
    Missing(CpuVectors),
    /// Kernels have run by others.
    #[error("vectors are chosen before anything is computed; these are {0}")]
    TooLate(CpuVectors),
}

/// What kernels are dispatched by.
#[derive(Debug, Clone, Copy)]
struct ChosenVectors {
    arch: Arch,
    dots: Option<Bf16Dots>,
}

static CHOSEN: OnceLock<ChosenVectors> = OnceLock::new();

fn chosen() -> ChosenVectors {
    *CHOSEN.get_or_init(|| {
        let arch = Arch::new();
        ChosenVectors { arch, dots: Bf16Dots::beside(arch) }
    })
}

/// What every kernel is dispatched by: the widest vectors that the CPU has, unless others were chosen.
pub fn arch() -> Arch {
    chosen().arch
}

/// The CPU's own products of bf16; none if it has none, or if other vectors were chosen.
pub fn bf16_dots() -> Option<Bf16Dots> {
    chosen().dots
}

impl CpuVectors {
    /// What this process computes with.
    pub fn in_use() -> Self {
        Self::of(chosen())
    }

    /// Makes this process compute with these, to measure and test what another CPU would do.
    ///
    /// # Errors
    /// [`VectorsError`]; nothing is changed.
    pub fn choose(self) -> Result<(), VectorsError> {
        let own = self.found().ok_or(VectorsError::Missing(self))?;
        let in_use = Self::of(*CHOSEN.get_or_init(|| own));
        if in_use == self { Ok(()) } else { Err(VectorsError::TooLate(in_use)) }
    }

    /// None if this CPU lacks them.
    fn found(self) -> Option<ChosenVectors> {
        let arch = self.arch()?;
        let dots = Bf16Dots::beside(arch).filter(|_| self == Self::Avx512Bf16);
        (dots.is_some() || self != Self::Avx512Bf16).then_some(ChosenVectors { arch, dots })
    }

    #[cfg(target_arch = "x86_64")]
    fn arch(self) -> Option<Arch> {
        use pulp::x86::{V3, V4};
        match self {
            Self::Avx512Bf16 | Self::Avx512 => V4::try_new().map(Arch::V4),
            Self::Avx2 => V3::try_new().map(Arch::V3),
            Self::Neon => None,
            Self::Scalar => Some(Arch::Scalar),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn arch(self) -> Option<Arch> {
        let widest = Arch::new();
        match self {
            Self::Scalar => Some(Arch::Scalar),
            vectors => (Self::of(ChosenVectors { arch: widest, dots: None }) == vectors).then_some(widest),
        }
    }

    fn of(chosen: ChosenVectors) -> Self {
        match chosen.arch {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) if chosen.dots.is_some() => Self::Avx512Bf16,
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => Self::Avx2,
            #[cfg(target_arch = "aarch64")]
            Arch::Neon(_) => Self::Neon,
            _ => Self::Scalar,
        }
    }
}
