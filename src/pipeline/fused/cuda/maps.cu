// Group norm (Wu and He, arXiv 1803.08494) over maps [batch, channels, places] of f32 or bf16, with SiLU behind it;
// sums are f32.
//
// A group's numbers lie together. A block has a slice of them, which it keeps in registers: its moments are about its own mean,
// and slices are merged by Chan's formulas, so that no sum loses its digits, whatever the map's size and its distance from 0.
#include "chunks.cuh"

namespace maps {
using namespace chunks;
using chunks::read;
using chunks::write;
constexpr int WARPS = 8;
constexpr int THREADS = LANES * WARPS;
// Numbers of a block. launch.rs counts slices by it.
constexpr uint32_t SLICE = 8192;

struct Moments {
    float count, mean;
    // Squares of the distances from the mean, added up.
    float squares;
};

// Of both together (Chan, Golub and LeVeque, 1979).
__device__ inline Moments merged(const Moments &a, const Moments &b) {
    float count = a.count + b.count;
    if (count == 0.0f)
        return a;
    float delta = b.mean - a.mean, share = b.count / count;
    return {count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
}

// Of the whole block. A kernel that asks more than once gives other memory each time.
__device__ inline float block_sum(float mine, float (&shared)[WARPS]) {
    mine = warp_sum(mine);
    if (threadIdx.x % LANES == 0)
        shared[threadIdx.x / LANES] = mine;
    __syncthreads();
    float sum = shared[0];
    for (int warp = 1; warp < WARPS; warp++)
        sum += shared[warp];
    return sum;
}

// The two bf16 of a register: one is an f32's upper half.
__device__ inline float low(uint32_t both) { return __uint_as_float(both << 16); }
__device__ inline float high(uint32_t both) { return __uint_as_float(both & 0xffff0000); }

template <int N> __device__ inline Chunk<N> read(const bf16 *slice, uint32_t i) {
    if constexpr (N == 4) {
        uint2 x = reinterpret_cast<const uint2 *>(slice)[i];
        return {{low(x.x), high(x.x), low(x.y), high(x.y)}};
    } else {
        return {{__uint_as_float(uint32_t(slice[i].bits) << 16)}};
    }
}

template <int N> __device__ inline void write(bf16 *slice, uint32_t i, const Chunk<N> &x) {
    if constexpr (N == 4)
        reinterpret_cast<uint2 *>(slice)[i] =
            make_uint2(pack<bf16>(x.at[0], x.at[1]), pack<bf16>(x.at[2], x.at[3]));
    else
        slice[i] = narrow<bf16>(x.at[0]);
}

// Numbers of this block's slice of a group of `size`.
__device__ inline uint32_t slice_size(uint32_t size) {
    uint32_t left = size - blockIdx.x * SLICE;
    return left < SLICE ? left : SLICE;
}

template <int N, class T> __device__ void moments(const T *x, uint32_t size, float *out) {
    constexpr int KEPT = SLICE / THREADS / N;
    __shared__ float sums[WARPS], squares[WARPS];
    x += size_t(blockIdx.y) * size + blockIdx.x * SLICE;
    uint32_t count = slice_size(size) / N;
    Chunk<N> kept[KEPT];
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < KEPT; k++) {
        uint32_t i = threadIdx.x + k * THREADS;
        if (i >= count)
            continue;
        kept[k] = read<N>(x, i);
        for (int j = 0; j < N; j++)
            sum += kept[k].at[j];
    }
    float mean = block_sum(sum, sums) / float(count * N), mine = 0.0f;
#pragma unroll
    for (int k = 0; k < KEPT; k++) {
        if (threadIdx.x + k * THREADS >= count)
            continue;
        for (int j = 0; j < N; j++)
            mine += (kept[k].at[j] - mean) * (kept[k].at[j] - mean);
    }
    mine = block_sum(mine, squares);
    if (threadIdx.x == 0) {
        size_t slice = size_t(blockIdx.y) * gridDim.x + blockIdx.x;
        out[2 * slice] = mean;
        out[2 * slice + 1] = mine;
    }
}

template <int N, class T>
__device__ void norm(const T *x, const float *moments, float count_of_moments, uint32_t size, const float *weight,
                     const float *bias, float eps, uint32_t groups, uint32_t places, uint32_t with_silu, T *out) {
    size_t start = size_t(blockIdx.y) * size + blockIdx.x * SLICE;
    uint32_t count = slice_size(size) / N, first_channel = blockIdx.y % groups * (size / places);
    float mean = moments[2 * blockIdx.y];
    float inverse = rsqrtf(moments[2 * blockIdx.y + 1] / count_of_moments + eps);
    for (uint32_t i = threadIdx.x; i < count; i += THREADS) {
        // A chunk is of one channel: 4 numbers are taken at a time only if 4 divides the places.
        uint32_t channel = first_channel + (blockIdx.x * SLICE + i * N) / places;
        float factor = weight[channel] * inverse, shift = bias[channel];
        Chunk<N> chunk = read<N>(x + start, i);
        for (int j = 0; j < N; j++) {
            float y = (chunk.at[j] - mean) * factor + shift;
            chunk.at[j] = with_silu ? y / (1.0f + __expf(-y)) : y;
        }
        write<N>(out + start, i, chunk);
    }
}
} // namespace maps

