#include "../../src/pipeline/fused/cuda/rows.cu"
#include "registry.h"

KERNEL(norm_f16);
KERNEL(norm_bf16);
KERNEL(add_norm);
KERNEL(add_norm_norm_f16);
KERNEL(add_norm_norm_bf16);
KERNEL(gate_f16);
KERNEL(gate_bf16);
KERNEL(turn_f16);
KERNEL(turn_bf16);
