"""Training in several processes of one thread each.

On a busy machine this is faster than one process of several threads, which wait for one another after every
operation; here they wait once a step.
"""

import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def _start(rank, world, port, function, arguments):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    try:
        function(rank, *arguments)
    finally:
        dist.destroy_process_group()


def run(world, function, *arguments, port=29531):
    """Calls `function(rank, *arguments)` in `world` processes that can exchange tensors."""
    mp.spawn(_start, args=(world, port, function, arguments), nprocs=world)


def rank():
    return dist.get_rank() if dist.is_initialized() else 0


def world():
    return dist.get_world_size() if dist.is_initialized() else 1


@torch.no_grad()
def sum_in_place(tensors, scale=1.0):
    """Every tensor becomes `scale` times its sum over all processes."""
    if world() == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape) * scale)
