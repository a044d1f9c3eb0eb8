// softmax(factor · q·kᵀ)·v of every head, with no score ever in global memory.
//
// Source: FlashAttention-2 (Dao, arXiv 2307.08691); that the reference moves only when it must is FlashAttention-4's.
// A block of 4 warps has 128 queries of a head, 32 for each warp, and goes through all keys, KEYS at a time. Two products
// of 16 queries share what a warp loads of keys and values: with one, shared memory would be slower than the tensor cores.
// attention.rs makes the launch and must agree with the constants.
#include "chunks.cuh"

namespace attention {

constexpr uint32_t WARPS = 4;
constexpr uint32_t THREADS = 32 * WARPS;
constexpr uint32_t QUERIES = 32 * WARPS;

// Keys at a time. Queries, keys and values together take 32 KiB (D = 64) or 48 KiB (128): two blocks fit on the smallest
// multiprocessor, which has 100 KiB, and no launch needs to ask for more than the usual 48.
template <uint32_t D> constexpr uint32_t KEYS = D <= 64 ? 64 : 32;

// How far, in powers of two, a score may grow past the row's reference before the reference moves.
constexpr float SLACK = 8.0f;

// Weights are 2^LIFT times what they would be: so small ones keep their digits in f16, and the largest, with SLACK, is 2^15.
template <class T> constexpr float LIFT = 0.0f;
template <> constexpr float LIFT<f16> = 7.0f;

// What a lane has of its warp's 32 queries: rows g, g + 8, g + 16 and g + 24 (g = lane / 4), each shared by four lanes.
template <uint32_t D> struct Rows {
    float reference[2][2]; // the score that stands for 2^LIFT
    float sum[2][2];       // of the lane's own weights
    float out[2][D / 8][4];
};
template <uint32_t D> using Scores = float[2][KEYS<D> / 8][4];

// Where 16 bytes of a row lie in a tile, in bytes. Eight rows' same column never share a bank, nor a row's eight columns.
template <uint32_t D> __device__ inline uint32_t place(uint32_t row, uint32_t column) {
    return row * (2 * D) + ((column ^ (row & 7)) << 4);
}

// Where the row that a lane gives to load_matrices lies, of a tile's first 16 × 16 numbers: those of a product's first factor
// (or, transposed, of two second factors), and those of two second factors that lie as rows of their columns. From the tile's
// column 16 · c on it is `corner ^ 32 · c`, as `place` has it; that is one instruction, and `place` would be six.
template <uint32_t D> __device__ inline uint32_t corner() {
    return place<D>(threadIdx.x % 16, threadIdx.x / 16 % 2);
}
template <uint32_t D> __device__ inline uint32_t turned_corner() {
    return place<D>(threadIdx.x / 16 % 2 * 8 + threadIdx.x % 8, threadIdx.x / 8 % 2);
}

// Begins to copy a tile of `ROWS` rows, `stride` numbers apart, of which the first `there` are there.
template <class T, uint32_t D, uint32_t ROWS>
__device__ inline void copy_tile(unsigned char *tile, const T *rows, uint32_t stride, uint32_t there) {
    constexpr uint32_t COLUMNS = D / 8;
    const uint32_t column = threadIdx.x % COLUMNS;
#pragma unroll
    for (uint32_t i = 0; i < ROWS * COLUMNS / THREADS; i++) {
        const uint32_t row = threadIdx.x / COLUMNS + i * (THREADS / COLUMNS);
        const T *from = rows + size_t(row) * stride + 8 * column;
        copy_16_async(tile + place<D>(row, column), from, row < there);
    }
}

// The largest of `n` numbers of at least 1. `partial` has room for a number a warp, and is read until the next barrier.
__device__ inline float block_max(const float *x, uint32_t n, float *partial) {
    float largest = 1.0f;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        largest = fmaxf(largest, x[i]);
    largest = chunks::warp_max(largest);
    if (threadIdx.x % 32 == 0)
        partial[threadIdx.x / 32] = largest;
    __syncthreads();
    for (uint32_t warp = 0; warp < WARPS; warp++)
        largest = fmaxf(largest, partial[warp]);
    return largest;
}

// s = q·kᵀ, `q` the warp's 32 queries, `k` the tile of keys.
template <class T, uint32_t D>
__device__ inline void score(Scores<D> &s, const unsigned char *q, const unsigned char *k) {
    const uint32_t q_corner = corner<D>(), k_corner = turned_corner<D>();
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t n = 0; n < KEYS<D> / 8; n++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                s[m][n][i] = 0.0f;
#pragma unroll
    for (uint32_t depth = 0; depth < D / 16; depth++) {
        uint32_t a[2][4];
#pragma unroll
        for (uint32_t m = 0; m < 2; m++)
            load_matrices(a[m], q + (q_corner ^ 32 * depth) + 2 * D * 16 * m);
#pragma unroll
        for (uint32_t n = 0; n < KEYS<D> / 8; n += 2) {
            uint32_t b[4];
            load_matrices(b, k + (k_corner ^ 32 * depth) + 2 * D * 8 * n);
#pragma unroll
            for (uint32_t m = 0; m < 2; m++) {
                multiply_add<T>(s[m][n], a[m], {b[0], b[1]});
                multiply_add<T>(s[m][n + 1], a[m], {b[2], b[3]});
            }
        }
    }
}

// Makes the scores of keys past the first `there` count for nothing.
template <uint32_t D> __device__ inline void mask(Scores<D> &s, uint32_t there) {
    const uint32_t first = 2 * (threadIdx.x % 4);
#pragma unroll
    for (uint32_t n = 0; n < KEYS<D> / 8; n++)
#pragma unroll
        for (uint32_t i = 0; i < 4; i++)
            if (8 * n + first + i % 2 >= there)
                s[0][n][i] = s[1][n][i] = -INFINITY;
}

// Moves the rows' references to the largest score so far, if one of the warp's rows needs it. A row with a NaN, or with
// nothing but -inf, becomes NaN in `weigh`, whatever its reference.
template <uint32_t D> __device__ inline void refer(Rows<D> &rows, const Scores<D> &s, float factor) {
    float top[2][2];
    bool past = false;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            float largest = rows.reference[m][h];
#pragma unroll
            for (uint32_t n = 0; n < KEYS<D> / 8; n++)
                largest = fmaxf(largest, fmaxf(s[m][n][2 * h], s[m][n][2 * h + 1]));
            largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
            top[m][h] = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
            past |= (top[m][h] - rows.reference[m][h]) * factor > SLACK;
        }
    if (!__any_sync(~0u, past))
        return;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            const float shrink = power_of_two((rows.reference[m][h] - top[m][h]) * factor);
            rows.reference[m][h] = top[m][h];
            rows.sum[m][h] *= shrink;
#pragma unroll
            for (uint32_t n = 0; n < D / 8; n++) {
                rows.out[m][n][2 * h] *= shrink;
                rows.out[m][n][2 * h + 1] *= shrink;
            }
        }
}

