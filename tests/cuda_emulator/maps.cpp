#include "../../src/pipeline/fused/cuda/maps.cu"
#include "registry.h"

KERNEL(merge_moments);
KERNEL(group_moments_f32);
KERNEL(group_moments_bf16);
KERNEL(group_norm_f32);
KERNEL(group_norm_bf16);
