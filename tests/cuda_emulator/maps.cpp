#include "../../src/pipeline/fused/cuda/maps.cu"
#include "registry.h"

KERNEL(group_moments);
KERNEL(merge_moments);
KERNEL(group_norm);
