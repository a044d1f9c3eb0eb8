//! How kernels are launched: their names, grids and blocks, and their arguments. tests/cuda_emulator reads this file too, so
//! it names nothing else of the crate.

/// The numbers that a matrix product takes: 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    F16,
    Bf16,
}

impl Half {
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// The file that has a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    Blocks,
    Prompt,
    Rows,
    Sides,
    Attention,
    Maps,
    Convolution,
}

/// A kernel, and the threads that run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) file: File,
    pub(crate) name: String,
    /// Blocks in x, y and z.
    pub(crate) grid: [u32; 3],
    /// Threads of a block.
    pub(crate) block: u32,
    /// Dynamic shared memory of a block.
    pub(crate) shared_bytes: u32,
}

/// The kernels of `rows.cu`. Memory is aligned to 16 bytes; `rows` may not be 0. Where the sums of a product come in, their
/// true values are the sums times the `scale` \[rows\] of their row. Where 16-bit numbers go out, so does the `scale` of each
/// row: 1, or the smallest power of two that makes the row fit f16; what is not finite stays so.
impl Launch {
    /// x \[rows, width\] f32, weight \[width\], eps f32, width u32 → out \[rows, width\] 16-bit, scale: x / √(mean x² + eps) ·
    /// weight.
    pub(crate) fn norm(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("norm_{}", half.suffix()), rows)
    }

    /// sums \[rows, width\] f32, their scale, weight \[width\], eps f32, width u32, x \[rows, width\] f32 → out \[rows, width\]
    /// f32, which may be x: x + norm(sums) · weight.
    pub(crate) fn add_norm(rows: u32) -> Self {
        Self::of_rows("add_norm".into(), rows)
    }

    /// As [`Self::add_norm`], then next_weight \[width\] → next \[rows, width\] 16-bit, scale: the norm of out times
    /// next_weight, with the same eps.
    pub(crate) fn add_norm_norm(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("add_norm_norm_{}", half.suffix()), rows)
    }

    /// gate_up \[rows, 2 · width\] f32 sums, their scale, width u32 → out \[rows, width\] 16-bit, scale: silu(first half) · second
    /// half.
    pub(crate) fn gate(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("gate_{}", half.suffix()), rows)
    }

    /// qkv \[rows, 3 · heads · head_dim\] f32 sums, their scale, norm_q \[head_dim\], norm_k \[head_dim\], eps f32, cos and sin
    /// \[tokens, head_dim / 2\], tokens u32, heads u32, head_dim u32 (even, at most 256) → q, k, v \[rows, heads · head_dim\]
    /// 16-bit, v's scale: each head of q and k normed, and its pairs of neighbours turned by the angles of row mod tokens.
    pub(crate) fn turn(half: Half, rows: u32) -> Self {
        Self::of_rows(format!("turn_{}", half.suffix()), rows)
    }

    fn of_rows(name: String, rows: u32) -> Self {
        Self { file: File::Rows, name, grid: [rows, 1, 1], block: 256, shared_bytes: 0 }
    }
}

/// Queries of a block, 32 for each of its 4 warps.
const QUERIES: u32 = 128;
const THREADS: u32 = 128;

/// The kernels of `attention.cu`.
impl Launch {
    /// q, k, v \[batch, tokens, heads · head_dim\] 16-bit, v's scale \[batch · tokens\], tokens u32, heads u32, factor f32 → out
    /// as q, its scale: softmax(factor · q·kᵀ) · v of every head.
    ///
    /// Memory is aligned to 16 bytes, neither count is 0, and factor is above 0. Every row of an item goes out with the
    /// largest of the scales of the item's values. bf16 has no scales: v's is not read, and out's is 1. Where a score is
    /// NaN or +inf, or none of the first tile of keys is finite, the query's row is NaN.
    ///
    /// None if no kernel has such heads: they are 64 or 128 wide.
    pub(crate) fn attention(half: Half, batch: u32, tokens: u32, heads: u32, head_dim: u32) -> Option<Self> {
        // As KEYS in attention.cu.
        let keys = match head_dim {
            64 => 64,
            128 => 32,
            _ => return None,
        };
        Some(Self {
            file: File::Attention,
            name: format!("attention_{}_{head_dim}", half.suffix()),
            grid: [tokens.div_ceil(QUERIES), heads, batch],
            block: THREADS,
            shared_bytes: 2 * head_dim * (QUERIES + 2 * keys),
        })
    }
}

/// The kernels of `prompt.cu`, beside those of `rows.cu`, and as they.
impl Launch {
    /// sums \[rows, width\] f32, their scale, width u32, x \[rows, width\] f32 → out \[rows, width\] f32, which may be x: x + sums.
    pub(crate) fn add(rows: u32) -> Self {
        Self { file: File::Prompt, ..Self::of_rows("add".into(), rows) }
    }

