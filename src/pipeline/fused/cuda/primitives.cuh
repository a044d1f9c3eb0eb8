// What the kernels need of the card beside plain CUDA C++: 16-bit numbers, asynchronous copies, and the tensor cores' product.
// Sources: the PTX ISA's chapters on ldmatrix, mma (m16n8k16) and cp.async. Compute capability 8.0 and newer; 7.5 has no
// asynchronous copies, half the depth of a product, and no bf16 product, so no kernel with one is launched there.
//
// tests/cuda_emulator/primitives.cuh does the same on a CPU, so that the kernels run there, unchanged, in tests.
#pragma once

#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

// Whether the card has asynchronous copies, packing in one instruction, and products of either kind of 16 bits.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define HAS_AMPERE 1
#else
#define HAS_AMPERE 0
#endif

// 16-bit numbers as they lie in memory.
struct f16 {
    uint16_t bits;
    // Beyond this, x is not narrowed as it is. Half of the largest number.
    static constexpr float SAFE = 32768.0f;
};
struct bf16 {
    uint16_t bits;
    static constexpr float SAFE = INFINITY;
};

// The nearest 16-bit number, ties to even.
template <class T> __device__ T narrow(float x);
template <> __device__ inline f16 narrow<f16>(float x) { return {__half_as_ushort(__float2half_rn(x))}; }
template <> __device__ inline bf16 narrow<bf16>(float x) { return {__bfloat16_as_ushort(__float2bfloat16_rn(x))}; }

// Two numbers in a register, the first in its low half.
template <class T> __device__ uint32_t pack(float first, float second);
#if HAS_AMPERE
template <> __device__ inline uint32_t pack<f16>(float first, float second) {
    uint32_t both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    return both;
}
template <> __device__ inline uint32_t pack<bf16>(float first, float second) {
    uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    return both;
}
#else
template <class T> __device__ inline uint32_t pack(float first, float second) {
    return uint32_t(narrow<T>(first).bits) | uint32_t(narrow<T>(second).bits) << 16;
}
#endif

// 2^x in one instruction, to 2 ulp; 0 below 2^-126.
__device__ inline float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Shared memory whose size the launch gives, aligned to 16 bytes.
#define SHARED_BYTES(name) extern __shared__ __align__(16) unsigned char name[]

// Begins to copy 16 bytes from global to shared memory, both aligned to 16; zeros where there is nothing. It may end at once:
// nobody may read what was there any more.
__device__ inline void copy_16_async(void *shared, const void *global, bool there) {
#if HAS_AMPERE
    uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(address), "l"(global), "r"(there ? 16 : 0)
                 : "memory");
#else
    *static_cast<uint4 *>(shared) = there ? *static_cast<const uint4 *>(global) : make_uint4(0, 0, 0, 0);
#endif
}
// Makes a group of the thread's copies since the last one.
__device__ inline void copies_commit() {
#if HAS_AMPERE
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}
// Waits until at most `GROUPS` of the thread's groups are still on their way. Others see them after __syncthreads.
template <int GROUPS> __device__ inline void copies_wait() {
#if HAS_AMPERE
    asm volatile("cp.async.wait_group %0;\n" ::"n"(GROUPS) : "memory");
#endif
}

// Four 8 × 8 matrices of 16-bit numbers from shared memory, by a whole warp: lanes 8i to 8i + 7 give the addresses of the
// rows of matrix i (16 bytes each, aligned). Register i of lane l holds row l / 4, columns 2 (l % 4) and the next, of it.
__device__ inline void load_matrices(uint32_t (&r)[4], const void *row) {
    uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}
// The same of the transposed matrices: register i of lane l holds rows 2 (l % 4) and the next, column l / 4.
__device__ inline void load_matrices_transposed(uint32_t (&r)[4], const void *row) {
    uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// d += a·b by a whole warp, a 16 × 16, b 16 × 8, d 16 × 8 in f32. With g = lane / 4 and t = lane % 4, a lane holds
//   a[0]: row g, columns 2t and 2t + 1;  a[1]: row g + 8, the same;  a[2]: row g, columns 2t + 8 and the next;
//   a[3]: row g + 8, the same
//   b[0]: rows 2t and 2t + 1, column g;  b[1]: rows 2t + 8 and the next, column g
//   d[0], d[1]: row g, columns 2t and 2t + 1;  d[2], d[3]: row g + 8, the same
template <class T> __device__ void multiply_add(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
#if HAS_AMPERE
template <>
__device__ inline void multiply_add<f16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};\n"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <>
__device__ inline void multiply_add<bf16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};\n"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
// Two products of half the depth: a's first and last eight columns, b's first and last eight rows.
template <>
__device__ inline void multiply_add<f16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    for (int half = 0; half < 2; half++)
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
                     "{%0, %1, %2, %3};\n"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
}
// Nobody launches it: weights of bf16 are refused on such a card.
template <>
__device__ inline void multiply_add<bf16>(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2]) {
    __trap();
}
#endif
