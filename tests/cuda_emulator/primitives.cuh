// What ../primitives.cuh gives on a card, and what the kernels use of CUDA itself, on a CPU: see host.cpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
// Nothing else here is thread-local, so that host.cpp can tell where all of it is.
#define __shared__ static thread_local

struct uint3 {
    uint32_t x, y, z;
};
struct alignas(8) uint2 {
    uint32_t x, y;
};
struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint2 make_uint2(uint32_t x, uint32_t y) { return {x, y}; }
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

// Of the thread that runs.
extern uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace host {
// Waits for the whole warp, which must be at the same operation; the last to come calls `finish` with what each lane
// posted, and may change it.
void warp(const char *operation, unsigned line, void *posted, void (*finish)(void *const *posted));
void block(unsigned line);
void copy(void *shared, const void *global, bool there);
void commit();
void wait(unsigned groups);
unsigned char *shared_bytes();
// Ends the launch with an error unless 16 aligned bytes of shared memory are there.
void check_shared(const char *operation, const void *address);
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
} // namespace host

inline void __syncthreads(unsigned line = __builtin_LINE()) { host::block(line); }
inline void __syncwarp(unsigned mask = 0xffffffff, unsigned line = __builtin_LINE()) {
    if (mask != 0xffffffff)
        host::fail("line %u: __syncwarp of a part of a warp", line);
    host::warp("__syncwarp", line, nullptr, [](void *const *) {});
}

namespace host {
template <class T> struct Shuffled {
    T value;
    unsigned from;
};
template <class T> T shuffle(const char *operation, unsigned line, unsigned mask, T value, unsigned from) {
    if (mask != 0xffffffff || from > 31)
        fail("line %u: %s of a part of a warp", line, operation);
    Shuffled<T> mine{value, from};
    warp(operation, line, &mine, [](void *const *posted) {
        T values[32];
        for (int lane = 0; lane < 32; lane++)
            values[lane] = static_cast<Shuffled<T> *>(posted[lane])->value;
        for (int lane = 0; lane < 32; lane++) {
            auto *shuffled = static_cast<Shuffled<T> *>(posted[lane]);
            shuffled->value = values[shuffled->from];
        }
    });
    return mine.value;
}
} // namespace host

template <class T> T __shfl_xor_sync(unsigned mask, T value, unsigned change, unsigned line = __builtin_LINE()) {
    return host::shuffle("__shfl_xor_sync", line, mask, value, threadIdx.x % 32 ^ change);
}

