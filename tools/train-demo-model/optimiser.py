"""Muon for matrices and convolutions, AdamW for the rest, a trapezoid learning rate, and averaged weights."""

import copy

import torch

import workers


def orthogonalised(matrix, iterations=5):
    """Newton–Schulz iteration towards the nearest orthogonal matrix, as Muon has it."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.mT if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal, of the size of an AdamW update, so that both share a learning rate."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        members, updates = [], []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                average = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(average, group["momentum"]).flatten(1)
                mine = len(members) % workers.world() == workers.rank()
                updates.append(orthogonalised(update) if mine else torch.zeros_like(update))
                members.append((group, parameter))
        workers.sum_in_place(updates)
        for (group, parameter), update in zip(members, updates, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            size = 0.2 * max(update.shape) ** 0.5
            parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * size)


class Optimisers:
    """`for_muon(name, parameter)` says which parameters Muon moves; the others move at `share` of its learning rate."""

    def __init__(self, modules, for_muon, lr, weight_decay=0.0, share=1.0, betas=(0.9, 0.99)):
        named = [(f"{i}.{n}", p) for i, m in enumerate(modules) for n, p in m.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if for_muon(n, p)]
        others = [p for n, p in named if not for_muon(n, p)]
        self.optimisers = [
            Muon(matrices, lr, weight_decay=weight_decay),
            torch.optim.AdamW(others, lr, betas=betas, weight_decay=0.0),
        ]
        self.parameters = matrices + others
        self.rates = [lr, lr * share]

    def step(self, fraction, clip=1.0):
        """One step at `fraction` of the learning rate; returns the gradients' norm."""
        moved = [parameter for parameter in self.parameters if parameter.grad is not None]
        workers.sum_in_place([parameter.grad for parameter in moved], 1 / workers.world())
        norm = torch.nn.utils.clip_grad_norm_(moved, clip)
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * fraction
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return float(norm)

    def state_dict(self):
        return [optimiser.state_dict() for optimiser in self.optimisers]

    def load_state_dict(self, states):
        for optimiser, state in zip(self.optimisers, states, strict=True):
            optimiser.load_state_dict(state)


def trapezoid(step, steps, warm_up, cool_down):
    """Learning rate as a fraction: up over `warm_up` steps, down over the last `cool_down` (a fraction of all)."""
    falling = max(1, round(steps * cool_down))
    return max(0.0, min(1.0, (step + 1) / warm_up, (steps - step) / falling))


class Average:
    """An exponential moving average of modules' weights."""

    def __init__(self, modules, decay):
        self.modules = modules
        self.averages = [copy.deepcopy(module).requires_grad_(False) for module in modules]
        self.decay = decay

    @torch.no_grad()
    def update(self, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, module in zip(self.averages, self.modules, strict=True):
            targets = list(average.parameters()) + [b for b in average.buffers() if b.is_floating_point()]
            sources = list(module.parameters()) + [b for b in module.buffers() if b.is_floating_point()]
            torch._foreach_lerp_(targets, sources, 1 - decay)
