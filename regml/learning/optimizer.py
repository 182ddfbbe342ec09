"""How far the weights move at each step."""

import math

import torch
from torch import nn

from regml.learning.networks import head_parameters
from regml.learning.params import TrainParams

MOMENTUM = 0.99
"""Nesterov momentum of the optimiser ``sgd``."""

WARM_UP = 0.1
"""Share of the steps in which ``one_cycle`` rises to its peak."""

HEAD_FACTOR = 10.0
"""How much faster AdamW moves the last layer; see `networks.head_parameters`."""


def learning_rate(step: int, params: TrainParams) -> float:
    """Return the learning rate of the step with this index, counted from 0."""
    done = step / params.steps
    if params.schedule == "poly":
        return params.learning_rate * math.pow(1 - done, 0.9)
    if done < WARM_UP:
        return params.learning_rate * (step + 1) / math.ceil(WARM_UP * params.steps)
    share = (done - WARM_UP) / (1 - WARM_UP)
    return params.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def build_optimizer(network: nn.Module, params: TrainParams) -> torch.optim.Optimizer:
    """Return the optimiser; each group has a ``factor`` for its learning rate."""
    heads = head_parameters(network)
    rest = [p for p in network.parameters() if all(p is not head for head in heads)]
    if params.optimizer == "sgd":  # its steps follow the size of the gradient
        return torch.optim.SGD(
            [{"params": [*rest, *heads], "factor": 1.0}],
            lr=params.learning_rate,
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=params.weight_decay,
        )
    groups = [{"params": rest, "factor": 1.0}]
    if heads:
        groups.append({"params": heads, "factor": HEAD_FACTOR})
    return torch.optim.AdamW(
        groups, lr=params.learning_rate, weight_decay=params.weight_decay
    )