inline int __any_sync(unsigned mask, int predicate, unsigned line = __builtin_LINE()) {
    if (mask != 0xffffffff)
        host::fail("line %u: __any_sync of a part of a warp", line);
    host::warp("__any_sync", line, &predicate, [](void *const *posted) {
        int any = 0;
        for (int lane = 0; lane < 32; lane++)
            any |= *static_cast<int *>(posted[lane]) != 0;
        for (int lane = 0; lane < 32; lane++)
            *static_cast<int *>(posted[lane]) = any;
    });
    return predicate;
}

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline uint32_t __float_as_uint(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}
inline float __uint_as_float(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

struct f16 {
    uint16_t bits;
    static constexpr float SAFE = 32768.0f;
};
struct bf16 {
    uint16_t bits;
    static constexpr float SAFE = INFINITY;
};

inline float widen(f16 x) {
    uint32_t sign = (x.bits & 0x8000u) << 16, rest = x.bits & 0x7fffu;
    if (rest >= 0x7c00)
        return __uint_as_float(sign | 0x7f800000 | rest << 13);
    // The exponent's bias is 112 more in 32 bits; as a product it holds for subnormal numbers too.
    return __uint_as_float(sign | __float_as_uint(__uint_as_float(rest << 13) * 0x1p112f));
}
inline float widen(bf16 x) { return __uint_as_float(uint32_t(x.bits) << 16); }

template <class T> T narrow(float x);
template <> inline f16 narrow<f16>(float x) {
    uint32_t bits = __float_as_uint(x), sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return {0x7fff};
    // From 65520 on, half way to the number after the last.
    if (bits >= 0x477ff000)
        return {uint16_t(sign | 0x7c00)};
    // Subnormal: the sum with ½ is rounded to a multiple of 2⁻²⁴.
    if (bits < 0x38800000)
        return {uint16_t(sign | (__float_as_uint(__uint_as_float(bits) + 0.5f) - 0x3f000000))};
    return {uint16_t(sign | (bits + 0xfff + (bits >> 13 & 1) - 0x38000000) >> 13)};
}
template <> inline bf16 narrow<bf16>(float x) {
    uint32_t bits = __float_as_uint(x);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return {0x7fff};
    return {uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <class T> inline uint32_t pack(float first, float second) {
    return uint32_t(narrow<T>(first).bits) | uint32_t(narrow<T>(second).bits) << 16;
}

inline float power_of_two(float x) {
    float y = std::exp2(x);
    return y < 0x1p-126f ? 0.0f : y;
}

#define SHARED_BYTES(name) unsigned char *name = host::shared_bytes()

inline void copy_16_async(void *shared, const void *global, bool there) { host::copy(shared, global, there); }
inline void copies_commit() { host::commit(); }
template <int GROUPS> inline void copies_wait() { host::wait(GROUPS); }

namespace host {
struct Rows {
    const void *row;
    uint32_t *r;
};
template <bool TRANSPOSED> void load(void *const *posted) {
    for (int matrix = 0; matrix < 4; matrix++) {
        uint16_t m[8][8];
        for (int row = 0; row < 8; row++)
            std::memcpy(m[row], static_cast<Rows *>(posted[8 * matrix + row])->row, 16);
        for (int lane = 0; lane < 32; lane++) {
            int g = lane / 4, t = 2 * (lane % 4);
            uint32_t low = TRANSPOSED ? m[t][g] : m[g][t], high = TRANSPOSED ? m[t + 1][g] : m[g][t + 1];
            static_cast<Rows *>(posted[lane])->r[matrix] = low | high << 16;
        }
    }
}

struct Factors {
    float *d;
    const uint32_t *a, *b;
};
// Most of the time goes here: it has no checks, so that the compiler can use vectors.
__attribute__((no_sanitize("undefined"))) inline void add_products(float (&sums)[16][8], const float (&a)[16][16],
                                                                   const float (&b)[16][8]) {
    for (int row = 0; row < 16; row++)
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < 8; column++)
                sums[row][column] += a[row][k] * b[k][column];
}

template <class T> void multiply(void *const *posted) {
    float a[16][16], b[16][8], sums[16][8] = {};
    auto half = [](uint32_t pair, int which) { return widen(T{uint16_t(pair >> 16 * which)}); };
    for (int lane = 0; lane < 32; lane++) {
        auto *from = static_cast<Factors *>(posted[lane]);
        int g = lane / 4, t = 2 * (lane % 4);
        for (int i = 0; i < 2; i++) {
            a[g][t + i] = half(from->a[0], i);
            a[g + 8][t + i] = half(from->a[1], i);
            a[g][t + 8 + i] = half(from->a[2], i);
            a[g + 8][t + 8 + i] = half(from->a[3], i);
            b[t + i][g] = half(from->b[0], i);
            b[t + 8 + i][g] = half(from->b[1], i);
        }
    }
    add_products(sums, a, b);
    for (int lane = 0; lane < 32; lane++) {
        float *d = static_cast<Factors *>(posted[lane])->d;
        for (int i = 0; i < 4; i++)
            d[i] += sums[lane / 4 + i / 2 * 8][2 * (lane % 4) + i % 2];
    }
}
} // namespace host

inline void load_matrices(uint32_t (&r)[4], const void *row, unsigned line = __builtin_LINE()) {
    host::check_shared("load_matrices", row);
    host::Rows mine{row, r};
    host::warp("load_matrices", line, &mine, host::load<false>);
}
inline void load_matrices_transposed(uint32_t (&r)[4], const void *row, unsigned line = __builtin_LINE()) {
    host::check_shared("load_matrices_transposed", row);
    host::Rows mine{row, r};
    host::warp("load_matrices_transposed", line, &mine, host::load<true>);
}
template <class T>
void multiply_add(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], unsigned line = __builtin_LINE()) {
    host::Factors mine{d, a, b};
    host::warp("multiply_add", line, &mine, host::multiply<T>);
}
