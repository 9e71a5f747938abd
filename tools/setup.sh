#!/bin/sh
# Sets up what the demo and the tests need: Mosquitto and Python's venv from Debian if they are missing, and a virtual
# environment with edgeface and its tools for development. Can be run again.
set -eu

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

have() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null 2>&1; }

install_packages() {
    echo "Installing from Debian: $*"
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || { echo "setup: please run as root: apt-get install $*" >&2; exit 1; }
        sudo=sudo
    fi
    $sudo apt-get update -qq
    # No daemon is wanted: the demo and the tests start a broker of their own.
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@"
}

missing=""
[ -z "${BROWSER:-}" ] || have chromedriver || missing="$missing chromium chromium-driver"  # make test-browser
have mosquitto || missing="$missing mosquitto"
have openssl || missing="$missing openssl"  # makes the certificates of the broker on the board
have systemd-analyze || missing="$missing systemd"  # its tools judge the units; nothing of it is started
have "$PYTHON" || missing="$missing python3"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
# shellcheck disable=SC2086  # one word a package
[ -z "$missing" ] || install_packages $missing

"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || {
    echo "setup: edgeface needs Python 3.11 to 3.13; choose one with: make PYTHON=python3.12 ..." >&2
    exit 1
}
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
