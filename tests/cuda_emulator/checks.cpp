// Kernels that show the emulator at work: faults that it must find, and products that it must get right.
#include "primitives.cuh"
#include "registry.h"

// Every thread reads what the thread across the block wrote.
template <bool WAITS> static void across(float *out) {
    __shared__ float values[64];
    values[threadIdx.x] = float(threadIdx.x);
    if (WAITS)
        __syncthreads();
    out[threadIdx.x] = values[63 - threadIdx.x];
}
static void across_waiting(float *out) { across<true>(out); }
static void across_not_waiting(float *out) { across<false>(out); }
KERNEL(across_waiting);
KERNEL(across_not_waiting);

// Every thread copies 16 bytes and reads them.
template <int GROUPS> static void copied(const float *x, float *out) {
    SHARED_BYTES(bytes);
    auto *values = reinterpret_cast<float4 *>(bytes);
    copy_16_async(&values[threadIdx.x], x + 4 * threadIdx.x, threadIdx.x % 2 == 0);
    copies_commit();
    copies_wait<GROUPS>();
    reinterpret_cast<float4 *>(out)[threadIdx.x] = values[threadIdx.x];
}
static void copied_waiting(const float *x, float *out) { copied<0>(x, out); }
static void copied_not_waiting(const float *x, float *out) { copied<1>(x, out); }
KERNEL(copied_waiting);
KERNEL(copied_not_waiting);

static void half_of_the_block_waits(float *) {
    if (threadIdx.x < 32)
        __syncthreads();
}
static void half_of_a_warp_shuffles(float *out) {
    if (threadIdx.x % 2)
        out[0] = __shfl_xor_sync(0xffffffff, 1.0f, 2);
}
static void a_warp_does_two_things(float *) {
    if (threadIdx.x % 2)
        __syncwarp();
    else
        __shfl_xor_sync(0xffffffff, 1.0f, 2);
}
static void writes_past_shared_memory(float *) {
    SHARED_BYTES(bytes);
    bytes[4 * threadIdx.x + 4] = 1;
}
static void reads_past_shared_memory(float *) {
    SHARED_BYTES(bytes);
    uint32_t r[4];
    load_matrices(r, bytes + 16 * threadIdx.x + 16);
}
static void writes_past_its_row(float *out) { out[threadIdx.x + 1] = 1.0f; }
static void reads_what_is_not_aligned(const float *x, float *out) {
    reinterpret_cast<float4 *>(out)[threadIdx.x] = *reinterpret_cast<const float4 *>(x + threadIdx.x);
}
static void writes_past_an_array(float *out) {
    __shared__ float values[63];
    values[threadIdx.x] = 1.0f;
    out[threadIdx.x] = values[threadIdx.x];
}
KERNEL(reads_what_is_not_aligned);
KERNEL(writes_past_an_array);
KERNEL(half_of_the_block_waits);
KERNEL(half_of_a_warp_shuffles);
KERNEL(a_warp_does_two_things);
KERNEL(writes_past_shared_memory);
KERNEL(reads_past_shared_memory);
KERNEL(writes_past_its_row);

// out [16, 8] = a [16, 16] · b, with b [8, 16] by rows of its transpose, or [16, 8]. One warp.
template <class T, bool TRANSPOSED> static void product(const T *a, const T *b, float *out) {
    __shared__ __align__(16) T left[16 * 16];
    __shared__ __align__(16) T right[16 * 8];
    unsigned lane = threadIdx.x;
    for (int i = lane; i < 256; i += 32)
        left[i] = a[i];
    for (int i = lane; i < 128; i += 32)
        right[i] = b[i];
    __syncthreads();
    uint32_t x[4], y[4];
    load_matrices(x, left + lane % 16 * 16 + lane / 16 * 8);
    unsigned i = lane % 16;
    if (TRANSPOSED)
        load_matrices_transposed(y, right + i * 8);
    else
        load_matrices(y, right + i % 8 * 16 + i / 8 * 8);
    float d[4] = {};
    multiply_add<T>(d, x, {y[0], y[1]});
    for (int i = 0; i < 4; i++)
        out[(lane / 4 + i / 2 * 8) * 8 + 2 * (lane % 4) + i % 2] = d[i];
}
static void product_f16(const f16 *a, const f16 *b, float *out) { product<f16, false>(a, b, out); }
static void product_bf16(const bf16 *a, const bf16 *b, float *out) { product<bf16, false>(a, b, out); }
static void product_transposed_f16(const f16 *a, const f16 *b, float *out) { product<f16, true>(a, b, out); }
static void product_transposed_bf16(const bf16 *a, const bf16 *b, float *out) { product<bf16, true>(a, b, out); }
KERNEL(product_f16);
KERNEL(product_bf16);
KERNEL(product_transposed_f16);
KERNEL(product_transposed_bf16);

template <class T> static void converted(const float *x, uint32_t count, T *narrowed, T *packed, float *widened) {
    for (uint32_t i = threadIdx.x; i < count; i += blockDim.x) {
        narrowed[i] = narrow<T>(x[i]);
        packed[i].bits = uint16_t(pack<T>(0.0f, x[i]) >> 16);
        widened[i] = widen(narrowed[i]);
    }
}
static void converted_f16(const float *x, uint32_t count, f16 *narrowed, f16 *packed, float *widened) {
    converted(x, count, narrowed, packed, widened);
}
static void converted_bf16(const float *x, uint32_t count, bf16 *narrowed, bf16 *packed, float *widened) {
    converted(x, count, narrowed, packed, widened);
}
KERNEL(converted_f16);
KERNEL(converted_bf16);
