#include "../../src/pipeline/fused/cuda/convolution.cu"
#include "registry.h"

#define KERNELS_OF(name)                   \
    KERNEL(convolution_point_32_##name);   \
    KERNEL(convolution_point_128_##name);  \
    KERNEL(convolution_square_32_##name);  \
    KERNEL(convolution_square_128_##name); \
    KERNEL(convolution_halved_32_##name);  \
    KERNEL(convolution_halved_128_##name)
KERNELS_OF(f32);
KERNELS_OF(tf32);
KERNELS_OF(f16);
KERNELS_OF(bf16);
