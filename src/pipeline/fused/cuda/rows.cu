// What is done to each row of a matrix between the products: norms, the gate, the rotary turn, and narrowing to 16 bits.
//
// A block a row. Sums that come from a product are true values over the `scale` of their row; what goes to the next product is
// narrowed with a scale of its own.
#include "chunks.cuh"

namespace rows {
using namespace chunks;
constexpr int WARPS = 8;
constexpr int THREADS = LANES * WARPS;

// `x` times `factor`, narrowed.
template <int N, class T> __device__ inline void write_narrowed(T *row, uint32_t i, const Chunk<N> &x, float factor) {
    if constexpr (N == 4)
        reinterpret_cast<uint2 *>(row)[i] = make_uint2(pack<T>(x.at[0] * factor, x.at[1] * factor),
                                                       pack<T>(x.at[2] * factor, x.at[3] * factor));
    else
        row[i] = narrow<T>(x.at[0] * factor);
}

// A thread's part of a row of `count` chunks. The first `KEPT` chunks stay in registers; those after them, which only rows
// wider than KEPT · THREADS · N have, are made again each time.
template <int N, int KEPT> struct Row {
    uint32_t count;
    Chunk<N> kept[KEPT];

    __device__ explicit Row(uint32_t width) : count(width / N) {}

    // Makes chunk i by `make(i)` and passes it to `use(i, chunk)`, which may change it.
    template <class Make, class Use> __device__ void first(Make make, Use use) {
#pragma unroll
        for (int k = 0; k < KEPT; k++) {
            uint32_t i = threadIdx.x + k * THREADS;
            if (i < count)
                kept[k] = make(i);
        }
        again(make, use);
    }

    // Passes each chunk to `use` once more; `make(i)` gives what `use` was to leave of it.
    template <class Make, class Use> __device__ void again(Make make, Use use) {
#pragma unroll
        for (int k = 0; k < KEPT; k++) {
            uint32_t i = threadIdx.x + k * THREADS;
            if (i < count)
                use(i, kept[k]);
        }
        for (uint32_t i = threadIdx.x + KEPT * THREADS; i < count; i += THREADS) {
            Chunk<N> chunk = make(i);
            use(i, chunk);
        }
    }
};

struct Extent {
    // Of the squares.
    float sum;
    // The largest absolute value.
    float largest;
};

// Of the whole block's numbers. A kernel that asks more than once gives other memory each time, so that nobody writes to what
// others still read.
__device__ inline Extent block_extent(Extent mine, Extent (&shared)[WARPS]) {
    mine = {warp_sum(mine.sum), warp_max(mine.largest)};
    if (threadIdx.x % LANES == 0)
        shared[threadIdx.x / LANES] = mine;
    __syncthreads();
    Extent whole = shared[0];
    for (int warp = 1; warp < WARPS; warp++)
        whole = {whole.sum + shared[warp].sum, fmaxf(whole.largest, shared[warp].largest)};
    return whole;
}

// The smallest power of two, 1 or more, that brings `largest` to at most T::SAFE; 1 for what is not finite.
template <class T> __device__ inline float scale_of(float largest) {
    if (!(largest > T::SAFE) || largest == INFINITY)
        return 1.0f;
    return __uint_as_float((__float_as_uint(largest / T::SAFE) + 0x7fffff) & 0xff800000);
}

__device__ inline float inverse_deviation(float sum_of_squares, uint32_t width, float eps) {
    return rsqrtf(sum_of_squares / float(width) + eps);
}

// Narrows the row that `make(i)` gives.
template <int N, int KEPT, class T, class Make>
__device__ inline void narrow_row(uint32_t width, Make make, T *out, float *scale) {
    __shared__ Extent shared[WARPS];
    Row<N, KEPT> row(width);
    Extent mine{};
    row.first(make, [&](uint32_t, Chunk<N> &x) {
        for (int j = 0; j < N; j++)
            mine.largest = fmaxf(mine.largest, fabsf(x.at[j]));
    });
    float power = scale_of<T>(block_extent(mine, shared).largest);
    row.again(make, [&](uint32_t i, Chunk<N> &x) { write_narrowed<N>(out, i, x, 1.0f / power); });
    if (threadIdx.x == 0)
        *scale = power;
}

// How many chunks stay in registers: 4 of 4 numbers keep rows of 4,096, 10 keep rows of 10,240.
constexpr int KEPT_OF_NORMS = 4;
constexpr int KEPT_OF_NARROWED = 10;

// Adds a row's numbers to what is known of it: of x the squares, of x · weight the largest.
template <int N> __device__ inline void extend(Extent &mine, const Chunk<N> &x, const Chunk<N> &weight) {
    for (int j = 0; j < N; j++) {
        mine.sum += x.at[j] * x.at[j];
        mine.largest = fmaxf(mine.largest, fabsf(x.at[j] * weight.at[j]));
    }
}

// Narrows x · inverse · weight for the row's x, of which `extent` is known.
template <int N, int KEPT, class T, class Make>
__device__ inline void write_norm(Row<N, KEPT> &row, Make make, const float *weight, float inverse, float largest,
                                  T *out, float *scale) {
    float power = scale_of<T>(largest * inverse);
    row.again(make, [&](uint32_t i, Chunk<N> &x) {
        Chunk<N> w = read<N>(weight, i), normed;
        for (int j = 0; j < N; j++)
            normed.at[j] = x.at[j] * inverse * w.at[j];
        write_narrowed<N>(out, i, normed, 1.0f / power);
    });
    if (threadIdx.x == 0)
        *scale = power;
}

template <int N, class T>
__device__ void norm(const float *x, const float *weight, float eps, uint32_t width, T *out, float *scale) {
    __shared__ Extent shared[WARPS];
    x += size_t(blockIdx.x) * width;
    auto make = [=](uint32_t i) { return read<N>(x, i); };
    Row<N, KEPT_OF_NORMS> row(width);
    Extent mine{};
    row.first(make, [&](uint32_t i, Chunk<N> &x) { extend(mine, x, read<N>(weight, i)); });
    Extent whole = block_extent(mine, shared);
    write_norm(row, make, weight, inverse_deviation(whole.sum, width, eps), whole.largest,
               out + size_t(blockIdx.x) * width, scale + blockIdx.x);
}

// Writes x + norm(sums) · weight to `out` and leaves it in `row`; `use` gets each chunk of it.
template <int N, int KEPT, class Use>
__device__ inline void add_norm_row(Row<N, KEPT> &row, const float *sums, float sums_scale, const float *weight,
                                    float eps, uint32_t width, const float *x, float *out, Use use) {
    __shared__ Extent shared[WARPS];
    auto make = [=](uint32_t i) {
        Chunk<N> sum = read<N>(sums, i);
        for (int j = 0; j < N; j++)
            sum.at[j] *= sums_scale;
        return sum;
    };
    Extent mine{};
    row.first(make, [&](uint32_t, Chunk<N> &sum) {
        for (int j = 0; j < N; j++)
            mine.sum += sum.at[j] * sum.at[j];
    });
    float inverse = inverse_deviation(block_extent(mine, shared).sum, width, eps);
    row.again(make, [&](uint32_t i, Chunk<N> &sum) {
        Chunk<N> w = read<N>(weight, i), before = read<N>(x, i);
        for (int j = 0; j < N; j++)
            sum.at[j] = before.at[j] + sum.at[j] * inverse * w.at[j];
        write<N>(out, i, sum);
        use(i, sum);
    });
}

template <int N>
__device__ void add_norm_only(const float *sums, const float *sums_scale, const float *weight, float eps,
                              uint32_t width, const float *x, float *out) {
    size_t start = size_t(blockIdx.x) * width;
    Row<N, KEPT_OF_NORMS> row(width);
    add_norm_row(row, sums + start, sums_scale[blockIdx.x], weight, eps, width, x + start, out + start,
                 [](uint32_t, const Chunk<N> &) {});
}

template <int N, class T>
__device__ void add_norm_norm(const float *sums, const float *sums_scale, const float *weight, float eps,
                              uint32_t width, const float *x, float *out, const float *next_weight, T *next,
                              float *next_scale) {
    __shared__ Extent shared[WARPS];
    size_t start = size_t(blockIdx.x) * width;
    Row<N, KEPT_OF_NORMS> row(width);
    Extent mine{};
    add_norm_row(row, sums + start, sums_scale[blockIdx.x], weight, eps, width, x + start, out + start,
                 [&](uint32_t i, const Chunk<N> &x) { extend(mine, x, read<N>(next_weight, i)); });
    Extent whole = block_extent(mine, shared);
    auto make = [=](uint32_t i) { return read<N>(out + start, i); };
    write_norm(row, make, next_weight, inverse_deviation(whole.sum, width, eps), whole.largest, next + start,
               next_scale + blockIdx.x);
}

template <int N, class T>
__device__ void gate(const float *gate_up, const float *scale, uint32_t width, T *out, float *out_scale) {
    const float *gates = gate_up + 2 * size_t(blockIdx.x) * width, *ups = gates + width;
    float factor = scale[blockIdx.x];
    auto make = [=](uint32_t i) {
        Chunk<N> x = read<N>(gates, i), up = read<N>(ups, i);
        for (int j = 0; j < N; j++) {
            float g = x.at[j] * factor;
            x.at[j] = g / (1.0f + __expf(-g)) * (up.at[j] * factor);
        }
        return x;
    };
    narrow_row<N, KEPT_OF_NARROWED>(width, make, out + size_t(blockIdx.x) * width, out_scale + blockIdx.x);
}

// The pairs of a head that a lane holds, at most: heads have at most 256 numbers.
constexpr int PAIRS = 256 / 2 / LANES;

// A head's pairs: neighbours, as the transformer turns them, or one number of each half, as the text encoder does.
struct Neighbours {
    __device__ static float2 read(const float *head, uint32_t pair, uint32_t) {
        return reinterpret_cast<const float2 *>(head)[pair];
    }
    template <class T> __device__ static void write(T *head, uint32_t pair, uint32_t, float first, float second) {
        reinterpret_cast<uint32_t *>(head)[pair] = pack<T>(first, second);
    }
};
struct Halves {
    __device__ static float2 read(const float *head, uint32_t pair, uint32_t pairs) {
        return make_float2(head[pair], head[pairs + pair]);
    }
    template <class T> __device__ static void write(T *head, uint32_t pair, uint32_t pairs, float first, float second) {
        head[pair] = narrow<T>(first);
        head[pairs + pair] = narrow<T>(second);
    }
};

// Norms one head of sums and turns its pairs by the angles of its token. By a whole warp.
template <class Pairs, class T>
__device__ inline void turn_head(const float *sums, float scale, const float *weight, float eps, const float *cos,
                                 const float *sin, uint32_t head_dim, T *out) {
    uint32_t lane = threadIdx.x % LANES, pairs = head_dim / 2;
    float2 x[PAIRS];
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
        uint32_t pair = lane + k * LANES;
        x[k] = pair < pairs ? Pairs::read(sums, pair, pairs) : make_float2(0.0f, 0.0f);
        x[k] = make_float2(x[k].x * scale, x[k].y * scale);
        sum += x[k].x * x[k].x + x[k].y * x[k].y;
    }
    float inverse = inverse_deviation(warp_sum(sum), head_dim, eps);
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
        uint32_t pair = lane + k * LANES;
        if (pair >= pairs)
            continue;
        float2 w = Pairs::read(weight, pair, pairs);
        float first = x[k].x * inverse * w.x, second = x[k].y * inverse * w.y;
        Pairs::write(out, pair, pairs, first * cos[pair] - second * sin[pair],
                     first * sin[pair] + second * cos[pair]);
    }
}