// Scores become weights, 2^(factor · (score - reference) + LIFT), and are added to the rows' sums.
template <class T, uint32_t D> __device__ inline void weigh(Rows<D> &rows, Scores<D> &s, float factor) {
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            const float shift = LIFT<T> - rows.reference[m][h] * factor;
#pragma unroll
            for (uint32_t n = 0; n < KEYS<D> / 8; n++)
#pragma unroll
                for (uint32_t i = 2 * h; i < 2 * h + 2; i++) {
                    s[m][n][i] = power_of_two(fmaf(s[m][n][i], factor, shift));
                    rows.sum[m][h] += s[m][n][i];
                }
        }
}

// Multiplies each key's weights with its value's scale, as a part of the largest.
template <uint32_t D>
__device__ inline void scale_weights(Scores<D> &s, const float *v_scale, uint32_t there, float largest) {
    const uint32_t first = 2 * (threadIdx.x % 4);
    const float unit = 1.0f / largest;
#pragma unroll
    for (uint32_t n = 0; n < KEYS<D> / 8; n++)
#pragma unroll
        for (uint32_t i = 0; i < 2; i++) {
            const uint32_t key = 8 * n + first + i;
            const float part = key < there ? v_scale[key] * unit : 0.0f;
#pragma unroll
            for (uint32_t m = 0; m < 2; m++) {
                s[m][n][i] *= part;
                s[m][n][i + 2] *= part;
            }
        }
}

