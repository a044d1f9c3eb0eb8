#include "../../src/pipeline/fused/cuda/attention.cu"
#include "registry.h"

KERNEL(attention_f16_64);
KERNEL(attention_f16_128);
KERNEL(attention_bf16_64);
KERNEL(attention_bf16_128);
