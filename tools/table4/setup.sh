#!/usr/bin/env bash
# Create the environment of Table 4 at pinned versions; TumorView itself is read from the checkout.
# usage: tools/table4/setup.sh VENV [arguments for pip]
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$1
shift
if ! [ -x "$venv/bin/python" ]; then
    .venv/bin/python -m venv "$venv"
fi
echo "Installing pinned versions into $venv (about 6 GB: torchvision needs the full build of torch)"
"$venv/bin/python" -m pip --disable-pip-version-check install -qq \
    -c tools/table4/constraints.txt -r tools/table4/requirements.txt "$@"
"$venv/bin/python" -c 'import segmentation_models_pytorch, torch, torchvision; torch.zeros(2).sum()'
