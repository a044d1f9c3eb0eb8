// Numbers of f32: of 16 bits, and on their way into a product of tf32, which takes their first 11 bits.
// Sources: the PTX ISA's chapters on cvt (rna) and mma (m16n8k8). Compute capability 7.5 has no such product, and nobody launches
// one there. tests/cuda_emulator/wide.cuh does the same on a CPU.
#pragma once

#include <primitives.cuh>

__device__ inline float wide(f16 x) { return __half2float(__ushort_as_half(x.bits)); }
__device__ inline float wide(bf16 x) { return __uint_as_float(uint32_t(x.bits) << 16); }
__device__ inline float wide(float x) { return x; }

struct tf32 {
    uint32_t bits;
};

// The nearest number of 11 bits, ties away from 0.
__device__ inline tf32 shorten(float x) {
    uint32_t bits;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
#else
    bits = __float_as_uint(x);
#endif
    return {bits};
}

// d += a·b by a whole warp, a 16 × 8, b 8 × 8, d 16 × 8 in f32. With g = lane / 4 and t = lane % 4, a lane holds
//   a[0]: row g, column t;  a[1]: row g + 8, the same;  a[2]: row g, column t + 4;  a[3]: row g + 8, the same
//   b[0]: row t, column g;  b[1]: row t + 4, the same
//   d: as of 16 bits
// load_matrices loads them as it loads 16 terms of 16 bits: a row's 16 bytes are 4 numbers.
template <>
__device__ inline void multiply_add<tf32>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};\n"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    __trap();
#endif
}