// Norms and turns a row's heads of queries and of keys, and narrows its values, which are as many as its keys.
template <class Pairs, int N, class T>
__device__ void turn(const float *qkv, float scale, const float *norm_q, const float *norm_k, float eps,
                     const float *cos, const float *sin, uint32_t heads, uint32_t key_heads, uint32_t head_dim, T *q,
                     T *k, T *v, float *v_scale) {
    uint32_t turned = heads + key_heads;
    for (uint32_t head = threadIdx.x / LANES; head < turned; head += WARPS) {
        bool is_q = head < heads;
        T *out = is_q ? q + head * head_dim : k + (head - heads) * head_dim;
        turn_head<Pairs>(qkv + head * head_dim, scale, is_q ? norm_q : norm_k, eps, cos, sin, head_dim, out);
    }
    auto make = [=](uint32_t i) {
        Chunk<N> x = read<N>(qkv + turned * head_dim, i);
        for (int j = 0; j < N; j++)
            x.at[j] *= scale;
        return x;
    };
    narrow_row<N, KEPT_OF_NORMS>(key_heads * head_dim, make, v, v_scale);
}

// The same of row blockIdx.x of all.
template <class Pairs, class T>
__device__ void turn_row(const float *qkv, const float *scale, const float *norm_q, const float *norm_k, float eps,
                         const float *cos, const float *sin, uint32_t tokens, uint32_t heads, uint32_t key_heads,
                         uint32_t head_dim, T *q, T *k, T *v, float *v_scale) {
    uint32_t row = blockIdx.x, width = heads * head_dim, key_width = key_heads * head_dim;
    size_t angles = size_t(row % tokens) * (head_dim / 2), start = size_t(row) * width;
    size_t key_start = size_t(row) * key_width;
    qkv += start + 2 * key_start;
    if (width % 4 == 0 && key_width % 4 == 0)
        turn<Pairs, 4>(qkv, scale[row], norm_q, norm_k, eps, cos + angles, sin + angles, heads, key_heads, head_dim,
                       q + start, k + key_start, v + key_start, v_scale + row);
    else
        turn<Pairs, 1>(qkv, scale[row], norm_q, norm_k, eps, cos + angles, sin + angles, heads, key_heads, head_dim,
                       q + start, k + key_start, v + key_start, v_scale + row);
}

} // namespace rows

