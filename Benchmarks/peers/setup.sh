#!/usr/bin/env bash
# Installs the packages of the peers and of the golden values into a virtual environment: setup.sh DIR
# The CPU build of torch is taken where pip finds it; the plain one does the same work and is larger.
set -euo pipefail
[[ $# == 1 ]] || { echo "usage: setup.sh DIR" >&2; exit 64; }
python3 -m venv "$1"
pip=("$1/bin/python" -m pip install -q)
"${pip[@]}" 'torch==2.13.0+cpu' 2>/dev/null || "${pip[@]}" 'torch==2.13.0'
"${pip[@]}" numpy pillow safetensors pyyaml tqdm filelock fsspec packaging
# Without their dependencies, so that they do not bring a second torch.
"${pip[@]}" --no-deps 'torchvision==0.28.0' 'timm==1.0.31'
