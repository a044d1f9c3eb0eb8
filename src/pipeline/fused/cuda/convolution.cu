// Convolutions over maps [batch, channels, height, width] whose output is as large as their input, twice as large or half as
// large, as products (implicit GEMM, Chetlur et al., arXiv 1410.0759): no term of a sum is ever in global memory.
//
// A block has the outputs of a tile of places: OUTPUTS channels of it. It goes through the inputs, 32 bytes of channels at a
// time. What the tile is made of lies in shared memory with a place's channels side by side, so
// that each of the nine taps reads the same bytes from another place on; a doubled map is its source, read at half the index.
// While one kernel row is multiplied, the next row's weights come by asynchronous copies and the next channels through registers,
// which turn them. launch.rs makes the launch and must agree with the constants; convolution.rs orders the weights.
#include <wide.cuh>

namespace convolution {
constexpr uint32_t LANES = 32;
constexpr uint32_t THREADS = 256;

// A map's number. The products of f32 are f32's, to the last bit, or those of its first 11 bits.
template <class T> struct Memory {
    using Number = T;
};
template <> struct Memory<tf32> {
    using Number = float;
};

template <class T, uint32_t KERNEL_, uint32_t STRIDE_, uint32_t OUTPUTS_> struct Shape {
    using Type = T;
    using Number = typename Memory<T>::Number;
    static constexpr uint32_t KERNEL = KERNEL_, STRIDE = STRIDE_, OUTPUTS = OUTPUTS_;
    // Zeros to the left and above. A halving has its zeros to the right and below.
    static constexpr uint32_t PADDING = KERNEL == 3 && STRIDE == 1;
    // Channels at a time: columns of 16 bytes.
    static constexpr uint32_t NUMBERS = 16 / sizeof(Number);
    static constexpr uint32_t COLUMNS = 2;
    static constexpr uint32_t DEPTH = NUMBERS * COLUMNS;
    // The tile, and the source that it is made of.
    static constexpr uint32_t WIDTH = STRIDE == 1 ? 16 : 8, HEIGHT = 8, PLACES = WIDTH * HEIGHT;
    static constexpr uint32_t SOURCE_WIDTH = (WIDTH - 1) * STRIDE + KERNEL;
    static constexpr uint32_t SOURCES = SOURCE_WIDTH * ((HEIGHT - 1) * STRIDE + KERNEL);
    static constexpr uint32_t SOURCE_BYTES = 16 * COLUMNS * SOURCES;
    // Of a kernel row.
    static constexpr uint32_t WEIGHT_BYTES = 16 * COLUMNS * KERNEL * OUTPUTS;
    // How often each thread fetches a column of a place, in all and for each kernel row.
    static constexpr uint32_t ROUNDS = (SOURCES * COLUMNS + THREADS - 1) / THREADS;
    static constexpr uint32_t ROW_ROUNDS = (ROUNDS + KERNEL - 1) / KERNEL;

    // The first source of a place of the tile.
    __device__ static uint32_t source(uint32_t place) {
        return place / WIDTH * STRIDE * SOURCE_WIDTH + place % WIDTH * STRIDE;
    }
    // Where 16 bytes lie, of what has a row a place or an output. Eight rows' same column never share a bank.
    __device__ static uint32_t at(uint32_t row, uint32_t column) {
        return 16 * (row * COLUMNS + (column ^ (row / (8 / COLUMNS) & (COLUMNS - 1))));
    }
};

// The input, and how its places count: 1 if it is to be doubled, or 0.
struct Maps {
    uint32_t inputs, outputs, height, width, doubled;
    template <class S> __device__ uint32_t out_height() const { return (height << doubled) / S::STRIDE; }
    template <class S> __device__ uint32_t out_width() const { return (width << doubled) / S::STRIDE; }
};

// What of the output a block has.
template <class S> struct Tile {
    uint32_t first_output, y, x;
    __device__ explicit Tile(const Maps &maps) {
        uint32_t blocks = (maps.outputs + S::OUTPUTS - 1) / S::OUTPUTS;
        first_output = blockIdx.x % blocks * S::OUTPUTS;
        y = blockIdx.y * S::HEIGHT;
        x = blockIdx.x / blocks * S::WIDTH;
    }
};

// A column of a place on its way to shared memory.
template <class S> using Column = typename S::Number[S::NUMBERS];

// Zeros where there is nothing.
template <class S>
__device__ inline void fetch(Column<S> &column, const typename S::Number *input, const Maps &maps, const Tile<S> &tile,
                             uint32_t chunk, uint32_t round) {
    const uint32_t item = threadIdx.x + round * THREADS, source = item % S::SOURCES;
    // To the left of the map and above it they are far beyond it.
    const uint32_t y = tile.y * S::STRIDE + source / S::SOURCE_WIDTH - S::PADDING;
    const uint32_t x = tile.x * S::STRIDE + source % S::SOURCE_WIDTH - S::PADDING;
    const bool there =
        item < S::SOURCES * S::COLUMNS && y < maps.height << maps.doubled && x < maps.width << maps.doubled;
    const uint32_t channel = item / S::SOURCES * S::NUMBERS, channel_size = maps.height * maps.width;
    const uint32_t here = channel * channel_size + (y >> maps.doubled) * maps.width + (x >> maps.doubled);
    input += size_t(chunk * S::DEPTH) * channel_size;
#pragma unroll
    for (uint32_t i = 0; i < S::NUMBERS; i++) {
        const bool is_input = there && chunk * S::DEPTH + channel + i < maps.inputs;
        column[i] = is_input ? input[here + i * channel_size] : typename S::Number{};
    }
}

// The bits of 16 bytes.
template <class T> __device__ inline float4 bits(const T (&x)[8]) {
    auto both = [&](uint32_t i) { return __uint_as_float(uint32_t(x[i].bits) | uint32_t(x[i + 1].bits) << 16); };
    return make_float4(both(0), both(2), both(4), both(6));
}
template <class T> __device__ inline float factor(float x) { return x; }
template <> __device__ inline float factor<tf32>(float x) { return __uint_as_float(shorten(x).bits); }

template <class S> __device__ inline void put(unsigned char *sources, const Column<S> &column, uint32_t round) {
    const uint32_t item = threadIdx.x + round * THREADS;
    if (item >= S::SOURCES * S::COLUMNS)
        return;
    float4 *to = reinterpret_cast<float4 *>(sources + S::at(item % S::SOURCES, item / S::SOURCES));
    if constexpr (S::NUMBERS == 8) {
        *to = bits(column);
    } else {
        using T = typename S::Type;
        *to = make_float4(factor<T>(column[0]), factor<T>(column[1]), factor<T>(column[2]), factor<T>(column[3]));
    }
}

// Begins to copy the weights of a kernel row.
template <class S>
__device__ inline void copy_weights(unsigned char *to, const typename S::Number *weight, const Maps &maps,
                                    const Tile<S> &tile, uint32_t row) {
    constexpr uint32_t COPIES = S::KERNEL * S::OUTPUTS * S::COLUMNS;
#pragma unroll
    for (uint32_t first = 0; first < COPIES; first += THREADS) {
        const uint32_t i = first + threadIdx.x;
        if (COPIES % THREADS != 0 && i >= COPIES)
            break;
        const uint32_t column = i % S::COLUMNS, output = i / S::COLUMNS % S::OUTPUTS, tap = i / S::COLUMNS / S::OUTPUTS;
        const bool there = tile.first_output + output < maps.outputs;
        const size_t from = size_t(row * S::KERNEL + tap) * maps.outputs + (there ? tile.first_output + output : 0);
        copy_16_async(to + S::at(i / S::COLUMNS, column), weight + from * S::DEPTH + S::NUMBERS * column, there);
    }
}

// Sums that tensor cores add up. Four warps have the tile's places between them, two its outputs.
template <class S> struct Sums {
    static constexpr uint32_t M = S::OUTPUTS / 2 / 16, N = S::PLACES / 4 / 8;
    float at[M][N][4];

    __device__ static uint32_t first_output() { return threadIdx.x / LANES / 4 * (S::OUTPUTS / 2); }
    __device__ static uint32_t first_place() { return threadIdx.x / LANES % 4 * (S::PLACES / 4); }

    __device__ void clear() {
#pragma unroll
        for (uint32_t m = 0; m < M; m++)
#pragma unroll
            for (uint32_t n = 0; n < N; n++)
                at[m][n][0] = at[m][n][1] = at[m][n][2] = at[m][n][3] = 0.0f;
    }

    // Adds the terms of kernel row `row`.
    __device__ void add(const unsigned char *sources, const unsigned char *weights, uint32_t row) {
        const uint32_t lane = threadIdx.x % LANES;
        uint32_t source[N / 2];
#pragma unroll
        for (uint32_t n = 0; n < N / 2; n++)
            source[n] = S::source(first_place() + 16 * n + lane / 16 * 8 + lane % 8) + row * S::SOURCE_WIDTH;
#pragma unroll
        for (uint32_t tap = 0; tap < S::KERNEL; tap++)
#pragma unroll
            for (uint32_t column = 0; column < S::COLUMNS; column += 2) {
                uint32_t b[N / 2][4];
#pragma unroll
                for (uint32_t n = 0; n < N / 2; n++)
                    load_matrices(b[n], sources + S::at(source[n] + tap, column + lane / 8 % 2));
#pragma unroll
                for (uint32_t m = 0; m < M; m++) {
                    uint32_t a[4];
                    const uint32_t output = tap * S::OUTPUTS + first_output() + 16 * m + lane % 16;
                    load_matrices(a, weights + S::at(output, column + lane / 16));
#pragma unroll
                    for (uint32_t n = 0; n < N / 2; n++) {
                        multiply_add<typename S::Type>(at[m][2 * n], a, {b[n][0], b[n][1]});
                        multiply_add<typename S::Type>(at[m][2 * n + 1], a, {b[n][2], b[n][3]});
                    }
                }
            }
    }

    // Calls `write` with an output of the block, a place of the tile, and the sums of it and of the next place.
    template <class Write> __device__ void each(Write write) const {
        const uint32_t lane = threadIdx.x % LANES;
#pragma unroll
        for (uint32_t m = 0; m < M; m++)
#pragma unroll
            for (uint32_t h = 0; h < 2; h++)
#pragma unroll
                for (uint32_t n = 0; n < N; n++)
                    write(first_output() + 16 * m + 8 * h + lane / 4, first_place() + 8 * n + 2 * (lane % 4),
                          at[m][n][2 * h], at[m][n][2 * h + 1]);
    }
};

// Sums of f32. A thread has every 16th output and every 8th pair of places, so that 4 × 8 lanes read each other's weights and
// sources.
template <class S> struct ExactSums {
    static constexpr uint32_t M = S::OUTPUTS / 16, N = S::PLACES / 16;
    // Places at a time: with all of them, registers would not do.
    static constexpr uint32_t PART = N / 2;
    float at[M][N];

    __device__ static uint32_t first_output() { return threadIdx.x % LANES / 8 + threadIdx.x / LANES / 2 * 4; }
    // Of `n`. Pairs of neighbours, 32 places from one to the next.
    __device__ static uint32_t place(uint32_t n) {
        return n / 2 * 32 + 2 * (threadIdx.x % 8 + threadIdx.x / LANES % 2 * 8) + n % 2;
    }

    __device__ void clear() {
#pragma unroll
        for (uint32_t m = 0; m < M; m++)
#pragma unroll
            for (uint32_t n = 0; n < N; n++)
                at[m][n] = 0.0f;
    }

    __device__ void add(const unsigned char *sources, const unsigned char *weights, uint32_t row) {
#pragma unroll 1
        for (uint32_t tap = 0; tap < S::KERNEL; tap++)
#pragma unroll 1
            for (uint32_t column = 0; column < S::COLUMNS; column++)
#pragma unroll
                for (uint32_t first = 0; first < N; first += PART) {
                    float4 x[PART];
#pragma unroll
                    for (uint32_t n = 0; n < PART; n++) {
                        const uint32_t source = S::source(place(first + n)) + row * S::SOURCE_WIDTH + tap;
                        x[n] = *reinterpret_cast<const float4 *>(sources + S::at(source, column));
                    }
#pragma unroll
                    for (uint32_t m = 0; m < M; m++) {
                        const uint32_t output = tap * S::OUTPUTS + first_output() + 16 * m;
                        const float4 w = *reinterpret_cast<const float4 *>(weights + S::at(output, column));
#pragma unroll
                        for (uint32_t n = 0; n < PART; n++) {
                            float &sum = at[m][first + n];
                            sum = fmaf(w.w, x[n].w, fmaf(w.z, x[n].z, fmaf(w.y, x[n].y, fmaf(w.x, x[n].x, sum))));
                        }
                    }
                }
    }

    template <class Write> __device__ void each(Write write) const {
#pragma unroll
        for (uint32_t m = 0; m < M; m++)
#pragma unroll
            for (uint32_t n = 0; n < N; n += 2)
                write(first_output() + 16 * m, place(n), at[m][n], at[m][n + 1]);
    }
};
template <class S> struct SumsOf {
    using Type = Sums<S>;
};
template <uint32_t KERNEL, uint32_t STRIDE, uint32_t OUTPUTS> struct SumsOf<Shape<float, KERNEL, STRIDE, OUTPUTS>> {
    using Type = ExactSums<Shape<float, KERNEL, STRIDE, OUTPUTS>>;
};

// Two neighbours in memory, aligned to both.
__device__ inline float2 read_pair(const float *x) { return *reinterpret_cast<const float2 *>(x); }
template <class T> __device__ inline float2 read_pair(const T *x) {
    const uint32_t both = *reinterpret_cast<const uint32_t *>(x);
    return make_float2(wide(T{uint16_t(both)}), wide(T{uint16_t(both >> 16)}));
}
__device__ inline void write_pair(float *to, float first, float second) {
    *reinterpret_cast<float2 *>(to) = make_float2(first, second);
}
template <class T> __device__ inline void write_pair(T *to, float first, float second) {
    *reinterpret_cast<uint32_t *>(to) = pack<T>(first, second);
}
__device__ inline void write_one(float *to, float x) { *to = x; }
template <class T> __device__ inline void write_one(T *to, float x) { *to = narrow<T>(x); }

template <class S>
__device__ inline void convolve(const typename S::Number *input, const typename S::Number *weight, const float *bias,
                                const typename S::Number *added, uint32_t with_added, const Maps &maps,
                                typename S::Number *out) {
    SHARED_BYTES(shared);
    unsigned char *const sources = shared;
    unsigned char *const weights = shared + 2 * S::SOURCE_BYTES;
    const Tile<S> tile(maps);
    const uint32_t chunks = (maps.inputs + S::DEPTH - 1) / S::DEPTH, rows = chunks * S::KERNEL;
    input += size_t(blockIdx.z) * maps.inputs * maps.height * maps.width;

    copy_weights<S>(weights, weight, maps, tile, 0);
    copies_commit();
#pragma unroll
    for (uint32_t round = 0; round < S::ROUNDS; round++) {
        Column<S> column;
        fetch<S>(column, input, maps, tile, 0, round);
        put<S>(sources, column, round);
    }

    typename SumsOf<S>::Type sums;
    sums.clear();
#pragma unroll 1
    for (uint32_t row = 0; row < rows; row++) {
        const uint32_t chunk = row / S::KERNEL, of_kernel = row % S::KERNEL;
        // The row's weights have come, and no warp reads those before it, nor the sources before these.
        copies_wait<0>();
        __syncthreads();
        if (row + 1 < rows) {
            copy_weights<S>(weights + (row + 1) % 2 * S::WEIGHT_BYTES, weight, maps, tile, row + 1);
            copies_commit();
        }
        Column<S> columns[S::ROW_ROUNDS];
        const uint32_t first_round = of_kernel * S::ROW_ROUNDS;
        const bool is_more = chunk + 1 < chunks;
#pragma unroll
        for (uint32_t i = 0; i < S::ROW_ROUNDS; i++)
            if (is_more && first_round + i < S::ROUNDS)
                fetch<S>(columns[i], input, maps, tile, chunk + 1, first_round + i);
        sums.add(sources + chunk % 2 * S::SOURCE_BYTES, weights + row % 2 * S::WEIGHT_BYTES, of_kernel);
#pragma unroll
        for (uint32_t i = 0; i < S::ROW_ROUNDS; i++)
            if (is_more && first_round + i < S::ROUNDS)
                put<S>(sources + (chunk + 1) % 2 * S::SOURCE_BYTES, columns[i], first_round + i);
    }

    const uint32_t height = maps.out_height<S>(), width = maps.out_width<S>();
    const bool is_paired = width % 2 == 0;
    sums.each([&](uint32_t output, uint32_t place, float first, float second) {
        output += tile.first_output;
        const uint32_t y = tile.y + place / S::WIDTH, x = tile.x + place % S::WIDTH;
        if (output >= maps.outputs || y >= height || x >= width)
            return;
        const size_t at = ((size_t(blockIdx.z) * maps.outputs + output) * height + y) * width + x;
        first += bias[output];
        second += bias[output];
        if (is_paired) {
            if (with_added) {
                const float2 more = read_pair(added + at);
                first += more.x;
                second += more.y;
            }
            return write_pair(out + at, first, second);
        }
        write_one(out + at, with_added ? first + wide(added[at]) : first);
        if (x + 1 < width)
            write_one(out + at + 1, with_added ? second + wide(added[at + 1]) : second);
    });
}
} // namespace convolution