// What all of a kernel's arguments are is said in launch.rs.
#ifndef WITHOUT_KERNELS
#define ROW_KERNEL extern "C" __global__ void __launch_bounds__(rows::THREADS)
// Left to itself the compiler takes too few registers for what they keep.
#define ROW_KERNEL_THAT_KEEPS_MUCH extern "C" __global__ void __launch_bounds__(rows::THREADS, 3)

ROW_KERNEL add_norm(const float *__restrict__ sums, const float *__restrict__ sums_scale,
                    const float *__restrict__ weight, float eps, uint32_t width, const float *x, float *out) {
    if (width % 4 == 0)
        rows::add_norm_only<4>(sums, sums_scale, weight, eps, width, x, out);
    else
        rows::add_norm_only<1>(sums, sums_scale, weight, eps, width, x, out);
}

#define KERNELS_OF(T)                                                                                                        \
    ROW_KERNEL norm_##T(const float *__restrict__ x, const float *__restrict__ weight, float eps, uint32_t width,            \
                        T *__restrict__ out, float *__restrict__ scale) {                                                    \
        if (width % 4 == 0)                                                                                                  \
            rows::norm<4>(x, weight, eps, width, out, scale);                                                                \
        else                                                                                                                 \
            rows::norm<1>(x, weight, eps, width, out, scale);                                                                \
    }                                                                                                                        \
    ROW_KERNEL add_norm_norm_##T(const float *__restrict__ sums, const float *__restrict__ sums_scale,                       \
                                 const float *__restrict__ weight, float eps, uint32_t width, const float *x,                \
                                 float *out, const float *__restrict__ next_weight, T *__restrict__ next,                    \
                                 float *__restrict__ next_scale) {                                                           \
        if (width % 4 == 0)                                                                                                  \
            rows::add_norm_norm<4>(sums, sums_scale, weight, eps, width, x, out, next_weight, next, next_scale);             \
        else                                                                                                                 \
            rows::add_norm_norm<1>(sums, sums_scale, weight, eps, width, x, out, next_weight, next, next_scale);             \
    }                                                                                                                        \
    ROW_KERNEL_THAT_KEEPS_MUCH gate_##T(const float *__restrict__ gate_up, const float *__restrict__ scale, uint32_t width,  \
                        T *__restrict__ out, float *__restrict__ out_scale) {                                                \
        if (width % 4 == 0)                                                                                                  \
            rows::gate<4>(gate_up, scale, width, out, out_scale);                                                            \
        else                                                                                                                 \
            rows::gate<1>(gate_up, scale, width, out, out_scale);                                                            \
    }                                                                                                                        \
    ROW_KERNEL turn_##T(const float *__restrict__ qkv, const float *__restrict__ scale,                                      \
                        const float *__restrict__ norm_q, const float *__restrict__ norm_k, float eps,                       \
                        const float *__restrict__ cos, const float *__restrict__ sin, uint32_t tokens,                       \
                        uint32_t heads, uint32_t head_dim, T *__restrict__ q, T *__restrict__ k, T *__restrict__ v,          \
                        float *__restrict__ v_scale) {                                                                       \
        rows::turn_row<rows::Neighbours>(qkv, scale, norm_q, norm_k, eps, cos, sin, tokens, heads, heads, head_dim, q,       \
                                         k, v, v_scale);                                                                     \
    }

KERNELS_OF(f16)
KERNELS_OF(bf16)
#endif
