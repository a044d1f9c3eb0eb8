// What the text encoder has that the transformer's blocks do not: norms before its layers and not behind them, heads whose halves
// are turned, and attention that looks back, with fewer heads of keys than of queries.
#define WITHOUT_KERNELS
#include "attention.cu"
#include "rows.cu"

namespace prompt {
using namespace rows;

// Chunk i of sums · scale and what was there before.
template <int N>
__device__ inline Chunk<N> added(const float *sums, float scale, const float *before, uint32_t i) {
    Chunk<N> x = read<N>(before, i), sum = read<N>(sums, i);
    for (int j = 0; j < N; j++)
        x.at[j] += sum.at[j] * scale;
    return x;
}

template <int N>
__device__ void add(const float *sums, float scale, uint32_t width, const float *x, float *out) {
    for (uint32_t i = threadIdx.x; i < width / N; i += THREADS)
        write<N>(out, i, added<N>(sums, scale, x, i));
}

// out = x + sums · scale, and its norm. Where `out` is `x`, what registers do not hold is read from there.
template <int N, class T>
__device__ void add_then_norm(const float *sums, float scale, const float *weight, float eps, uint32_t width,
                              const float *x, float *out, T *next, float *next_scale) {
    __shared__ Extent shared[WARPS];
    Row<N, KEPT_OF_NORMS> row(width);
    Extent mine{};
    row.first([=](uint32_t i) { return added<N>(sums, scale, x, i); },
              [&](uint32_t i, const Chunk<N> &x) {
                  write<N>(out, i, x);
                  extend(mine, x, read<N>(weight, i));
              });
    Extent whole = block_extent(mine, shared);
    auto make = [=](uint32_t i) { return read<N>(out, i); };
    write_norm(row, make, weight, inverse_deviation(whole.sum, width, eps), whole.largest, next, next_scale);
}

// Norms one head of sums and turns its pairs, of which the second halves hold the second numbers. By a whole warp.
template <class T>
__device__ inline void turn_halves(const float *sums, float scale, const float *weight, float eps, const float *cos,
                                   const float *sin, uint32_t head_dim, T *out) {
    uint32_t lane = threadIdx.x % LANES, pairs = head_dim / 2;
    float2 x[PAIRS];
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
        uint32_t pair = lane + k * LANES;
        x[k] = pair < pairs ? make_float2(sums[pair] * scale, sums[pairs + pair] * scale) : make_float2(0.0f, 0.0f);
        sum += x[k].x * x[k].x + x[k].y * x[k].y;
    }
    float inverse = inverse_deviation(warp_sum(sum), head_dim, eps);
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
        uint32_t pair = lane + k * LANES;
        if (pair >= pairs)
            continue;
        float first = x[k].x * inverse * weight[pair], second = x[k].y * inverse * weight[pairs + pair];
        out[pair] = narrow<T>(first * cos[pair] - second * sin[pair]);
        out[pairs + pair] = narrow<T>(first * sin[pair] + second * cos[pair]);
    }
}

template <int N, class T>
__device__ void turn(const float *qkv, float scale, const float *norm_q, const float *norm_k, float eps,
                     const float *cos, const float *sin, uint32_t heads, uint32_t key_heads, uint32_t head_dim, T *q,
                     T *k, T *v, float *v_scale) {
    uint32_t turned = heads + key_heads;
    for (uint32_t head = threadIdx.x / LANES; head < turned; head += WARPS) {
        bool is_q = head < heads;
        T *out = is_q ? q + head * head_dim : k + (head - heads) * head_dim;
        turn_halves(qkv + head * head_dim, scale, is_q ? norm_q : norm_k, eps, cos, sin, head_dim, out);
    }
    auto make = [=](uint32_t i) {
        Chunk<N> x = read<N>(qkv + turned * head_dim, i);
        for (int j = 0; j < N; j++)
            x.at[j] *= scale;
        return x;
    };
    narrow_row<N, KEPT_OF_NORMS>(key_heads * head_dim, make, v, v_scale);
}

} // namespace prompt

