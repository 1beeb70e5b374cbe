#!/usr/bin/env bash
# Create napari's own environment for the comparison. usage: benchmarks/napari/setup.sh VENV
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$1
[ -x "$venv/bin/python" ] || .venv/bin/python -m venv "$venv"
echo "Installing napari into $venv (about 1 GB)"
"$venv/bin/python" -m pip --disable-pip-version-check install -qq -r benchmarks/napari/requirements.txt
