#!/bin/sh
# Puts edgeface on this machine as a service, step by step; run it again to update. Undo it with --uninstall, which keeps
# the gallery and the settings; --purge forgets them too.
#
#   sudo sh systemd/install.sh [--broker] [--uninstall | --purge]      --broker: a Mosquitto on this board as well
#   sh systemd/install.sh --stage DIR     only lay the files below DIR, as a packager does; no root, nothing started
set -eu

here=$(cd "$(dirname "$0")" && pwd)
stage=""
broker=""
undo=""
while [ $# -gt 0 ]; do
    case "$1" in
        --stage) stage=${2:?"--stage needs a folder"}; shift ;;
        --broker) broker=yes ;;
        --uninstall) undo=keep ;;
        --purge) undo=forget ;;
        -h|--help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "install: unknown option $1; see --help" >&2; exit 64 ;;
    esac
    shift
done

say() { printf '%s\n' "install: $*"; }
units=$stage/etc/systemd/system
live() { [ -z "$stage" ]; }

if live && [ "$(id -u)" -ne 0 ]; then
    echo "install: this changes the system: run it with sudo, or try it with --stage DIR" >&2
    exit 77
fi

# place FILE TARGET MODE: a file of ours, replaced at every run
place() { mkdir -p "$(dirname "$2")"; install -m "$3" "$here/$1" "$2"; say "wrote $2"; }
# offer FILE TARGET MODE: a file that becomes the owner's, never replaced
offer() { if [ -e "$2" ]; then say "kept $2"; else place "$1" "$2" "$3"; fi; }

remove() {
    if live; then systemctl disable --now edgeface.service 2>/dev/null || true; fi
    rm -f "$units/edgeface.service" "$units/edgeface-alarm.service"
    rm -f "$stage/usr/lib/sysusers.d/edgeface.conf" "$stage/usr/lib/tmpfiles.d/edgeface.conf"
    rm -f "$stage/etc/mosquitto/conf.d/edgeface.conf"
    rm -rf "$stage/opt/edgeface"
    if [ "$undo" = forget ]; then
        rm -rf "$stage/etc/edgeface" "$stage/var/lib/edgeface"
        rm -f "$stage/etc/mosquitto/edgeface.acl" "$stage/etc/mosquitto/edgeface.passwd"
        say "removed edgeface, its settings and its gallery"
    else
        say "removed edgeface; kept /etc/edgeface and /var/lib/edgeface (--purge forgets them)"
    fi
    if live; then systemctl daemon-reload; fi
}

packages() {
    want="python3-venv"
    [ -z "$broker" ] || want="$want mosquitto"
    # Only Raspberry Pi OS has it; a camera of another kind needs none.
    if apt-cache show python3-picamera2 >/dev/null 2>&1; then want="$want python3-picamera2"; fi
    say "packages: $want"
    # shellcheck disable=SC2086  # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want
}

program() {
    # System packages stay visible: picamera2 comes from apt.
    [ -x /opt/edgeface/venv/bin/python ] || python3 -m venv --system-site-packages /opt/edgeface/venv
    /opt/edgeface/venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$here/.."
    install -m 644 "$here/../README.md" /opt/edgeface/README.md
    say "installed $(/opt/edgeface/venv/bin/edgeface --version)"
}

files() {
    place edgeface.service "$units/edgeface.service" 644
    place edgeface-alarm.service "$units/edgeface-alarm.service" 644
    place edgeface.sysusers "$stage/usr/lib/sysusers.d/edgeface.conf" 644
    place edgeface.tmpfiles "$stage/usr/lib/tmpfiles.d/edgeface.conf" 644
    if live; then
        systemd-sysusers edgeface.conf
        systemd-tmpfiles --create edgeface.conf
    fi
    offer reader.env "$stage/etc/edgeface/reader.env" 640
    if [ ! -e "$stage/etc/edgeface/edgeface.toml" ]; then
        mkdir -p "$stage/etc/edgeface"
        : > "$stage/etc/edgeface/edgeface.toml"
        say "wrote $stage/etc/edgeface/edgeface.toml, empty: every setting has its default (edgeface config show)"
    fi
    mkdir -p "$stage/etc/edgeface/credentials"
    chmod 700 "$stage/etc/edgeface/credentials"
    [ -e "$stage/etc/edgeface/credentials/mqtt-password" ] || : > "$stage/etc/edgeface/credentials/mqtt-password"
    chmod 600 "$stage/etc/edgeface/credentials/mqtt-password"
    if [ -n "$broker" ]; then
        place mosquitto.conf "$stage/etc/mosquitto/conf.d/edgeface.conf" 644
        offer mosquitto.acl "$stage/etc/mosquitto/edgeface.acl" 644
        [ -e "$stage/etc/mosquitto/edgeface.passwd" ] || : > "$stage/etc/mosquitto/edgeface.passwd"
        chmod 640 "$stage/etc/mosquitto/edgeface.passwd"
    fi
    if live; then
        chown -R root:edgeface /etc/edgeface && chown -R root:root /etc/edgeface/credentials
        if [ -n "$broker" ]; then chown root:mosquitto /etc/mosquitto/edgeface.passwd; fi
    fi
}

if [ -n "$undo" ]; then remove; exit 0; fi
if live; then packages; program; fi
files
if live; then
    systemctl daemon-reload
    systemctl enable edgeface.service
    say "next: name the camera in /etc/edgeface/reader.env and the broker in /etc/edgeface/edgeface.toml, enrol somebody with"
    say "  sudo -u edgeface /opt/edgeface/venv/bin/edgeface --home /var/lib/edgeface enrol NAME PICTURE..."
    say "and start it: sudo systemctl start edgeface"
fi