// What all of a kernel's arguments are is said in launch.rs.
#define PROMPT_KERNEL extern "C" __global__ void __launch_bounds__(rows::THREADS)

PROMPT_KERNEL add(const float *__restrict__ sums, const float *__restrict__ sums_scale, uint32_t width, const float *x,
                  float *out) {
    uint32_t row = blockIdx.x;
    size_t start = size_t(row) * width;
    if (width % 4 == 0)
        prompt::add<4>(sums + start, sums_scale[row], width, x + start, out + start);
    else
        prompt::add<1>(sums + start, sums_scale[row], width, x + start, out + start);
}

#define KERNELS_OF_PROMPTS(T)                                                                                                \
    PROMPT_KERNEL add_then_norm_##T(const float *__restrict__ sums, const float *__restrict__ sums_scale,                    \
                                    const float *__restrict__ weight, float eps, uint32_t width, const float *x,             \
                                    float *out, T *__restrict__ next, float *__restrict__ next_scale) {                      \
        uint32_t row = blockIdx.x;                                                                                           \
        size_t start = size_t(row) * width;                                                                                  \
        if (width % 4 == 0)                                                                                                  \
            prompt::add_then_norm<4>(sums + start, sums_scale[row], weight, eps, width, x + start, out + start,              \
                                     next + start, next_scale + row);                                                        \
        else                                                                                                                 \
            prompt::add_then_norm<1>(sums + start, sums_scale[row], weight, eps, width, x + start, out + start,              \
                                     next + start, next_scale + row);                                                        \
    }                                                                                                                        \
    PROMPT_KERNEL turn_halves_##T(const float *__restrict__ qkv, const float *__restrict__ scale,                            \
                                  const float *__restrict__ norm_q, const float *__restrict__ norm_k, float eps,             \
                                  const float *__restrict__ cos, const float *__restrict__ sin, uint32_t tokens,             \
                                  uint32_t heads, uint32_t key_heads, uint32_t head_dim, T *__restrict__ q,                  \
                                  T *__restrict__ k, T *__restrict__ v, float *__restrict__ v_scale) {                       \
        uint32_t row = blockIdx.x, width = heads * head_dim, key_width = key_heads * head_dim;                               \
        size_t angles = size_t(row % tokens) * (head_dim / 2), start = size_t(row) * width;                                  \
        size_t key_start = size_t(row) * key_width, all = start + 2 * key_start;                                             \
        if (width % 4 == 0 && key_width % 4 == 0)                                                                            \
            prompt::turn<4>(qkv + all, scale[row], norm_q, norm_k, eps, cos + angles, sin + angles, heads, key_heads,        \
                            head_dim, q + start, k + key_start, v + key_start, v_scale + row);                               \
        else                                                                                                                 \
            prompt::turn<1>(qkv + all, scale[row], norm_q, norm_k, eps, cos + angles, sin + angles, heads, key_heads,        \
                            head_dim, q + start, k + key_start, v + key_start, v_scale + row);                               \
    }

KERNELS_OF_PROMPTS(f16)
KERNELS_OF_PROMPTS(bf16)

#define LOOK_BACK(type, d)                                                                                                   \
    extern "C" __global__ void __launch_bounds__(attention::THREADS, 2)                                                      \
        look_back_##type##_##d(const type *__restrict__ q, const type *__restrict__ k, const type *__restrict__ v,           \
                               const float *__restrict__ v_scale, uint32_t tokens, uint32_t heads, uint32_t key_heads,       \
                               float factor, type *__restrict__ out, float *__restrict__ out_scale) {                        \
        attention::attend<type, d, true>(q, k, v, v_scale, tokens, heads, key_heads, factor, out, out_scale);                \
    }
LOOK_BACK(f16, 64)
LOOK_BACK(f16, 128)
LOOK_BACK(bf16, 64)
LOOK_BACK(bf16, 128)
