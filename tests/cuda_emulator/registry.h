// Kernels by their names.
#pragma once

#include <cstddef>
#include <utility>

namespace host {
// A kernel, and how it is called with arguments as the driver's launch takes them: an address for each.
struct Kernel {
    const char *name;
    void (*call)(void **arguments);
    const Kernel *next;
    Kernel(const char *name, void (*call)(void **arguments));
};

template <class... A, size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A *>(arguments[I])...);
}
template <class... A> void call(void (*kernel)(A...), void **arguments) {
    call(kernel, arguments, std::make_index_sequence<sizeof...(A)>());
}
} // namespace host

#define KERNEL(name) \
    static const host::Kernel kernel_##name(#name, [](void **arguments) { host::call(name, arguments); })