// out += weights·v, `v` the tile of values.
template <class T, uint32_t D>
__device__ inline void add_values(Rows<D> &rows, const Scores<D> &s, const unsigned char *v) {
    const uint32_t v_corner = corner<D>();
#pragma unroll
    for (uint32_t depth = 0; depth < KEYS<D> / 16; depth++) {
        uint32_t a[2][4];
#pragma unroll
        for (uint32_t m = 0; m < 2; m++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++) {
                const float(&pair)[4] = s[m][2 * depth + i / 2];
                a[m][i] = pack<T>(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
            }
#pragma unroll
        for (uint32_t n = 0; n < D / 8; n += 2) {
            uint32_t b[4];
            load_matrices_transposed(b, v + (v_corner ^ 16 * n) + 2 * D * 16 * depth);
#pragma unroll
            for (uint32_t m = 0; m < 2; m++) {
                multiply_add<T>(rows.out[m][n], a[m], {b[0], b[1]});
                multiply_add<T>(rows.out[m][n + 1], a[m], {b[2], b[3]});
            }
        }
    }
}

// Writes the warp's rows, divided by their sums: those of the `there` queries that are there.
template <class T, uint32_t D>
__device__ inline void write(Rows<D> &rows, T *out, uint32_t stride, uint32_t there) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            float sum = rows.sum[m][h];
            sum += __shfl_xor_sync(~0u, sum, 1);
            sum += __shfl_xor_sync(~0u, sum, 2);
            const float part = 1.0f / sum;
            const uint32_t row = 16 * m + 8 * h + lane / 4;
            if (row >= there)
                continue;
            T *to = out + size_t(row) * stride + 2 * (lane % 4);
#pragma unroll
            for (uint32_t n = 0; n < D / 8; n++) {
                const float(&sums)[4] = rows.out[m][n];
                *reinterpret_cast<uint32_t *>(to + 8 * n) = pack<T>(sums[2 * h] * part, sums[2 * h + 1] * part);
            }
        }
}

// Makes the scores of keys from `first` on count for nothing where they come after the query; the warp's queries begin with `own`.
template <uint32_t D> __device__ inline void mask_later(Scores<D> &s, uint32_t first, uint32_t own) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t n = 0; n < KEYS<D> / 8; n++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                if (first + 8 * n + 2 * (lane % 4) + i % 2 > own + 16 * m + 8 * (i / 2) + lane / 4)
                    s[m][n][i] = -INFINITY;
}

