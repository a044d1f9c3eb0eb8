// Weights in blocks of few bits, as ggml has them, made dense in the 16 bits that a product reads: one pass over memory.
//
// A CUDA block copies the bytes of a tile to shared memory, 16 at a time: a block of 34 bytes is aligned to 2. Then each thread
// makes 8 neighbours and writes their 16 bytes at once. launch.rs makes the launch and must agree with the constants.
#include <wide.cuh>

namespace blocks {
constexpr uint32_t THREADS = 256;
// Groups of 8 numbers in a tile.
constexpr uint32_t TILE = 1024;

// ggml's Q8_0: a scale of 16 bits, and 32 numbers of 8.
struct EightBits {
    static constexpr uint32_t EIGHTS = 32 / 8, BYTES = 34;

    // The numbers from 8 · `eight` on. A scale of 11 bits times a number of 8 is exact in f32.
    __device__ static void read(const unsigned char *block, uint32_t eight, float (&x)[8]) {
        const uint16_t *const words = reinterpret_cast<const uint16_t *>(block);
        const float scale = wide(f16{words[0]});
#pragma unroll
        for (uint32_t i = 0; i < 4; i++) {
            const uint32_t both = words[1 + 4 * eight + i];
            x[2 * i] = float(int8_t(both & 255)) * scale;
            x[2 * i + 1] = float(int8_t(both >> 8)) * scale;
        }
    }
};

// ggml's Q4_K: a scale and a shift of 16 bits, a scale and a shift of 6 for each of 8 groups, and 32 numbers of 4 for each group.
// Two groups share 32 bytes: the even one has their lower bits.
struct FourBits {
    static constexpr uint32_t EIGHTS = 256 / 8, BYTES = 144;

    // A scale of 11 bits times one of 6 and a number of 4 is exact in f32: a subtraction that is fused with the product rounds as
    // one that is not.
    __device__ static void read(const unsigned char *block, uint32_t eight, float (&x)[8]) {
        const uint32_t group = eight / 4, places = group % 2 * 4;
        const uint32_t both = *reinterpret_cast<const uint32_t *>(block);
        const unsigned char *const packed = block + 4;
        // The first four groups' lie in 6 bits of a byte each; of the others' the upper 2 lie above those, the lower 4 share a byte.
        uint32_t of_scale = packed[group] & 63, of_shift = packed[group + 4] & 63;
        if (group >= 4) {
            of_scale = (packed[group + 4] & 15) | packed[group - 4] >> 6 << 4;
            of_shift = packed[group + 4] >> 4 | packed[group] >> 6 << 4;
        }
        const float step = wide(f16{uint16_t(both)}) * float(of_scale);
        const float lift = wide(f16{uint16_t(both >> 16)}) * float(of_shift);
        const uint2 bytes = *reinterpret_cast<const uint2 *>(block + 16 + group / 2 * 32 + eight % 4 * 8);
#pragma unroll
        for (uint32_t i = 0; i < 4; i++) {
            x[i] = step * float(bytes.x >> (8 * i + places) & 15) - lift;
            x[4 + i] = step * float(bytes.y >> (8 * i + places) & 15) - lift;
        }
    }
};

// Copies the tile's bytes, an even number of them, and waits for them.
__device__ inline void copy_tile(unsigned char *tile, const unsigned char *from, uint32_t bytes) {
    for (uint32_t at = 16 * threadIdx.x; at + 16 <= bytes; at += 16 * THREADS)
        copy_16_async(tile + at, from + at, true);
    copies_commit();
    // Nothing past the last block is read.
    const uint32_t at = bytes / 16 * 16 + 2 * threadIdx.x;
    if (at < bytes)
        *reinterpret_cast<uint16_t *>(tile + at) = *reinterpret_cast<const uint16_t *>(from + at);
    copies_wait<0>();
    __syncthreads();
}

// Writes those of a row's numbers from `column` on that are inputs. What is too large for f16 becomes infinite.
template <class T> __device__ inline void write(const float (&x)[8], uint32_t column, uint32_t inputs, T *row) {
    if (inputs % 8 == 0) {
        if (column < inputs)
            *reinterpret_cast<uint4 *>(row + column) =
                make_uint4(pack<T>(x[0], x[1]), pack<T>(x[2], x[3]), pack<T>(x[4], x[5]), pack<T>(x[6], x[7]));
        return;
    }
#pragma unroll
    for (uint32_t i = 0; i < 8; i++)
        if (column + i < inputs)
            row[column + i] = narrow<T>(x[i]);
}

template <class Block, class T>
__device__ void dense(const unsigned char *from, uint32_t eights, uint32_t eights_of_row, uint32_t inputs, T *out) {
    constexpr uint32_t TILE_BYTES = TILE / Block::EIGHTS * Block::BYTES;
    __shared__ __align__(16) unsigned char tile[TILE_BYTES];
    const uint32_t first = blockIdx.x * TILE, left = eights - first, here = left < TILE ? left : TILE;
    copy_tile(tile, from + size_t(blockIdx.x) * TILE_BYTES, here / Block::EIGHTS * Block::BYTES);
    for (uint32_t i = threadIdx.x; i < here; i += THREADS) {
        float x[8];
        Block::read(tile + i / Block::EIGHTS * Block::BYTES, i % Block::EIGHTS, x);
        const uint32_t row = (first + i) / eights_of_row, column = (first + i) % eights_of_row * 8;
        write(x, column, inputs, out + size_t(row) * inputs);
    }
}
} // namespace blocks

// What all of a kernel's arguments are is said in launch.rs.
#define BLOCK_KERNEL(name, Block, T)                                                                                         \
    extern "C" __global__ void __launch_bounds__(blocks::THREADS)                                                            \
        dense_##name##_##T(const unsigned char *__restrict__ from, uint32_t eights, uint32_t eights_of_row, uint32_t inputs, \
                           T *__restrict__ out) {                                                                            \
        blocks::dense<blocks::Block, T>(from, eights, eights_of_row, inputs, out);                                           \
    }
BLOCK_KERNEL(8bit, EightBits, f16)
BLOCK_KERNEL(8bit, EightBits, bf16)
BLOCK_KERNEL(4bit, FourBits, f16)
BLOCK_KERNEL(4bit, FourBits, bf16)