// What all of a kernel's arguments are is said in launch.rs.
#define CONVOLUTION(taps, kernel, stride, outputs_of_block, name, T)                                                         \
    extern "C" __global__ void __launch_bounds__(convolution::THREADS, 2) convolution_##taps##_##outputs_of_block##_##name(  \
        const convolution::Memory<T>::Number *__restrict__ input, const convolution::Memory<T>::Number *__restrict__ weight, \
        const float *__restrict__ bias, const convolution::Memory<T>::Number *__restrict__ added, uint32_t with_added,       \
        uint32_t inputs, uint32_t outputs, uint32_t height, uint32_t width, uint32_t doubled,                                \
        convolution::Memory<T>::Number *__restrict__ out) {                                                                  \
        convolution::convolve<convolution::Shape<T, kernel, stride, outputs_of_block>>(                                      \
            input, weight, bias, added, with_added, {inputs, outputs, height, width, doubled}, out);                         \
    }
#define CONVOLUTIONS(name, T)               \
    CONVOLUTION(point, 1, 1, 32, name, T)   \
    CONVOLUTION(point, 1, 1, 128, name, T)  \
    CONVOLUTION(square, 3, 1, 32, name, T)  \
    CONVOLUTION(square, 3, 1, 128, name, T) \
    CONVOLUTION(halved, 3, 2, 32, name, T)  \
    CONVOLUTION(halved, 3, 2, 128, name, T)

CONVOLUTIONS(f32, float)
CONVOLUTIONS(tf32, tf32)
CONVOLUTIONS(f16, f16)
CONVOLUTIONS(bf16, bf16)
