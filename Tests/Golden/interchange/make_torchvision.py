"""Writes a residual network of torchvision's as a PyTorch checkpoint, and its features of two pictures.

Few channels and few blocks, so that the file stays small; classifier and counts of batches are in it as in any that
torchvision saves, and a few steps have moved the running statistics.

Run: python make_torchvision.py
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))
from make_parity import VERSIONS, safetensors, torch  # noqa: E402
from make_convnets import BasicBlock, SmallResNet  # noqa: E402
import torchvision  # noqa: E402
from PIL import Image  # noqa: E402
from torchvision import transforms  # noqa: E402
from torchvision.transforms import InterpolationMode  # noqa: E402

here = pathlib.Path(__file__).parent / "pytorch"
pictures = sorted((pathlib.Path(__file__).parents[1] / "augmentations").glob("input-*.png"))

torch.set_num_threads(1)
torch.manual_seed(0)
network = SmallResNet(BasicBlock, 2, True)
network.fc = torch.nn.Linear(16, 3)
optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
for _ in range(5):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(network(torch.randn(16, 3, 32, 32)), torch.randint(3, (16,))).backward()
    optimizer.step()
torch.save(network.state_dict(), here / "torchvision.pth")

prepare = transforms.Compose([
    transforms.Resize(36, interpolation=InterpolationMode.BICUBIC), transforms.CenterCrop(32), transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
network.fc = torch.nn.Identity()
with torch.no_grad():
    images = torch.stack([prepare(Image.open(path).convert("RGB")) for path in pictures])
    features = network.double().eval()(images.double()).float().numpy()
metadata = VERSIONS | {"script": "Tests/Golden/interchange/make_torchvision.py", "torchvision": torchvision.__version__,
                       "pictures": " ".join(path.name for path in pictures)}
(here / "torchvision.safetensors").write_bytes(safetensors({"features": features}, metadata))
print("features", features.shape, (here / "torchvision.pth").stat().st_size, "bytes")
