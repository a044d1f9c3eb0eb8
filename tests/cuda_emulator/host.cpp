// Runs kernels on a CPU, to prove their arithmetic, indices and barriers without a card. Every thread of a block is a fiber;
// blocks run one after the other. What a card leaves open is made to show: shared memory begins as NaN; a copy's target is NaN
// from its beginning to its wait; fibers run in the order that the launch gives, each warp as far as it can.
//
// Fibers begin by ucontext and are switched by _setjmp and _longjmp, which ask nothing of the system.
#include "primitives.cuh"
#include "registry.h"

#include <csetjmp>
#include <cstdarg>
#include <cstdio>
#include <link.h>
#include <memory>
#include <random>
#include <ucontext.h>
#include <vector>

uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace host {
namespace {
constexpr unsigned LANES = 32;
constexpr size_t STACK_BYTES = 128 << 10;
// Around dynamic shared memory.
constexpr size_t GUARD_BYTES = 4096;
constexpr unsigned char NAN_BYTE = 0xff;

enum class State { Ready, AtWarp, AtBlock, Ended };

struct Copy {
    void *shared;
    const void *global;
    bool there;
    // Counted from the thread's first.
    unsigned group;
};

struct Fiber {
    State state;
    bool begun;
    jmp_buf at;
    ucontext_t start;
    void *posted;
    std::vector<Copy> copies;
    unsigned groups;
    std::unique_ptr<unsigned char[]> stack{new unsigned char[STACK_BYTES]};
};

// Where a warp or a block waits.
struct Barrier {
    const char *operation;
    unsigned line, arrived;
};

const Kernel *kernels;

// The launch that runs.
const Kernel *kernel;
void **arguments;
uint32_t order;
std::mt19937 dice;
size_t shared_size;
std::vector<unsigned char> shared;
unsigned char *static_shared;
size_t static_shared_size;
// There is none until the thread asks for some of it.
thread_local volatile unsigned char some_static_shared;
std::vector<Fiber> fibers;
std::vector<Barrier> warps;
Barrier whole;
unsigned running;
jmp_buf scheduler;
char *error;
size_t error_bytes;

void arrive(Barrier &barrier, const char *operation, unsigned line) {
    if (barrier.arrived == 0)
        barrier = {operation, line, 0};
    else if (barrier.line != line || (barrier.operation != operation && std::strcmp(barrier.operation, operation) != 0))
        fail("threads that belong together are at %s in line %u and at %s in line %u", barrier.operation,
             barrier.line, operation, line);
    barrier.arrived++;
}

// Lets others run until somebody makes this fiber ready.
__attribute__((noinline)) void sleep(State state) {
    fibers[running].state = state;
    if (_setjmp(fibers[running].at) == 0)
        _longjmp(scheduler, 1);
}

void begin() {
    kernel->call(arguments);
    fibers[running].state = State::Ended;
    _longjmp(scheduler, 1);
}

__attribute__((noinline)) void resume(unsigned thread) {
    running = thread;
    threadIdx = {thread, 0, 0};
    Fiber &fiber = fibers[thread];
    if (_setjmp(scheduler) != 0)
        return;
    if (fiber.begun)
        _longjmp(fiber.at, 1);
    fiber.begun = true;
    setcontext(&fiber.start);
}

// One after the other, from the last, or by lot.
unsigned in_order(unsigned i, unsigned count, unsigned shift) {
    return order == 0 ? i : order == 1 ? count - 1 - i : (i + shift) % count;
}

// Runs each ready lane of the first warp in the order that has any; false where there is none.
bool step() {
    unsigned count = fibers.size() / LANES, shift = dice();
    for (unsigned i = 0; i < count; i++) {
        unsigned first = in_order(i, count, shift) * LANES;
        bool ran = false;
        unsigned lane_shift = dice();
        for (unsigned j = 0; j < LANES; j++) {
            unsigned thread = first + in_order(j, LANES, lane_shift);
            if (fibers[thread].state != State::Ready)
                continue;
            resume(thread);
            if (*error)
                return false;
            ran = true;
        }
        if (ran)
            return true;
    }
    return false;
}

void report(const char *format, va_list values) {
    int used = snprintf(error, error_bytes, "kernel %s, block %u %u %u: ", kernel->name, blockIdx.x, blockIdx.y,
                        blockIdx.z);
    if (used >= 0 && size_t(used) < error_bytes)
        vsnprintf(error + used, error_bytes - used, format, values);
}

__attribute__((format(printf, 1, 2))) void complain(const char *format, ...) {
    va_list values;
    va_start(values, format);
    report(format, values);
    va_end(values);
}

// Static shared memory is all that this library has of thread-local memory.
int find_static_shared(dl_phdr_info *library, size_t, void *here) {
    bool is_ours = false;
    size_t bytes = 0;
    for (const auto *part = library->dlpi_phdr; part < library->dlpi_phdr + library->dlpi_phnum; part++) {
        is_ours |= part->p_type == PT_LOAD && uintptr_t(here) - library->dlpi_addr - part->p_vaddr < part->p_memsz;
        bytes = part->p_type == PT_TLS ? part->p_memsz : bytes;
    }
    if (!is_ours)
        return 0;
    static_shared = static_cast<unsigned char *>(library->dlpi_tls_data);
    static_shared_size = bytes;
    return 1;
}

void clear_memory() {
    shared.assign(shared_size + 2 * GUARD_BYTES + 16, NAN_BYTE);
    std::memset(static_shared, NAN_BYTE, static_shared_size);
}

void begin_fibers() {
    whole = {};
    warps.assign(fibers.size() / LANES, {});
    for (Fiber &fiber : fibers) {
        fiber.state = State::Ready;
        fiber.begun = false;
        fiber.copies.clear();
        fiber.groups = 0;
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = fiber.stack.get();
        fiber.start.uc_stack.ss_size = STACK_BYTES;
        fiber.start.uc_link = nullptr;
        makecontext(&fiber.start, begin, 0);
    }
}

void check_end() {
    unsigned count[4] = {};
    for (Fiber &fiber : fibers)
        count[unsigned(fiber.state)]++;
    if (count[unsigned(State::Ended)] != fibers.size()) {
        unsigned line = 0;
        for (Barrier &warp : warps)
            line = warp.arrived ? warp.line : line;
        return complain("deadlock: %u threads wait for their block in line %u, %u for their warp in line %u, %u have ended",
                        count[unsigned(State::AtBlock)], whole.line, count[unsigned(State::AtWarp)], line,
                        count[unsigned(State::Ended)]);
    }
    const unsigned char *first = shared_bytes();
    for (const unsigned char *byte = shared.data(); byte < shared.data() + shared.size(); byte++)
        if (*byte != NAN_BYTE && (byte < first || byte >= first + shared_size))
            return complain("a write to shared memory at byte %td of %zu", byte - first, shared_size);
}

void run_block() {
    clear_memory();
    begin_fibers();
    while (step()) {
    }
    if (!*error)
        check_end();
}

void for_each_block() {
    for (uint32_t z = 0; z < gridDim.z; z++)
        for (uint32_t y = 0; y < gridDim.y; y++)
            for (uint32_t x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                run_block();
                if (*error)
                    return;
            }
}
} // namespace

Kernel::Kernel(const char *name, void (*call)(void **arguments)) : name(name), call(call), next(kernels) {
    kernels = this;
}

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    report(format, values);
    va_end(values);
    _longjmp(scheduler, 1);
}

