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
        rows::turn_row<rows::Halves>(qkv, scale, norm_q, norm_k, eps, cos, sin, tokens, heads, key_heads, head_dim, q,       \
                                     k, v, v_scale);                                                                         \
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
