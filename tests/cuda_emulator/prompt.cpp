#include "../../src/pipeline/fused/cuda/prompt.cu"
#include "registry.h"

KERNEL(add);
KERNEL(add_then_norm_f16);
KERNEL(add_then_norm_bf16);
KERNEL(turn_halves_f16);
KERNEL(turn_halves_bf16);
KERNEL(look_back_f16_64);
KERNEL(look_back_f16_128);
KERNEL(look_back_bf16_64);
KERNEL(look_back_bf16_128);
