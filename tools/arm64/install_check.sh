#!/bin/sh
# Runs as root inside a Debian that may be spoilt: systemd/install.sh on it, once, again, with a Pi's packages, and undone.
# systemd does not run there, so nothing is started; its own tools enable the unit and make user and folders.
#
#   sh install_check.sh SOURCE     prints a line for each thing that holds, and stops at the first that does not
set -eu
source=$1
install() { sh "$source/systemd/install.sh" "$@" > /tmp/said 2>&1 || { cat /tmp/said >&2; exit 1; }; }
holds() { said=$1; shift; "$@" || { echo "does not hold: $said" >&2; exit 1; }; echo "$said"; }
python=/opt/edgeface/venv/bin/python
# What is ours and what Debian keeps of it; caches and the logs of apt are no part of it.
listed() {
    find /etc /opt /usr/lib /var/lib \( -path /var/lib/apt -o -path /var/lib/dpkg -o -path '*/__pycache__*' \) -prune -o \
        \( -type f -o -type l \) -print | sort > "$1"
}
owned() { [ "$(stat -c '%U:%G %a' "$1")" = "$2" ]; }
says() { grep -q "$1" "$2"; }
without() { ! "$@"; }

listed /tmp/before
cp /etc/passwd /etc/group /tmp/
install --broker
holds "installed: $($python -m edgeface --version) with $($python -c 'import platform; print(platform.python_version(), platform.machine())')" \
    test -x /opt/edgeface/venv/bin/edgeface
holds "the unit starts with the machine" test -L /etc/systemd/system/multi-user.target.wants/edgeface.service
holds "systemd finds nothing to say about the units" sh -c '
    said=$(systemd-analyze verify /etc/systemd/system/edgeface.service /etc/systemd/system/edgeface-alarm.service 2>&1) &&
    [ -z "$said" ] || { echo "$said" >&2; false; }'
holds "the reader has a user of its own, in groups video and gpio" sh -c 'id edgeface > /dev/null && id -nG edgeface | grep -q gpio'
holds "settings are the owner's, credentials root's alone" sh -c '
    [ "$(stat -c "%U:%G %a" /etc/edgeface)" = "root:edgeface 750" ] &&
    [ "$(stat -c "%U:%G %a" /etc/edgeface/credentials)" = "root:root 700" ]'
holds "as that user: doctor finds the models proven" sh -c "
    setpriv --reuid edgeface --regid edgeface --init-groups $python -m edgeface --home /var/lib/edgeface doctor --json \
        > /proof/doctor.jsonl || true
    grep -q 'edgeface-embed-80 (litert-xnnpack, proven)' /proof/doctor.jsonl"

echo 'EDGEFACE_SOURCE=rtsp://192.0.2.1/door' > /etc/edgeface/reader.env
listed /tmp/first
install --broker
listed /tmp/again
holds "run again: nothing is added, and what the owner wrote is kept" sh -c '
    cmp -s /tmp/first /tmp/again && grep -q 192.0.2.1 /etc/edgeface/reader.env'

sh "$(dirname "$0")/pi_package.sh"
holds "before: no picamera2" without $python -c 'import picamera2' 2> /dev/null
install --broker
holds "picamera2 comes from apt, and the reader finds it" sh -c "
    grep -q python3-picamera2 /tmp/said && $python -c 'import picamera2; assert picamera2.__file__.startswith(\"/usr/lib/\")'"
holds "its numpy is the venv's own, not apt's" sh -c "$python -c 'import numpy; print(numpy.__file__)' | grep -q ^/opt/edgeface/"

install --uninstall
holds "undone: no unit, no program" sh -c '
    [ ! -e /etc/systemd/system/edgeface.service ] && [ ! -e /opt/edgeface ] &&
    [ ! -L /etc/systemd/system/multi-user.target.wants/edgeface.service ]'
holds "the gallery's folder and the settings are kept" test -e /etc/edgeface/reader.env
install --purge
listed /tmp/after
diff /tmp/before /tmp/after | grep -v picamera2 | grep '^[<>]' > /tmp/left || true
holds "forgotten: no file is left that was not there before" sh -c '[ ! -s /tmp/left ] || { cat /tmp/left >&2; false; }'
holds "nor a user or group" sh -c 'cmp -s /etc/passwd /tmp/passwd && ! grep -q ^edgeface: /etc/group'