// q, out: [batch, tokens, heads · D]; k, v: [batch, tokens, key_heads · D], each head of which serves heads / key_heads neighbouring
// heads of q. v's true value is v · v_scale[batch, tokens], and so is out's. factor > 0. If LOOKS_BACK, no query sees a key after it.
// grid: (blocks of QUERIES, heads, batch).
template <class T, uint32_t D, bool LOOKS_BACK = false>
__device__ inline void attend(const T *q, const T *k, const T *v, const float *v_scale, uint32_t tokens, uint32_t heads,
                              uint32_t key_heads, float factor, T *out, float *out_scale) {
    SHARED_BYTES(shared);
    unsigned char *const queries = shared;
    unsigned char *const keys = queries + 2 * D * QUERIES;
    unsigned char *const values = keys + 2 * D * KEYS<D>;

    const uint32_t stride = heads * D;
    const size_t first_row = size_t(blockIdx.z) * tokens;
    const uint32_t first_query = blockIdx.x * QUERIES;
    const size_t head = first_row * stride + blockIdx.y * D;
    const uint32_t key_stride = key_heads * D;
    const size_t key_head = first_row * key_stride + blockIdx.y / (heads / key_heads) * D;
    const size_t tile_stride = size_t(KEYS<D>) * key_stride;
    k += key_head;
    v += key_head;
    v_scale += first_row;

    copy_tile<T, D, QUERIES>(queries, q + head + size_t(first_query) * stride, stride, tokens - first_query);
    // Keys before this one are seen by some query of the block.
    const uint32_t end = LOOKS_BACK && first_query + QUERIES < tokens ? first_query + QUERIES : tokens;
    copy_tile<T, D, KEYS<D>>(keys, k, key_stride, end);
    copies_commit();

    // Narrow numbers that have no scale of their own all have 1. No value is copied before the loop's first barrier.
    float largest_scale = 1.0f;
    if (T::SAFE < INFINITY)
        largest_scale = block_max(v_scale, tokens, reinterpret_cast<float *>(values));
    if (blockIdx.y == 0 && first_query + threadIdx.x < tokens)
        out_scale[first_row + first_query + threadIdx.x] = largest_scale;

    // exp(x) = 2^(x · log2 e)
    factor *= 1.44269504f;
    const uint32_t warp = threadIdx.x / 32;
    const unsigned char *const own_queries = queries + 2 * D * 32 * warp;
    Rows<D> rows;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++) {
        rows.reference[m][0] = rows.reference[m][1] = -INFINITY;
        rows.sum[m][0] = rows.sum[m][1] = 0.0f;
#pragma unroll
        for (uint32_t n = 0; n < D / 8; n++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                rows.out[m][n][i] = 0.0f;
    }

    const uint32_t own = first_query + 32 * warp;
    for (uint32_t first = 0; first < end; first += KEYS<D>) {
        const uint32_t there = end - first;
        Scores<D> s;
        // The keys have come, and no warp reads the last values: those of these keys may come while they are scored.
        copies_wait<0>();
        __syncthreads();
        copy_tile<T, D, KEYS<D>>(values, v, key_stride, there);
        copies_commit();
        v += tile_stride;
        score<T, D>(s, own_queries, keys);
        // The values have come, and no warp reads the keys: the next may come.
        copies_wait<0>();
        __syncthreads();
        if (there > KEYS<D>) {
            k += tile_stride;
            copy_tile<T, D, KEYS<D>>(keys, k, key_stride, there - KEYS<D>);
            copies_commit();
        }
        if (there < KEYS<D>)
            mask<D>(s, there);
        if (LOOKS_BACK && first + KEYS<D> > own + 1)
            mask_later<D>(s, first, own);
        refer<D>(rows, s, factor);
        weigh<T, D>(rows, s, factor);
        if (largest_scale > 1.0f)
            scale_weights<D>(s, v_scale + first, there, largest_scale);
        add_values<T, D>(rows, s, values);
    }

    if (own >= tokens)
        return;
    write<T, D>(rows, out + head + size_t(own) * stride, stride, tokens - own);
}

} // namespace attention

// What a file that includes this one need not have again.
#ifndef WITHOUT_KERNELS
#define ATTENTION(type, d)                                                                                               \
    extern "C" __global__ void __launch_bounds__(attention::THREADS, 2)                                                  \
        attention_##type##_##d(const type *__restrict__ q, const type *__restrict__ k, const type *__restrict__ v,       \
                               const float *__restrict__ v_scale, uint32_t tokens, uint32_t heads, float factor,         \
                               type *__restrict__ out, float *__restrict__ out_scale) {                                  \
        attention::attend<type, d>(q, k, v, v_scale, tokens, heads, heads, factor, out, out_scale);                      \
    }
ATTENTION(f16, 64)
ATTENTION(f16, 128)
ATTENTION(bf16, 64)
ATTENTION(bf16, 128)
#endif
