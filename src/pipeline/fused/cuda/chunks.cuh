// Numbers that are read and written several at a time, and what a warp's numbers have in common.
#pragma once

#include <primitives.cuh>

namespace chunks {
constexpr int LANES = 32;
constexpr unsigned WHOLE_WARP = 0xffffffff;

// `N` neighbours: 4 where what they belong to allows, or 1.
template <int N> struct Chunk {
    float at[N];
};

template <int N> __device__ inline Chunk<N> read(const float *from, uint32_t i) {
    if constexpr (N == 4) {
        float4 x = reinterpret_cast<const float4 *>(from)[i];
        return {{x.x, x.y, x.z, x.w}};
    } else {
        return {{from[i]}};
    }
}

template <int N> __device__ inline void write(float *to, uint32_t i, const Chunk<N> &x) {
    if constexpr (N == 4)
        reinterpret_cast<float4 *>(to)[i] = make_float4(x.at[0], x.at[1], x.at[2], x.at[3]);
    else
        to[i] = x.at[0];
}

__device__ inline float warp_sum(float x) {
    for (int step = LANES / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(WHOLE_WARP, x, step);
    return x;
}

// The largest number; NaN only where there is nothing else.
__device__ inline float warp_max(float x) {
    for (int step = LANES / 2; step > 0; step /= 2)
        x = fmaxf(x, __shfl_xor_sync(WHOLE_WARP, x, step));
    return x;
}
} // namespace chunks
