"""Checkpoints that survive an interruption: written beside the old one, then renamed over it."""

import os

import torch


def save(path, state):
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False) if path.exists() else None
