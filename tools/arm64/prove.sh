#!/bin/sh
# Does an arm64 board compute and install what this machine does? A Debian 12 for arm64 under qemu installs the wheel and
# does the reader's work; the numbers are held against this machine's.
#
#   make arm64        as root, on Debian 12; half an hour the first time, then a quarter: the system is kept in FOLDER
#   sh tools/arm64/prove.sh [FOLDER [STEP...]]      steps: cores here install page; without any, all of them
#
# Needs debootstrap, qemu-user-static, binfmt-support and the network. It writes docs/arm64.md and docs/arm64.json.
# Mounts are made in a namespace of their own and are gone with it.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeface/arm64}
[ $# -eq 0 ] || shift
steps=${*:-cores here install page}
PYTHON=${PYTHON:-$source/.venv/bin/python}
say() { printf 'arm64: %s\n' "$*" >&2; }

if [ "${EDGEFACE_APART:-}" != yes ]; then
    [ "$(id -u)" -eq 0 ] || { say "a root is built and entered: run it as root"; exit 77; }
    for program in debootstrap qemu-aarch64-static qemu-x86_64-static update-binfmts; do
        command -v "$program" >/dev/null || { say "apt-get install qemu-user-static debootstrap binfmt-support"; exit 69; }
    done
    # shellcheck disable=SC2086  # steps are words
    EDGEFACE_APART=yes exec unshare --mount --propagation private sh "$0" "$folder" $steps
fi
mkdir -p "$folder" && cd "$folder"

# The kernel hands arm64 programs to qemu; chroot needs that.
[ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64

if [ ! -d root ]; then
    say "a Debian for arm64, some ten minutes, once"
    rm -rf new
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=python3,python3-venv,ca-certificates,systemd,mosquitto,openssl bookworm new > debootstrap.log
    chroot new /debootstrap/debootstrap --second-stage >> debootstrap.log
    rm -f new/var/cache/apt/archives/*.deb
    mv new root
fi

say "wheels: ours, and for arm64 the releases of all others that this machine has"
rm -rf ours && "$PYTHON" -m pip wheel -q --no-deps --wheel-dir ours "$source"
installed=$("$PYTHON" -m pip freeze --exclude-editable --exclude edgeface | sha256sum)
if [ "$installed" != "$(cat wheels/of 2>/dev/null)" ]; then
    rm -rf wheels && mkdir wheels
    "$PYTHON" -m pip freeze --exclude-editable --exclude edgeface > constraints
    "$PYTHON" -m pip download -q --only-binary=:all: --python-version 311 --implementation cp --dest wheels \
        --platform manylinux_2_36_aarch64 --platform manylinux_2_34_aarch64 --platform manylinux_2_28_aarch64 \
        --platform manylinux_2_27_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
        --constraint constraints ours/*.whl "setuptools>=68" wheel
    rm -f wheels/edgeface-*
    echo "$installed" > wheels/of
fi

# Each run starts from the same system: what it changes lies in memory.
mkdir -p over && mount -t tmpfs tmpfs over && mkdir over/upper over/work over/system
mount -t overlay overlay -o "lowerdir=$folder/root,upperdir=over/upper,workdir=over/work" over/system
system=$folder/over/system
mount -t proc proc "$system/proc" && mount --rbind /dev "$system/dev" && mount -t tmpfs tmpfs "$system/run"
mkdir -p "$system/sys/devices/system/cpu" "$system/proof" result
for file in possible present online; do echo 0-1 > "$system/sys/devices/system/cpu/$file"; done
cp -r wheels ours "$source/tools/arm64/inside.py" "$source/tools/arm64/install_check.sh" "$source/tools/arm64/pi_package.sh" "$system/proof/"
(cd "$source" && git ls-files -z | xargs -0 cp --parents -t "$(mkdir -p "$system/proof/source" && echo "$system/proof/source")")
(cd "$source" && "$PYTHON" -m tools.arm64.portraits "$folder/shots")
cp -r shots "$system/proof/"

inside() { chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 QEMU_CPU="$cpu" \
    PIP_NO_INDEX=1 PIP_FIND_LINKS=/proof/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore "$@"; }

# cpu NAME PART FEATURES: /proc/cpuinfo as this core has it; without one of the right kind XNNPACK stays off, silently
cpu() {
    cpu=$1
    for core in 0 1; do
        printf 'processor\t: %s\nBogoMIPS\t: 108.00\nFeatures\t: %s\nCPU implementer\t: 0x41\n' "$core" "$3"
        printf 'CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: %s\nCPU revision\t: 3\n\n' "$2"
    done > cpuinfo
    umount "$system/proc/cpuinfo" 2>/dev/null || true
    cp cpuinfo "$system/proof/cpuinfo" && mount --bind "$system/proof/cpuinfo" "$system/proc/cpuinfo"
}

old="fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
new="$old atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
cores() {
    cpu cortex-a72 0xd08 "$old"
    say "the wheel and what it needs"
    inside python3 -m venv /proof/venv
    inside sh -c '/proof/venv/bin/python -m pip install -q /proof/ours/*.whl'
    # Raspberry Pi Zero 2 and 3, 4, 5.
    for which in "cortex-a53 0xd03 $old" "cortex-a72 0xd08 $old" "cortex-a76 0xd0b $new"; do
        # shellcheck disable=SC2086  # name and part are words, features the rest
        set -- $which; name=$1; part=$2; shift 2
        say "the work on $name"
        cpu "$name" "$part" "$*"
        inside /proof/venv/bin/python /proof/inside.py /proof/shots "/proof/$name.npz" "/proof/home-$name"
        cp "$system/proof/$name.npz" "result/arm64 $name.npz"
    done
}

here() {
    say "the work on this machine, and on older ones in emulation"
    rm -rf homes && mkdir homes
    "$PYTHON" "$source/tools/arm64/inside.py" shots "result/x86-64 this machine.npz" homes/native
    for older in IvyBridge Haswell; do
        qemu-x86_64-static -cpu "$older" "$PYTHON" "$source/tools/arm64/inside.py" shots "result/x86-64 $older.npz" \
            "homes/$older" 2> errors || { cat errors >&2; exit 1; }
    done
}

install() {
    say "systemd/install.sh, again, undone"
    cpu cortex-a72 0xd08 "$old"
    inside sh /proof/install_check.sh /proof/source > result/install.txt || { cat result/install.txt >&2; exit 1; }
    cp "$system/proof/doctor.jsonl" result/
}

page() { (cd "$source" && "$PYTHON" -m tools.arm64 "$folder/result" --out docs/arm64.md); }

for step in $steps; do "$step"; done
