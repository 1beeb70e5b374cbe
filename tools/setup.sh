#!/usr/bin/env bash
# Create the virtual environment and install TumorView, its checks and its benchmarks at pinned versions.
# usage: tools/setup.sh VENV [arguments for pip]
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
shift

usable() {  # is $1 a Python that is new enough and can make virtual environments?
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {  # the tested version first
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13 python3.14 python; do
        if command -v "$candidate" >/dev/null 2>&1 && usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    cat >&2 <<'MESSAGE'
TumorView needs Python 3.11 or newer with the venv module, and none was found.
Debian and Ubuntu: apt-get install python3 python3-venv. Or name one: make setup PYTHON=/path/to/python3
MESSAGE
    return 1
}

if ! [ -x "$venv/bin/python" ] || ! usable "$venv/bin/python"; then
    python=$(find_python)
    echo "Creating $venv with $("$python" --version)"
    "$python" -m venv "$venv"
fi

echo "Installing pinned versions into $venv (a few minutes the first time)"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install -qq -c constraints.txt hatchling editables
pip install -qq -c constraints.txt --no-build-isolation "$@" -e '.[test,bench]'

if ! message=$("$venv/bin/python" -c 'import PySide6.QtGui, PySide6.QtWidgets' 2>&1); then
    echo "${message##*$'\n'}" >&2
    echo "Qt does not load: a system library is missing. \`make system\` names the packages." >&2
    exit 1
fi