    /// sums \[rows, width\] f32, their scale, weight \[width\], eps f32, width u32, x \[rows, width\] f32 → out \[rows, width\]
    /// f32, which may be x, next \[rows, width\] 16-bit, its scale: x + sums, and the norm of that times weight.
    pub(crate) fn add_then_norm(half: Half, rows: u32) -> Self {
        Self { file: File::Prompt, ..Self::of_rows(format!("add_then_norm_{}", half.suffix()), rows) }
    }

    /// qkv \[rows, (heads + 2 · key_heads) · head_dim\] f32 sums, their scale, norm_q \[head_dim\], norm_k \[head_dim\], eps f32, cos
    /// and sin \[tokens, head_dim / 2\], tokens u32, heads u32, key_heads u32, head_dim u32 (even, at most 256) → q \[rows, heads ·
    /// head_dim\], k and v \[rows, key_heads · head_dim\] 16-bit, v's scale: each head of q and k normed, and its pairs, one of
    /// each half, turned by the angles of row mod tokens.
    pub(crate) fn turn_halves(half: Half, rows: u32) -> Self {
        Self { file: File::Prompt, ..Self::of_rows(format!("turn_halves_{}", half.suffix()), rows) }
    }

    /// As [`Self::attention`], with key_heads u32 after heads, and k and v \[batch, tokens, key_heads · head_dim\], each head of
    /// which serves heads / key_heads neighbouring heads of q. No query sees a key after it; but what is not finite in a value may
    /// spread to queries up to 127 tokens before it.
    pub(crate) fn look_back(half: Half, batch: u32, tokens: u32, heads: u32, head_dim: u32) -> Option<Self> {
        let like = Self::attention(half, batch, tokens, heads, head_dim)?;
        Some(Self { file: File::Prompt, name: format!("look_back_{}_{head_dim}", half.suffix()), ..like })
    }
}

/// Rows and ranks of a block of `side_down`, and bytes of its tiles; rows and outputs of a block of `side_up`, and bytes of its.
const DOWN_TILE: [u32; 3] = [32, 64, 4 * (32 + 64) * 128];
const UP_TILE: [u32; 3] = [64, 64, (64 + 64) * 128];

/// The kernels of `sides.cu`: what a LoRA adds to a product. Memory is aligned to 16 bytes, and no count is 0.
impl Launch {
    /// x \[rows, inputs\] 16-bit, down \[ranks, inputs\] 16-bit, rows u32, inputs u32 (a multiple of 8), ranks u32 (of 16) → out
    /// \[rows, ranks\] f32: x·downᵀ.
    pub(crate) fn side_down(half: Half, rows: u32, ranks: u32) -> Self {
        let [of_rows, of_ranks, bytes] = DOWN_TILE;
        let grid = [rows.div_ceil(of_rows), ranks.div_ceil(of_ranks), 1];
        Self::of_sides(format!("side_down_{}", half.suffix()), grid, bytes)
    }

    /// h \[rows, ranks\] f32, up \[outputs, ranks\] 16-bit, factor f32, rows u32, ranks u32 (a multiple of 16), outputs u32, width
    /// u32, first u32, y \[rows, width\] f32 → y, to whose columns from first on factor · h·upᵀ is added.
    pub(crate) fn side_up(half: Half, rows: u32, outputs: u32) -> Self {
        let [of_rows, of_outputs, bytes] = UP_TILE;
        let grid = [outputs.div_ceil(of_outputs), rows.div_ceil(of_rows), 1];
        Self::of_sides(format!("side_up_{}", half.suffix()), grid, bytes)
    }

    fn of_sides(name: String, grid: [u32; 3], shared_bytes: u32) -> Self {
        Self { file: File::Sides, name, grid, block: 128, shared_bytes }
    }
}

/// How a weight's numbers lie in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FewBits {
    /// ggml's Q8_0: 32 numbers in 34 bytes.
    Eight,
    /// ggml's Q4_K: 256 numbers in 144 bytes.
    Four,
}

/// Groups of 8 numbers that one block has. As TILE in blocks.cu.
const EIGHTS: u32 = 1024;

/// The kernels of `blocks.cu`. Memory is aligned to 16 bytes, and no count is 0.
impl Launch {
    /// Rows of whole blocks, `eights` u32 (a row's numbers over 8, of all rows), eights of a row u32, inputs u32 (at most a row's
    /// numbers) → out \[rows, inputs\] 16-bit: the first `inputs` numbers of each row, in f32, then rounded to the nearest. What
    /// passes f16 becomes infinite, as by `half` and by candle: a number that is cut down would be an image with a fault nobody
    /// sees.
    pub(crate) fn dense(bits: FewBits, half: Half, eights: u32) -> Self {
        let bits = match bits {
            FewBits::Eight => "8bit",
            FewBits::Four => "4bit",
        };
        Self {
            file: File::Blocks,
            name: format!("dense_{bits}_{}", half.suffix()),
            grid: [eights.div_ceil(EIGHTS), 1, 1],
            block: 256,
            shared_bytes: 0,
        }
    }
}

