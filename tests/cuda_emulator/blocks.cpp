#include "../../src/pipeline/fused/cuda/blocks.cu"
#include "registry.h"

KERNEL(dense_8bit_f16);
KERNEL(dense_8bit_bf16);
KERNEL(dense_4bit_f16);
KERNEL(dense_4bit_bf16);
