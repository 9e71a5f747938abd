#!/bin/sh
# The service under a real systemd: a Debian boots in a container, systemd/install.sh --broker runs in it, and the reader
# watches a network camera outside: started, killed, hung, stopped, broken, undone.
#
#   make booted       as root, on Debian 12; needs debootstrap, systemd-container and the network; FOLDER keeps the Debian
#   sh tools/booted/prove.sh [FOLDER]
#
# It writes docs/service.md. What the kernel enforces of the sandbox (system calls, devices, addresses) it enforces here.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeface/booted}
PYTHON=${PYTHON:-$source/.venv/bin/python}
say() { printf 'booted: %s\n' "$*" >&2; }

if [ "${EDGEFACE_APART:-}" != yes ]; then
    [ "$(id -u)" -eq 0 ] || { say "a root is built and booted: run it as root"; exit 77; }
    for program in debootstrap systemd-nspawn; do
        command -v "$program" >/dev/null || { say "apt-get install debootstrap systemd-container"; exit 69; }
    done
    EDGEFACE_APART=yes exec unshare --mount --propagation private sh "$0" "$folder"
fi
mkdir -p "$folder" && cd "$folder"

if [ ! -d root ]; then
    say "a Debian, a minute or two, once"
    rm -rf new
    debootstrap --variant=minbase bookworm new \
        --include=python3,python3-venv,ca-certificates,systemd,systemd-sysv,dbus,mosquitto,openssl > debootstrap.log
    rm -f new/var/cache/apt/archives/*.deb
    mv new root
fi
wanted=$("$PYTHON" -m pip freeze --exclude-editable --exclude edgeface | sha256sum)
if [ "$wanted" != "$(cat wheels/of 2>/dev/null)" ]; then
    say "the releases of all wheels that this machine has, for Debian's Python"
    rm -rf wheels ours
    "$PYTHON" -m pip freeze --exclude-editable --exclude edgeface > constraints
    "$PYTHON" -m pip wheel -q --no-deps --wheel-dir ours "$source"
    "$PYTHON" -m pip download -q --only-binary=:all: --python-version 311 --dest wheels --constraint constraints \
        ours/*.whl "setuptools>=68" wheel
    rm -f wheels/edgeface-*
    echo "$wanted" > wheels/of
fi

mkdir -p over && mount -t tmpfs tmpfs over && mkdir over/upper over/work over/system
mount -t overlay overlay -o "lowerdir=$folder/root,upperdir=over/upper,workdir=over/work" over/system
system=$folder/over/system
mkdir -p "$system/proof/source"
cp -r wheels "$source/tools/booted/check.sh" "$source/tools/booted/listen.py" "$system/proof/"
(cd "$source" && git ls-files -z | xargs -0 cp --parents -t "$system/proof/source")
echo '127.0.0.1 localhost' > "$system/etc/hosts"
cat > "$system/etc/systemd/system/proof.service" <<END
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
Environment=PIP_NO_INDEX=1 PIP_FIND_LINKS=/proof/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ExecStart=/bin/sh /proof/check.sh
StandardOutput=file:/proof/said
StandardError=file:/proof/errors
[Install]
WantedBy=default.target
END
systemctl --root="$system" --quiet enable proof.service
cd "$source"
"$PYTHON" -m tools.booted.camera "$system/proof" &
camera=$!
trap 'kill $camera' EXIT
until [ -s "$system/proof/camera" ]; do sleep 0.1; done
say "a boot, an installation, and all that can go wrong: three minutes"
systemd-nspawn --quiet --directory="$system" --register=no --keep-unit --machine=edgeface-proof --boot \
    > "$folder/console.log" 2>&1 || true
cat "$system/proof/said"
grep -q '^end$' "$system/proof/said" || { cat "$system/proof/errors" >&2; exit 1; }
"$PYTHON" -m tools.booted "$system/proof/said" --out docs/service.md
