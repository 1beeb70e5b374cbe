#!/usr/bin/env bash
# The demonstration: segment the bundled patient, print the agreement with the reference mask and save pictures; with a
# display, then open the window on that patient.
# usage: tools/demo.sh VENV/bin
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1

x11_answers() {  # DISPLAY may be set and dead
    "$bin/python" -c '
import ctypes
x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
raise SystemExit(0 if x11.XOpenDisplay(None) else 1)' 2>/dev/null
}

has_display() {
    [ "${QT_QPA_PLATFORM:-}" != offscreen ] || return 1
    [ "$(uname -s)" = Darwin ] || [ -n "${WAYLAND_DISPLAY:-}" ] || { [ -n "${DISPLAY:-}" ] && x11_answers; }
}

"$bin/tumorview" demo -o demo-output

if has_display; then
    echo "Opening the window on the same patient; close it to end the demonstration."
    exec "$bin/tumorview" --sample
fi
echo "No display here, so the window was not opened. On a desktop: $bin/tumorview --sample"
