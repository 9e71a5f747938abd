#!/bin/sh
# Puts edgeface on this machine as a service, step by step; run it again to update. Undo it with --uninstall, which keeps
# the gallery and the settings; --purge forgets them too.
#
#   sudo sh systemd/install.sh [--broker] [--console] [--uninstall | --purge]
#       --broker: a Mosquitto on this board as well, with certificates and the reader's password
#       --console: the reader in a browser, on this board alone
#   sh systemd/install.sh --stage DIR     only lay the files below DIR, as a packager does; no root, nothing started
#
# In the root of an image that is being built nothing runs: then all is done but to start and stop.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
stage=""
broker=""
console=""
undo=""
while [ $# -gt 0 ]; do
    case "$1" in
        --stage) stage=${2:?"--stage needs a folder"}; shift ;;
        --broker) broker=yes ;;
        --console) console=yes ;;
        --uninstall) undo=keep ;;
        --purge) undo=forget ;;
        -h|--help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "install: unknown option $1; see --help" >&2; exit 64 ;;
    esac
    shift
done

say() { printf '%s\n' "install: $*"; }
units=$stage/etc/systemd/system
live() { [ -z "$stage" ]; }
# In an image systemd does not run: its tools work on the files alone.
booted() { live && [ -d /run/systemd/system ]; }
reload() { if booted; then systemctl daemon-reload; fi; }
enable() { if booted; then systemctl enable "$1"; else systemctl --root=/ --quiet enable "$1"; fi; }

if live && [ "$(id -u)" -ne 0 ]; then
    echo "install: this changes the system: run it with sudo, or try it with --stage DIR" >&2
    exit 77
fi

# place FILE TARGET MODE: a file of ours, replaced at every run
place() { mkdir -p "$(dirname "$2")"; install -m "$3" "$here/$1" "$2"; say "wrote $2"; }
# offer FILE TARGET MODE: a file that becomes the owner's, never replaced
offer() { if [ -e "$2" ]; then say "kept $2"; else place "$1" "$2" "$3"; fi; }

remove() {
    if booted; then systemctl disable --now edgeface-console.service edgeface.service 2>/dev/null || true; fi
    if live && ! booted; then systemctl --root=/ --quiet disable edgeface-console.service edgeface.service 2>/dev/null || true; fi
    rm -f "$units/edgeface.service" "$units/edgeface-alarm.service" "$units/edgeface-console.service"
    rm -f "$stage/usr/lib/sysusers.d/edgeface.conf" "$stage/usr/lib/tmpfiles.d/edgeface.conf"
    dropin=$stage/etc/mosquitto/conf.d/edgeface.conf
    if [ -e "$dropin" ]; then
        rm -f "$dropin"
        if booted; then systemctl try-restart mosquitto.service; fi
    fi
    rm -rf "$stage/opt/edgeface"
    if [ "$undo" = forget ]; then
        rm -rf "$stage/etc/edgeface" "$stage/var/lib/edgeface" "$stage/var/lib/edgeface-console"
        rm -rf "$stage/etc/mosquitto/edgeface.acl" "$stage/etc/mosquitto/edgeface.passwd" "$stage/etc/mosquitto/edgeface"
        if live && id edgeface >/dev/null 2>&1; then userdel edgeface; fi
        say "removed edgeface, its settings and its gallery"
    else
        say "removed edgeface; kept /etc/edgeface and /var/lib/edgeface (--purge forgets them)"
    fi
    reload
}

packages() {
    want="python3-venv"
    [ -z "$broker" ] || want="$want mosquitto openssl"
    # Only Raspberry Pi OS has it; a camera of another kind needs none.
    if apt-cache show python3-picamera2 >/dev/null 2>&1; then want="$want python3-picamera2"; fi
    say "packages: $want"
    # shellcheck disable=SC2086  # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want
}

program() {
    # System packages stay visible: picamera2 comes from apt.
    [ -x /opt/edgeface/venv/bin/python ] || python3 -m venv --system-site-packages /opt/edgeface/venv
    /opt/edgeface/venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$here/..${console:+[web]}"
    install -m 644 "$here/../README.md" /opt/edgeface/README.md
    say "installed $(/opt/edgeface/venv/bin/edgeface --version)"
}

