//! How kernels are launched: their names, grids and blocks, and what their arguments are. Tests launch them as a card does.

/// The numbers that a matrix product takes: 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Half {
    F16,
    Bf16,
}

impl Half {
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// The file that has a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Rows,
    Attention,
}

/// A kernel, and the threads that run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Launch {
    pub(super) file: File,
    pub(super) name: String,
    /// Blocks in x, y and z.
    pub(super) grid: [u32; 3],
    /// Threads of a block.
    pub(super) block: u32,
    /// Dynamic shared memory of a block.
    pub(super) shared_bytes: u32,
}

/// The kernels of `rows.cu`. Memory is aligned to 16 bytes; `rows` may not be 0. Where the sums of a product come in, their
/// true values are the sums times the `scale` \[rows\] of their row. Where 16-bit numbers go out, so does the `scale` of each
/// row: 1, or the smallest power of two that makes the row fit f16; what is not finite stays so.
impl Launch {
    /// x \[rows, width\] f32, weight \[width\], eps f32, width u32 → out \[rows, width\] 16-bit, scale: x / √(mean x² + eps) ·
    /// weight.
    pub(in crate::pipeline) fn norm(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("norm_{}", half.suffix()), rows)
    }

    /// sums \[rows, width\] f32, their scale, weight \[width\], eps f32, width u32, x \[rows, width\] f32 → out \[rows, width\]
    /// f32, which may be x: x + norm(sums) · weight.
    pub(in crate::pipeline) fn add_norm(rows: u32) -> Self {
        Self::of_rows("add_norm".into(), rows)
    }

    /// As [`Self::add_norm`], then next_weight \[width\] → next \[rows, width\] 16-bit, scale: the norm of out times
    /// next_weight, with the same eps.
    pub(in crate::pipeline) fn add_norm_norm(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("add_norm_norm_{}", half.suffix()), rows)
    }

    /// gate_up \[rows, 2 · width\] f32 sums, their scale, width u32 → out \[rows, width\] 16-bit, scale: silu(first half) · second
    /// half.
    pub(in crate::pipeline) fn gate(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("gate_{}", half.suffix()), rows)
    }

    /// qkv \[rows, 3 · heads · head_dim\] f32 sums, their scale, norm_q \[head_dim\], norm_k \[head_dim\], eps f32, cos and sin
    /// \[tokens, head_dim / 2\], tokens u32, heads u32, head_dim u32 (even, at most 256) → q, k, v \[rows, heads · head_dim\]
    /// 16-bit, v's scale: each head of q and k normed, and its pairs of neighbours turned by the angles of row mod tokens.
    pub(in crate::pipeline) fn turn(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("turn_{}", half.suffix()), rows)
    }

    fn of_rows(name: String, rows: u32) -> Self {
        Self { file: File::Rows, name, grid: [rows, 1, 1], block: 256, shared_bytes: 0 }
    }
}
