"""Reads a Railyard checkpoint: dense matrices with numpy, factors for tensorly-torch.

    python checkpoint.py run.safetensors                  what is in it
    python checkpoint.py run.safetensors --matrices DIR   every layer's matrix as DIR/fc1.npy, ...
    python checkpoint.py run.safetensors --check          tensorly-torch contracts the factors to the same matrices

As a module: `Checkpoint(path)` with `cores(i)`, `matrix(i)`, `bias(i)` and `factors(i)`, layers from 1.
Needs numpy and safetensors; `factors` and `--check` need torch and tensorly-torch too (requirements.txt).
"""

import argparse
import json
import pathlib

import numpy as np
from safetensors import SafetensorError, safe_open


def to_bfloat16(values):
    """The nearest bfloat16 of float32 values, ties to even."""
    bits = values.view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return bits.view(np.float32)


class Checkpoint:
    """A network of tensor-train matrices as `railyard train --out` or the page's Save wrote it."""

    def __init__(self, path):
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            if "railyard" not in metadata:
                raise ValueError("it has no `railyard` metadata; a checkpoint saved by Railyard is accepted")
            self.state = json.loads(metadata["railyard"])
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.config = self.state["config"]
        if self.config.get("method"):
            raise ValueError("the network is held by another method than tensor trains; docs/CHECKPOINTS.md lists its tensors")

    @property
    def layers(self):
        """The layers' numbers."""
        return range(1, len(self.state["exponents"]) + 1)

    def scale(self, layer):
        """What the product of a layer's cores is multiplied by."""
        return 2.0 ** -self.state["exponents"][layer - 1]

    def cores(self, layer):
        """The cores (r, m, n, r') as the network uses them, not scaled: the file holds their master copies."""
        count = len(self.state["ranks"][layer - 1]) + 1
        masters = [self.tensors[f"fc{layer}.G{k}"] for k in range(1, count + 1)]
        precision = self.config["precision"]
        if precision == "fixed":
            full = 2 ** (self.config["bits"]["core"] - 1)
            used = [np.clip(np.floor(core.astype(np.float64) * full + 0.5), 1 - full, full - 1) / full for core in masters]
        elif precision == "f16":
            used = [core.astype(np.float16) for core in masters]
        elif precision == "bf16":
            used = [to_bfloat16(core) for core in masters]
        else:
            used = masters
        return [core.astype(np.float64) for core in used]

    def matrix(self, layer):
        """The weight matrix, outputs x inputs: W[(i_1..i_d), (j_1..j_d)], mode 1 slowest on both sides."""
        product = np.ones((1, 1, 1))
        for core in self.cores(layer):
            product = np.einsum("xya,amnb->xmynb", product, core)
            x, m, y, n, b = product.shape
            product = product.reshape(x * m, y * n, b)
        return product[:, :, 0] * self.scale(layer)

    def bias(self, layer):
        """The biases."""
        return self.tensors[f"fc{layer}.b"]

    def factors(self, layer):
        """The same matrix as a `BlockTT` of tensorly-torch, whose cores lie in the same order; the first is scaled."""
        import torch
        from tltorch import BlockTT

        cores = self.cores(layer)
        cores[0] = cores[0] * self.scale(layer)
        modes = tuple(tuple(core.shape[side] for core in cores) for side in (1, 2))
        rank = (1, *self.state["ranks"][layer - 1], 1)
        return BlockTT([torch.from_numpy(core) for core in cores], tensorized_shape=modes, rank=rank)


def main():
    parser = argparse.ArgumentParser(description="Reads a Railyard checkpoint.")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--matrices", type=pathlib.Path, metavar="DIR", help="write every layer's matrix there")
    parser.add_argument("--check", action="store_true", help="compare with what tensorly-torch contracts")
    options = parser.parse_args()
    try:
        checkpoint = Checkpoint(options.file)
    except (OSError, ValueError, SafetensorError) as error:
        parser.exit(1, f"{options.file} cannot be read: {error}\n")
    for layer in checkpoint.layers:
        matrix = checkpoint.matrix(layer)
        ranks = checkpoint.state["ranks"][layer - 1]
        print(f"fc{layer}: {matrix.shape[0]} x {matrix.shape[1]}, ranks {ranks}, largest weight {np.abs(matrix).max():.6f}")
        if options.matrices:
            options.matrices.mkdir(parents=True, exist_ok=True)
            np.save(options.matrices / f"fc{layer}.npy", matrix)
        if options.check:
            theirs = checkpoint.factors(layer).to_matrix().numpy()
            difference = np.abs(theirs - matrix).max()
            print(f"fc{layer}: tensorly-torch differs by at most {difference:.1e}")
            if difference > 1e-6:
                parser.exit(1, f"fc{layer}: tensorly-torch contracts to another matrix\n")


if __name__ == "__main__":
    main()
