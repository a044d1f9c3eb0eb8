#include "../../src/pipeline/fused/cuda/sides.cu"
#include "registry.h"

KERNEL(side_down_f16);
KERNEL(side_down_bf16);
KERNEL(side_up_f16);
KERNEL(side_up_bf16);
