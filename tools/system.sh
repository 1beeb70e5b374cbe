#!/usr/bin/env bash
# Install the system libraries that the window needs (root with apt), or name what is missing and the command for it.
# Instant when everything is there.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0     # the wheels of macOS and Windows bring everything

# Debian package            what proves that it is there
required="
libegl1                     lib:libEGL.so.1
libgl1                      lib:libGL.so.1
libglib2.0-0                lib:libglib-2.0.so.0
libfontconfig1              lib:libfontconfig.so.1
libfreetype6                lib:libfreetype.so.6
libdbus-1-3                 lib:libdbus-1.so.3
libxkbcommon0               lib:libxkbcommon.so.0
libxkbcommon-x11-0          lib:libxkbcommon-x11.so.0
libx11-xcb1                 lib:libX11-xcb.so.1
libxcb-cursor0              lib:libxcb-cursor.so.0
libxcb-icccm4               lib:libxcb-icccm.so.4
libxcb-image0               lib:libxcb-image.so.0
libxcb-keysyms1             lib:libxcb-keysyms.so.1
libxcb-randr0               lib:libxcb-randr.so.0
libxcb-render-util0         lib:libxcb-render-util.so.0
libxcb-shape0               lib:libxcb-shape.so.0
libxcb-sync1                lib:libxcb-sync.so.1
libxcb-util1                lib:libxcb-util.so.1
libxcb-xfixes0              lib:libxcb-xfixes.so.0
libxcb-xkb1                 lib:libxcb-xkb.so.1
libgl1-mesa-dri             file:/usr/lib/*/dri/swrast_dri.so
fonts-dejavu-core           file:/usr/share/fonts/*/*/*.ttf
"
# Only tests use these; those that need them are skipped without.
optional="
xvfb                        cmd:Xvfb
xdotool                     cmd:xdotool
dcm2niix                    cmd:dcm2niix
"

libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)

present() {  # is the proof $1 there?
    case $1 in
        lib:*) grep -qF "${1#lib:} " <<<"$libraries" ;;
        cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
        file:*) compgen -G "${1#file:}" >/dev/null ;;
    esac
}

missing_of() {  # packages of the table $1 whose proof is missing
    local package proof
    while read -r package proof; do
        [ -z "$package" ] || present "$proof" || printf '%s ' "$package"
    done <<<"$1"
}

missing=$(missing_of "$required")
extra=$(missing_of "$optional")
[ -n "$missing$extra" ] || exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing system packages: $missing$extra"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null || echo "apt-get update failed; trying with the package lists at hand" >&2
    # shellcheck disable=SC2086
    [ -z "$missing" ] || apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
    for package in $extra; do
        apt-get install -y -qq --no-install-recommends "$package" </dev/null >/dev/null \
            || echo "$package could not be installed; the tests that need it will be skipped" >&2
    done
elif [ -n "$missing" ]; then
    echo "Missing system libraries: $missing" >&2
    if command -v apt-get >/dev/null 2>&1; then
        echo "The window may not start without them. Install them with:" >&2
        echo "    sudo apt-get install $missing" >&2
    else
        echo "The window may not start without them (names as in Debian)." >&2
    fi
fi
