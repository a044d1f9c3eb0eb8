// What src/pipeline/fused/cuda/wide.cuh gives on a card, on a CPU.
#pragma once

#include "primitives.cuh"

inline float wide(f16 x) { return widen(x); }
inline float wide(bf16 x) { return widen(x); }
inline float wide(float x) { return x; }

struct tf32 {
    uint32_t bits;
};

inline tf32 shorten(float x) {
    uint32_t bits = __float_as_uint(x);
    // What is not finite has no digits to round.
    return {(bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0x1000) & ~0x1fffu};
}

namespace host {
// The digits past tf32's are not read: whoever wants them rounded does it before.
inline void multiply_tf32(void *const *posted) {
    float a[16][8], b[8][8];
    auto number = [](uint32_t bits) { return __uint_as_float(bits & ~0x1fffu); };
    for (int lane = 0; lane < 32; lane++) {
        auto *from = static_cast<Factors *>(posted[lane]);
        int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++)
            a[g + i % 2 * 8][t + i / 2 * 4] = number(from->a[i]);
        b[t][g] = number(from->b[0]);
        b[t + 4][g] = number(from->b[1]);
    }
    for (int lane = 0; lane < 32; lane++) {
        float *d = static_cast<Factors *>(posted[lane])->d;
        for (int i = 0; i < 4; i++) {
            float sum = 0.0f;
            for (int k = 0; k < 8; k++)
                sum += a[lane / 4 + i / 2 * 8][k] * b[k][2 * (lane % 4) + i % 2];
            d[i] += sum;
        }
    }
}
} // namespace host

template <>
inline void multiply_add<tf32>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], unsigned line) {
    host::Factors mine{d, a, b};
    host::warp("multiply_add", line, &mine, host::multiply_tf32);
}