void warp(const char *operation, unsigned line, void *posted, void (*finish)(void *const *posted)) {
    unsigned first = running / LANES * LANES;
    Barrier &barrier = warps[running / LANES];
    arrive(barrier, operation, line);
    fibers[running].posted = posted;
    if (barrier.arrived < LANES)
        return sleep(State::AtWarp);
    void *all[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        all[lane] = fibers[first + lane].posted;
        fibers[first + lane].state = State::Ready;
    }
    barrier.arrived = 0;
    finish(all);
}

void block(unsigned line) {
    arrive(whole, "__syncthreads", line);
    if (whole.arrived < fibers.size())
        return sleep(State::AtBlock);
    whole.arrived = 0;
    for (Fiber &fiber : fibers)
        fiber.state = State::Ready;
}

void copy(void *to, const void *from, bool there) {
    check_shared("copy_16_async", to);
    if (there && uintptr_t(from) % 16)
        fail("copy_16_async from an address that is not aligned to 16 bytes");
    std::memset(to, NAN_BYTE, 16);
    fibers[running].copies.push_back({to, from, there, fibers[running].groups});
}

void commit() { fibers[running].groups++; }

void wait(unsigned groups) {
    Fiber &fiber = fibers[running];
    std::vector<Copy> on_their_way;
    for (const Copy &copy : fiber.copies) {
        if (copy.group + groups >= fiber.groups)
            on_their_way.push_back(copy);
        else if (copy.there)
            std::memcpy(copy.shared, copy.global, 16);
        else
            std::memset(copy.shared, 0, 16);
    }
    fiber.copies = on_their_way;
}

