"""The same networks in PyTorch on one thread, for bench/peers.mjs to drive.

Reads one JSON object a line and answers with one: {"list": true}, {"check": variant} or
{"measure": variant, "milliseconds": ...}.
"""

import json
import sys
import time

import torch
from torch.nn import functional

BATCH, IMAGES, CLASSES = 64, 4096, 10

# Shapes in the order of their numbers (cores as left rank, output mode, input mode, right rank) and the
# largest magnitude of their entries.
NETWORKS = {
    "tt": (896, [
        ((1, 4, 7, 16), 0.25), ((16, 4, 4, 16), 0.25), ((16, 2, 2, 16), 0.25), ((16, 16, 16, 1), 0.25), ((512,), 0.1),
        ((1, 1, 32, 16), 0.2), ((16, 16, 16, 1), 0.2), ((16,), 0.1),
    ]),
    "dense": (784, [((784, 512), 0.08), ((512,), 0.1), ((512, 10), 0.08), ((10,), 0.1)]),
}
ADAMS = {"plain": {"foreach": False, "fused": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def bits(tensor, count):
    """Numbers that both peers and the reference draw alike: 32 well-mixed bits for each place of a tensor."""
    low = 0xFFFFFFFF
    x = ((torch.arange(count) + 1 + tensor * 1048583) & low) * 0x9E3779B1 & low
    x = (x ^ (x >> 15)) * 0x85EBCA77 & low
    return x ^ (x >> 13)


def halves(g1, g2, g3, g4):
    """Merged halves: L over (n1 n2; m1 m2; r2), R over (n3 n4; r2; m3 m4)."""
    left = (g1.reshape(28, 16) @ g2.reshape(16, 256)).view(4, 7, 4, 4, 16)
    right = (g3.reshape(64, 16) @ g4.reshape(16, 256)).view(16, 2, 2, 16, 16)
    return left.permute(1, 3, 0, 2, 4).reshape(28, 16, 16), right.permute(2, 4, 0, 1, 3).reshape(32, 16, 32)


def w_first(x, *cores):
    """W built from the cores, as (outputs, inputs)."""
    g1, g2, g3, g4 = cores
    left = (g1.reshape(28, 16) @ g2.reshape(16, 256)).view(-1, 16)
    right = (g3.reshape(64, 16) @ g4.reshape(16, 256)).view(16, -1)
    w = (left @ right).view(4, 7, 4, 4, 2, 2, 16, 16).permute(0, 2, 4, 6, 1, 3, 5, 7)
    return x @ w.reshape(512, 896).t()


def planned(x, *cores):
    """The halves one after the other, on the batch."""
    left, right = halves(*cores)
    part = x.view(BATCH, 28, 32).transpose(1, 2).reshape(BATCH * 32, 28) @ left.view(28, 256)
    part = part.view(BATCH, 32, 16, 16).permute(0, 2, 1, 3).reshape(BATCH * 16, 512)
    return (part @ right.view(512, 32)).view(BATCH, 512)


def right_to_left(x, g1, g2, g3, g4):
    """One core after the other, the last first."""
    y = x.view(BATCH * 56, 16) @ g4.view(16, 16, 16).permute(2, 1, 0).reshape(16, 256)
    y = y.view(BATCH * 28, 2, 16, 16).transpose(1, 2).reshape(-1, 32) @ g3.permute(2, 3, 1, 0).reshape(32, 32)
    y = y.view(BATCH * 7, 4, 32, 16).transpose(1, 2).reshape(-1, 64) @ g2.permute(2, 3, 1, 0).reshape(64, 64)
    y = y.view(BATCH, 7, 128, 16).transpose(1, 2).reshape(-1, 112) @ g1.permute(2, 3, 1, 0).reshape(112, 4)
    return y.view(BATCH, 16, 2, 4, 4).permute(0, 4, 3, 2, 1).reshape(BATCH, 512)


ORDERS = {"W first": w_first, "planned": planned, "right to left": right_to_left}


def logits(variant, x, parameters):
    """The logits of a batch."""
    if variant["network"] == "dense":
        w1, b1, w2, b2 = parameters
        return torch.addmm(b2, torch.relu(torch.addmm(b1, x, w1)), w2)
    *cores, b1, h1, h2, b2 = parameters
    hidden = torch.relu(ORDERS[variant["order"]](x, *cores) + b1)
    w = (h1.reshape(32, 16) @ h2.reshape(16, 256)).view(32, 16, 16).transpose(0, 1).reshape(16, 512)
    return torch.addmm(b2, hidden, w.t())[:, :CLASSES]


def build(variant):
    """Parameters and a function from pixels and labels to the mean loss."""
    inputs, tensors = NETWORKS[variant["network"]]
    parameters = []
    for tensor, (shape, largest) in enumerate(tensors):
        drawn = bits(tensor, torch.Size(shape).numel()) >> 8
        values = (drawn.double() / 2**23 - 1) * largest
        parameters.append(torch.nn.Parameter(values.float().view(shape)))

    def loss(pixels, labels):
        x = pixels.float().div_(255)
        return functional.cross_entropy(logits(variant, x, parameters), labels)

    return inputs, parameters, loss


def noise(count, inputs):
    """Pixels and labels of so many images."""
    pixels = (bits(100, count * inputs) >> 24).to(torch.uint8).view(count, inputs)
    return pixels, bits(101, count) % CLASSES


def check(variant):
    """Loss of the first batch on the parameters as drawn, and the sum of the squared gradients."""
    inputs, parameters, loss = build(variant)
    value = loss(*noise(BATCH, inputs))
    value.backward()
    return {"loss": value.item(), "gradient": sum(p.grad.square().sum().item() for p in parameters)}


def measure(variant, milliseconds):
    """Training samples per second over about so long, after a fifth as long to warm up."""
    inputs, parameters, loss = build(variant)
    pixels, labels = noise(IMAGES, inputs)
    adam = torch.optim.Adam(parameters, lr=1e-3, **ADAMS[variant["adam"]])
    order, position = torch.randperm(IMAGES), 0

    def step():
        nonlocal position
        chosen = order[position : position + BATCH]
        position = (position + BATCH) % IMAGES
        adam.zero_grad(set_to_none=True)
        value = loss(pixels[chosen], labels[chosen])
        value.backward()
        adam.step()
        return value.item()

    def train(seconds):
        start, steps, elapsed = time.perf_counter(), 0, 0.0
        while elapsed < seconds:
            step()
            steps += 1
            elapsed = time.perf_counter() - start
        return steps * BATCH / elapsed

    train(milliseconds / 5000)
    return {"samples_per_second": train(milliseconds / 1000)}


def main():
    torch.set_num_threads(1)
    variants = [{"network": "tt", "order": order, "adam": adam} for order in ORDERS for adam in ADAMS]
    variants += [{"network": "dense", "order": "dense", "adam": adam} for adam in ADAMS]
    for line in sys.stdin:
        asked = json.loads(line)
        if "check" in asked:
            answer = check(asked["check"])
        elif "measure" in asked:
            answer = measure(asked["measure"], asked["milliseconds"])
        else:
            answer = {"version": torch.__version__, "threads": torch.get_num_threads(), "variants": variants}
        print(json.dumps(answer), flush=True)


main()