// What all of a kernel's arguments are is said in launch.rs.
#define MAP_KERNEL extern "C" __global__ void __launch_bounds__(maps::THREADS)

MAP_KERNEL merge_moments(const float *__restrict__ of_slices, uint32_t size, uint32_t slices, float *__restrict__ out) {
    using namespace maps;
    __shared__ Moments of_warps[WARPS];
    of_slices += 2 * size_t(blockIdx.x) * slices;
    Moments mine{};
    for (uint32_t i = threadIdx.x; i < slices; i += THREADS) {
        uint32_t left = size - i * SLICE;
        mine = merged(mine, {float(left < SLICE ? left : SLICE), of_slices[2 * i], of_slices[2 * i + 1]});
    }
    for (int step = LANES / 2; step > 0; step /= 2) {
        Moments other = {__shfl_xor_sync(WHOLE_WARP, mine.count, step), __shfl_xor_sync(WHOLE_WARP, mine.mean, step),
                         __shfl_xor_sync(WHOLE_WARP, mine.squares, step)};
        mine = merged(mine, other);
    }
    if (threadIdx.x % LANES == 0)
        of_warps[threadIdx.x / LANES] = mine;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int warp = 1; warp < WARPS; warp++)
            mine = merged(mine, of_warps[warp]);
        out[2 * blockIdx.x] = mine.mean;
        out[2 * blockIdx.x + 1] = mine.squares;
    }
}

#define KERNELS_OF(name, T)                                                                                                  \
    MAP_KERNEL group_moments_##name(const T *__restrict__ x, uint32_t size, float *__restrict__ moments) {                   \
        if (size % 4 == 0)                                                                                                   \
            maps::moments<4>(x, size, moments);                                                                              \
        else                                                                                                                 \
            maps::moments<1>(x, size, moments);                                                                              \
    }                                                                                                                        \
    MAP_KERNEL group_norm_##name(const T *__restrict__ x, const float *__restrict__ moments, float count_of_moments,         \
                                 uint32_t size, const float *__restrict__ weight, const float *__restrict__ bias, float eps, \
                                 uint32_t groups, uint32_t places, uint32_t with_silu, T *__restrict__ out) {                \
        if (places % 4 == 0)                                                                                                 \
            maps::norm<4>(x, moments, count_of_moments, size, weight, bias, eps, groups, places, with_silu, out);            \
        else                                                                                                                 \
            maps::norm<1>(x, moments, count_of_moments, size, weight, bias, eps, groups, places, with_silu, out);            \
    }

KERNELS_OF(f32, float)
KERNELS_OF(bf16, bf16)