unsigned char *shared_bytes() {
    return reinterpret_cast<unsigned char *>((uintptr_t(shared.data()) + GUARD_BYTES + 15) / 16 * 16);
}

void check_shared(const char *operation, const void *address) {
    auto *byte = static_cast<const unsigned char *>(address);
    bool is_dynamic = byte >= shared_bytes() && byte + 16 <= shared_bytes() + shared_size;
    bool is_static = byte >= static_shared && byte + 16 <= static_shared + static_shared_size;
    if (!is_dynamic && !is_static)
        fail("%s outside of shared memory, at byte %td of %zu", operation, byte - shared_bytes(), shared_size);
    if (uintptr_t(byte) % 16)
        fail("%s at an address that is not aligned to 16 bytes", operation);
}
} // namespace host

// What the compiler's checks of alignment and of indices call (-fsanitize); the place in the source comes first in their data.
struct SourcePlace {
    const char *file;
    uint32_t line, column;
};
extern "C" void __ubsan_handle_type_mismatch_v1_abort(const SourcePlace *place, uintptr_t address) {
    host::fail("%s:%u: the address %#zx is not aligned", place->file, place->line, size_t(address));
}
extern "C" void __ubsan_handle_out_of_bounds_abort(const SourcePlace *place, uintptr_t index) {
    host::fail("%s:%u: no index %zd", place->file, place->line, ssize_t(index));
}

// Like the driver's launch. `order`: 0 runs threads from the first, 1 from the last, any other is a seed. Returns 0, or 1 with
// a line in `error`.
extern "C" int launch(const char *name, const uint32_t grid[3], uint32_t block, uint32_t shared_bytes, uint32_t order,
                      void **arguments, char *error, size_t error_bytes) {
    *error = 0;
    host::error = error;
    host::error_bytes = error_bytes;
    for (host::kernel = host::kernels; host::kernel; host::kernel = host::kernel->next)
        if (std::strcmp(host::kernel->name, name) == 0)
            break;
    if (!host::kernel || block == 0 || block % host::LANES) {
        snprintf(error, error_bytes, "no kernel %s with blocks of %u threads", name, block);
        return 1;
    }
    host::arguments = arguments;
    host::order = order;
    host::dice.seed(order);
    host::shared_size = shared_bytes;
    host::fibers.resize(block);
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block, 1, 1};
    host::some_static_shared = host::NAN_BYTE;
    dl_iterate_phdr(host::find_static_shared, reinterpret_cast<void *>(&launch));
    host::for_each_block();
    return *error != 0;
}