/// Numbers of a group that one block has. As SLICE in maps.cu.
const SLICE: u32 = 8192;

/// The numbers of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapNumber {
    F32,
    Bf16,
}

impl MapNumber {
    fn suffix(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// The kernels of `maps.cu`, over maps \[batch, channels, places\] whose channels are in groups: `groups` counts those of all
/// items, each of `size` numbers. Memory is aligned to 16 bytes, and no count is 0. Moments are two f32, the mean and the squared
/// distances from it, added up; what is not finite makes its group's moments so.
impl Launch {
    /// x, size u32 → moments \[groups, slices\].
    pub(crate) fn group_moments(number: MapNumber, groups: u32, size: u32) -> Self {
        Self::of_maps(format!("group_moments_{}", number.suffix()), [Self::slices(size), groups, 1])
    }

    /// moments \[groups, slices\], size u32, slices u32 → moments \[groups\].
    pub(crate) fn merge_moments(groups: u32) -> Self {
        Self::of_maps("merge_moments".into(), [groups, 1, 1])
    }

    /// x, moments \[groups\], how many numbers they are of f32, size u32, weight \[channels\] f32, bias \[channels\] f32, eps f32,
    /// groups of an item u32, places u32, with_silu u32 → out as x: (x - mean) / √(squares / count + eps) · weight + bias, and if
    /// with_silu is not 0, that times its sigmoid. x may be some rows of the maps that have the moments.
    pub(crate) fn group_norm(number: MapNumber, groups: u32, size: u32) -> Self {
        Self::of_maps(format!("group_norm_{}", number.suffix()), [Self::slices(size), groups, 1])
    }

    /// Slices of a group of `size` numbers.
    pub(crate) fn slices(size: u32) -> u32 {
        size.div_ceil(SLICE)
    }

    fn of_maps(name: String, grid: [u32; 3]) -> Self {
        Self { file: File::Maps, name, grid, block: 256, shared_bytes: 0 }
    }
}

/// What a convolution multiplies: its maps' numbers, of which those of tf32 are f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    F32,
    /// The first 11 bits of an f32.
    Tf32,
    F16,
    Bf16,
}

impl Term {
    fn suffix(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// Channels that are multiplied at a time: 32 bytes of them. As DEPTH in convolution.cu.
    pub(crate) fn depth(self) -> u32 {
        match self {
            Self::F32 | Self::Tf32 => 8,
            Self::F16 | Self::Bf16 => 16,
        }
    }
}

/// The places that a place of a convolution's output is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taps {
    /// Itself.
    Point,
    /// Itself and its eight neighbours.
    Square,
    /// Twice itself and its neighbours to the right and below, nine in all.
    Halved,
}

/// The kernels of `convolution.cu`, over maps \[batch, channels, height, width\] of f32, f16 or bf16, as `term` has them. Memory is
/// aligned to 16 bytes, no count is 0, and a map has at most 2²⁷ places.
impl Launch {
    /// x, weight \[chunks, taps, outputs, depth\], bias \[outputs\] f32, added as out, with_added u32, inputs u32, outputs u32,
    /// height u32, width u32, doubled u32 → out of `size` (batch, outputs, height, width).
    ///
    /// out is the convolution of x, plus bias, plus added if with_added is not 0: f32 sums, rounded once. weight is in the format of
    /// x; its chunks have `depth` inputs each, and zeros past the last. weight of tf32 has no more than 11 bits. height and width
    /// are x's; if doubled is 1, each place stands for 2 × 2 of the map that is convolved, and it is 0 but for [`Taps::Square`].
    pub(crate) fn convolution(term: Term, taps: Taps, size: [u32; 4]) -> Self {
        let [batch, outputs, height, width] = size;
        let (name, kernel, stride, tile_width) = match taps {
            Taps::Point => ("point", 1, 1, 16),
            Taps::Square => ("square", 3, 1, 16),
            Taps::Halved => ("halved", 3, 2, 8),
        };
        // As Shape in convolution.cu.
        let of_block = if outputs <= 64 { 32 } else { 128 };
        let tile_height = 8;
        let sources = ((tile_width - 1) * stride + kernel) * ((tile_height - 1) * stride + kernel);
        Self {
            file: File::Convolution,
            name: format!("convolution_{name}_{of_block}_{}", term.suffix()),
            grid: [
                width.div_ceil(tile_width) * outputs.div_ceil(of_block),
                height.div_ceil(tile_height),
                batch,
            ],
            block: 256,
            shared_bytes: 2 * 32 * (sources + kernel * of_block),
        }
    }
}