files() {
    place edgeface.service "$units/edgeface.service" 644
    [ -z "$console" ] || place edgeface-console.service "$units/edgeface-console.service" 644
    place edgeface-alarm.service "$units/edgeface-alarm.service" 644
    place edgeface.sysusers "$stage/usr/lib/sysusers.d/edgeface.conf" 644
    place edgeface.tmpfiles "$stage/usr/lib/tmpfiles.d/edgeface.conf" 644
    if live; then
        systemd-sysusers edgeface.conf
        systemd-tmpfiles --create edgeface.conf
    fi
    if [ -n "$broker" ]; then secure_broker; fi
    offer reader.env "$stage/etc/edgeface/reader.env" 640
    if [ ! -e "$stage/etc/edgeface/edgeface.toml" ]; then
        mkdir -p "$stage/etc/edgeface"
        : > "$stage/etc/edgeface/edgeface.toml"
        say "wrote $stage/etc/edgeface/edgeface.toml, empty: every setting has its default (edgeface config show)"
    fi
    own_settings
    mkdir -p "$stage/etc/edgeface/credentials"
    chmod 700 "$stage/etc/edgeface/credentials"
    [ -e "$stage/etc/edgeface/credentials/mqtt-password" ] || : > "$stage/etc/edgeface/credentials/mqtt-password"
    chmod 600 "$stage/etc/edgeface/credentials/mqtt-password"
    if live; then chown -R root:edgeface /etc/edgeface && chown -R root:root /etc/edgeface/credentials; fi
    if live; then chown -R edgeface:edgeface /etc/edgeface/settings; fi
}

# A command may set the dial, so the reader owns that one file, in a folder where nothing else is.
own_settings() {
    mkdir -p "$stage/etc/edgeface/settings"
    chmod 750 "$stage/etc/edgeface/settings"
    [ -L "$stage/etc/edgeface/edgeface.toml" ] && return
    mv "$stage/etc/edgeface/edgeface.toml" "$stage/etc/edgeface/settings/edgeface.toml"
    ln -s settings/edgeface.toml "$stage/etc/edgeface/edgeface.toml"
}

# What is there already stays, as clients know it.
secure_broker() {
    own=$stage/etc/mosquitto
    place mosquitto.conf "$own/conf.d/edgeface.conf" 644
    offer mosquitto.acl "$own/edgeface.acl" 644
    sh "$here/certificates.sh" "$own/edgeface" | sed 's/^/install: /'
    if [ ! -e "$own/edgeface.passwd" ]; then
        : > "$own/edgeface.passwd"
        if live; then
            password=$(head -c 32 /dev/urandom | sha256sum | cut -c 1-32)
            mkdir -p /etc/edgeface/credentials && chmod 700 /etc/edgeface/credentials
            (umask 077 && echo "$password" > /etc/edgeface/credentials/mqtt-password)
            echo "edgeface:$password" > "$own/edgeface.passwd" && mosquitto_passwd -U "$own/edgeface.passwd"
            say "gave the reader a password at the broker; others: mosquitto_passwd $own/edgeface.passwd USER"
        fi
    fi
    chmod 640 "$own/edgeface.passwd" "$own/edgeface/broker.key"
    if live; then chown root:mosquitto "$own/edgeface.passwd" "$own/edgeface/broker.key"; fi
    if [ ! -e "$stage/etc/edgeface/edgeface.toml" ]; then
        mkdir -p "$stage/etc/edgeface"
        {
            echo '[mqtt]'
            echo 'broker = "mqtts://edgeface@localhost:8883"'
            echo 'ca_file = "/etc/mosquitto/edgeface/ca.pem"'
            echo 'password_file = "/run/credentials/edgeface.service/mqtt-password"'
        } > "$stage/etc/edgeface/edgeface.toml"
        say "wrote $stage/etc/edgeface/edgeface.toml: the broker on this board"
    fi
    if booted; then systemctl restart mosquitto.service; fi
}

if [ -n "$undo" ]; then remove; exit 0; fi
if live; then packages; program; fi
files
if live; then
    reload
    enable edgeface.service
    [ -z "$console" ] || enable edgeface-console.service
    say "next: name the camera in /etc/edgeface/reader.env and the broker in /etc/edgeface/edgeface.toml, enrol somebody with"
    say "  sudo -u edgeface /opt/edgeface/venv/bin/edgeface --home /var/lib/edgeface enrol NAME PICTURE..."
    say "and start it: sudo systemctl start edgeface"
fi
