// A LoRA's side branch: y += factor · (x·downᵀ)·upᵀ, x in 16 bits, sums in 32 (LoRA: Hu et al., arXiv 2106.09685). Several LoRAs of
// a layer stand side by side, as one of the sum of their ranks.
//
// Two kernels: the first reads x and writes [rows, ranks], the second adds to y where it lies. Both by `mma.sync`; tiles have 64
// numbers a row and lie as attention.cu's. launch.rs must agree with the constants.
#define WITHOUT_KERNELS
#include "attention.cu"
#include "rows.cu"

namespace sides {
using attention::corner;
using attention::place;
using attention::turned_corner;

constexpr uint32_t LANES = 32;
constexpr uint32_t WARPS = 4;
constexpr uint32_t THREADS = LANES * WARPS;
// Numbers of a tile's row, and their bytes: what of a sum is taken at a time.
constexpr uint32_t DEPTH = 64;
constexpr uint32_t ROW_BYTES = 2 * DEPTH;
// Of the first kernel: rows and ranks of a block, and tiles that are on their way or being read.
constexpr uint32_t DOWN_ROWS = 32;
constexpr uint32_t DOWN_RANKS = 64;
constexpr uint32_t STAGES = 4;
// Of the second: rows and outputs of a block.
constexpr uint32_t UP_ROWS = 64;
constexpr uint32_t UP_OUTPUTS = 64;

// Begins to copy a tile of `ROWS` rows, `width` numbers apart, from column `first` on: zeros after the first `there` rows and after
// their ends. `width` is a multiple of 8.
template <class T, uint32_t ROWS>
__device__ inline void copy_tile(unsigned char *tile, const T *rows, uint32_t width, uint32_t first, uint32_t there) {
    constexpr uint32_t COLUMNS = DEPTH / 8;
    const uint32_t column = threadIdx.x % COLUMNS, number = first + 8 * column;
#pragma unroll
    for (uint32_t i = 0; i < ROWS * COLUMNS / THREADS; i++) {
        const uint32_t row = threadIdx.x / COLUMNS + i * (THREADS / COLUMNS);
        copy_16_async(tile + place<DEPTH>(row, column), rows + size_t(row) * width + number,
                      row < there && number < width);
    }
}

// out = x·aᵀ. x [rows, inputs], a [ranks, inputs], out [rows, ranks] f32; inputs is a multiple of 8, ranks of 16.
// grid: (blocks of DOWN_ROWS, blocks of DOWN_RANKS).
template <class T>
__device__ inline void down(const T *x, const T *a, uint32_t rows, uint32_t inputs, uint32_t ranks, float *out) {
    SHARED_BYTES(shared);
    constexpr uint32_t X_BYTES = DOWN_ROWS * ROW_BYTES, STAGE_BYTES = X_BYTES + DOWN_RANKS * ROW_BYTES;
    const uint32_t first_row = blockIdx.x * DOWN_ROWS, first_rank = blockIdx.y * DOWN_RANKS;
    const uint32_t steps = (inputs + DEPTH - 1) / DEPTH;
    x += size_t(first_row) * inputs;
    a += size_t(first_rank) * inputs;
    auto begin = [&](uint32_t step) {
        if (step < steps) {
            unsigned char *const tiles = shared + step % STAGES * STAGE_BYTES;
            copy_tile<T, DOWN_ROWS>(tiles, x, inputs, step * DEPTH, rows - first_row);
            copy_tile<T, DOWN_RANKS>(tiles + X_BYTES, a, inputs, step * DEPTH, ranks - first_rank);
        }
        copies_commit();
    };
    for (uint32_t step = 0; step < STAGES - 1; step++)
        begin(step);

    const uint32_t lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    const uint32_t own_row = 16 * (warp % 2), own_rank = 32 * (warp / 2);
    const uint32_t x_corner = corner<DEPTH>(), a_corner = turned_corner<DEPTH>();
    float sums[4][4] = {};
    for (uint32_t step = 0; step < steps; step++) {
        // This step's tiles have come, and no warp reads those of the step before: the next may come in their place.
        copies_wait<STAGES - 2>();
        __syncthreads();
        begin(step + STAGES - 1);
        const unsigned char *const x_tile = shared + step % STAGES * STAGE_BYTES + ROW_BYTES * own_row;
        const unsigned char *const a_tile = shared + step % STAGES * STAGE_BYTES + X_BYTES + ROW_BYTES * own_rank;
#pragma unroll
        for (uint32_t depth = 0; depth < DEPTH / 16; depth++) {
            uint32_t left[4];
            load_matrices(left, x_tile + (x_corner ^ 32 * depth));
#pragma unroll
            for (uint32_t n = 0; n < 4; n += 2) {
                uint32_t right[4];
                load_matrices(right, a_tile + (a_corner ^ 32 * depth) + ROW_BYTES * 8 * n);
                multiply_add<T>(sums[n], left, {right[0], right[1]});
                multiply_add<T>(sums[n + 1], left, {right[2], right[3]});
            }
        }
    }
#pragma unroll
    for (uint32_t h = 0; h < 2; h++) {
        const uint32_t row = first_row + own_row + 8 * h + lane / 4;
        if (row >= rows)
            continue;
#pragma unroll
        for (uint32_t n = 0; n < 4; n++) {
            const uint32_t rank = first_rank + own_rank + 8 * n + 2 * (lane % 4);
            if (rank < ranks)
                *reinterpret_cast<float2 *>(out + size_t(row) * ranks + rank) =
                    make_float2(sums[n][2 * h], sums[n][2 * h + 1]);
        }
    }
}

// The power of two of each of the block's rows of `h`, by which it is divided on its way into 16 bits.
template <class T>
__device__ inline void find_powers(const float *h, uint32_t there, uint32_t ranks, float (&powers)[UP_ROWS]) {
    for (uint32_t row = threadIdx.x / LANES; row < UP_ROWS; row += WARPS) {
        float largest = 0.0f;
        if (T::SAFE < INFINITY && row < there)
            for (uint32_t rank = threadIdx.x % LANES; rank < ranks; rank += LANES)
                largest = fmaxf(largest, fabsf(h[size_t(row) * ranks + rank]));
        if (T::SAFE < INFINITY)
            largest = chunks::warp_max(largest);
        if (threadIdx.x % LANES == 0)
            powers[row] = rows::scale_of<T>(largest);
    }
}

// A tile of `h` from rank `first` on, each row over its power, in 16 bits. Zeros where there is nothing.
template <class T>
__device__ inline void narrow_tile(unsigned char *tile, const float *h, uint32_t there, uint32_t ranks, uint32_t first,
                                   const float (&powers)[UP_ROWS]) {
    constexpr uint32_t COLUMNS = DEPTH / 8;
    const uint32_t column = threadIdx.x % COLUMNS, rank = first + 8 * column;
#pragma unroll
    for (uint32_t i = 0; i < UP_ROWS * COLUMNS / THREADS; i++) {
        const uint32_t row = threadIdx.x / COLUMNS + i * (THREADS / COLUMNS);
        float4 low = make_float4(0.0f, 0.0f, 0.0f, 0.0f), high = low;
        if (row < there && rank < ranks) {
            const float4 *const from = reinterpret_cast<const float4 *>(h + size_t(row) * ranks + rank);
            low = from[0];
            high = from[1];
        }
        const float part = 1.0f / powers[row];
        *reinterpret_cast<float4 *>(tile + place<DEPTH>(row, column)) =
            make_float4(__uint_as_float(pack<T>(low.x * part, low.y * part)),
                        __uint_as_float(pack<T>(low.z * part, low.w * part)),
                        __uint_as_float(pack<T>(high.x * part, high.y * part)),
                        __uint_as_float(pack<T>(high.z * part, high.w * part)));
    }
}

// y[row, first + output] += factor · h·bᵀ. h [rows, ranks] f32, b [outputs, ranks], y [rows, width] f32; ranks is a multiple of 16.
// grid: (blocks of UP_OUTPUTS, blocks of UP_ROWS).
template <class T>
__device__ inline void up(const float *h, const T *b, float factor, uint32_t rows, uint32_t ranks, uint32_t outputs,
                          uint32_t width, uint32_t first, float *y) {
    SHARED_BYTES(shared);
    __shared__ float powers[UP_ROWS];
    unsigned char *const b_tile = shared + UP_ROWS * ROW_BYTES;
    const uint32_t first_output = blockIdx.x * UP_OUTPUTS, first_row = blockIdx.y * UP_ROWS;
    const uint32_t there = rows - first_row;
    h += size_t(first_row) * ranks;
    b += size_t(first_output) * ranks;
    find_powers<T>(h, there, ranks, powers);

    const uint32_t lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    const uint32_t own_row = 32 * (warp % 2), own_output = 32 * (warp / 2);
    const uint32_t h_corner = corner<DEPTH>(), b_corner = turned_corner<DEPTH>();
    float sums[2][4][4] = {};
    for (uint32_t rank = 0; rank < ranks; rank += DEPTH) {
        // The powers are there, and no warp reads the tiles before.
        __syncthreads();
        copy_tile<T, UP_OUTPUTS>(b_tile, b, ranks, rank, outputs - first_output);
        copies_commit();
        narrow_tile<T>(shared, h, there, ranks, rank, powers);
        copies_wait<0>();
        __syncthreads();
#pragma unroll
        for (uint32_t depth = 0; depth < DEPTH / 16; depth++) {
            if (rank + 16 * depth >= ranks)
                break;
            uint32_t left[2][4];
#pragma unroll
            for (uint32_t m = 0; m < 2; m++)
                load_matrices(left[m], shared + (h_corner ^ 32 * depth) + ROW_BYTES * (own_row + 16 * m));
#pragma unroll
            for (uint32_t n = 0; n < 4; n += 2) {
                uint32_t right[4];
                load_matrices(right, b_tile + (b_corner ^ 32 * depth) + ROW_BYTES * (own_output + 8 * n));
#pragma unroll
                for (uint32_t m = 0; m < 2; m++) {
                    multiply_add<T>(sums[m][n], left[m], {right[0], right[1]});
                    multiply_add<T>(sums[m][n + 1], left[m], {right[2], right[3]});
                }
            }
        }
    }

    const bool in_pairs = width % 2 == 0 && first % 2 == 0;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            const uint32_t row = own_row + 16 * m + 8 * half + lane / 4;
            if (row >= there)
                continue;
            const float scale = powers[row] * factor;
            float *const to = y + size_t(first_row + row) * width + first;
#pragma unroll
            for (uint32_t n = 0; n < 4; n++) {
                const uint32_t output = first_output + own_output + 8 * n + 2 * (lane % 4);
                const float one = sums[m][n][2 * half] * scale, two = sums[m][n][2 * half + 1] * scale;
                if (in_pairs && output + 1 < outputs) {
                    float2 &pair = *reinterpret_cast<float2 *>(to + output);
                    pair = make_float2(pair.x + one, pair.y + two);
                } else {
                    if (output < outputs)
                        to[output] += one;
                    if (output + 1 < outputs)
                        to[output + 1] += two;
                }
            }
        }
}

} // namespace sides

// What all of a kernel's arguments are is said in launch.rs.
#define SIDE_KERNELS(T)                                                                                                      \
    extern "C" __global__ void __launch_bounds__(sides::THREADS)                                                             \
        side_down_##T(const T *__restrict__ x, const T *__restrict__ down, uint32_t rows, uint32_t inputs, uint32_t ranks,   \
                      float *__restrict__ out) {                                                                             \
        sides::down<T>(x, down, rows, inputs, ranks, out);                                                                   \
    }                                                                                                                        \
    extern "C" __global__ void __launch_bounds__(sides::THREADS, 5)                                                          \
        side_up_##T(const float *__restrict__ h, const T *__restrict__ up, float factor, uint32_t rows, uint32_t ranks,      \
                    uint32_t outputs, uint32_t width, uint32_t first, float *__restrict__ y) {                               \
        sides::up<T>(h, up, factor, rows, ranks, outputs, width, first, y);                                                  \
    }
SIDE_KERNELS(f16)
SIDE_KERNELS(bf16)
