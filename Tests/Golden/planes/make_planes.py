"""JPEG files that look like photographs (1/f noise with edges, correlated channels), one for each way of storing
chroma, of odd sizes; and a saturated one, whose luma and chroma leave the range of red, green and blue. Pillow writes
no 4:4:0: `cjpeg` does (Debian package libjpeg-turbo-progs)."""
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).parent
STORED = {"444": "4:4:4", "422": "4:2:2", "420": "4:2:0"}


def photograph(width, height, contrast, seed):
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1
    channels = []
    for _ in range(3):
        noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((height, width))) / frequency ** 1.2, (height, width))
        channels.append(noise / noise.std())
    channels = np.stack(channels, -1)
    # Mostly brightness, some colour, as in photographs; and a few shapes with edges.
    channels = channels @ np.array([[.9, .9, .9], [.25, 0, -.25], [-.1, .2, -.1]])
    for _ in range(6):
        x, y, r = random.uniform(0, width), random.uniform(0, height), random.uniform(8, 40)
        inside = np.hypot(np.arange(width)[None, :] - x, np.arange(height)[:, None] - y) < r
        channels[inside] += random.standard_normal(3) * .6
    return Image.fromarray(np.clip(128 + contrast * channels, 0, 255).astype(np.uint8))


def main():
    for name, subsampling in STORED.items():
        photograph(213, 151, 34, int(name)).save(OUT / f"photograph-{name}.jpg", quality=88, subsampling=subsampling)
    picture = photograph(213, 151, 34, 440)
    ppm = b"P6\n%d %d\n255\n" % picture.size + picture.tobytes()
    cjpeg = subprocess.run(["cjpeg", "-quality", "88", "-sample", "1x2"], input=ppm, capture_output=True, check=True)
    (OUT / "photograph-440.jpg").write_bytes(cjpeg.stdout)
    photograph(213, 151, 34, 7).convert("L").save(OUT / "photograph-gray.jpg", quality=88)
    photograph(213, 151, 34, 8).save(OUT / "photograph-progressive.jpg", quality=88, progressive=True)
    photograph(213, 151, 140, 9).save(OUT / "saturated.jpg", quality=88)


main()
