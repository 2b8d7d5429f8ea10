"""One supervised training step of a torchvision network in PyTorch on the CPU, as one JSON line: images per second.

The same work as `emanate benchmark train`: forward, cross-entropy over 1,000 classes, backward, SGD with momentum, on
random images whose channels lie together. Two steps warm up; the median of the others counts."""
import argparse
import json
import statistics
import time

import torchvision_cpu  # noqa: F401
from memory import peak_resident_bytes
import torch
import torch.nn.functional as F
from torchvision import models


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="resnet18")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 by autocast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = getattr(models, options.arch)().to(memory_format=torch.channels_last)
    images = torch.randn(options.batch, 3, options.side, options.side).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (options.batch,))
    optimizer = torch.optim.SGD(network.parameters(), 0.01, 0.9)
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            loss = F.cross_entropy(network(images).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "peer": f"torch {torch.__version__}", "arch": options.arch, "loss": loss.item(),
        "images_per_second": options.batch / statistics.median(seconds[2:]),
        "parameters": sum(p.numel() for p in network.parameters()), "peak_resident_bytes": peak_resident_bytes()}))


if __name__ == "__main__":
    main()
