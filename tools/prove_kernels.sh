#!/bin/sh
# Do the shipped models give their golden outputs on other processors too? Emulated: Raspberry Pi cores (arm64) and older PCs.
#
#   sh tools/prove_kernels.sh FOLDER
#
# Needs Debian 12 with qemu-user-static, the network (arm64 packages, kept in FOLDER) and some minutes; no root, no chroot:
# qemu looks for files below FOLDER/root first, where the arm64 Python and a Pi's /proc/cpuinfo lie.
set -eu
HERE=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$HERE/.venv/bin/python}
mkdir -p "$1" && cd "$1"

version() { "$PYTHON" -c "from importlib.metadata import version; print(version('$1'))"; }

if [ ! -e root/ready ]; then
    mkdir -p lists/partial packages wheels root
    options="-o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::lists=$PWD/lists
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::State::status=/dev/null"
    apt-get -q $options update
    (cd packages && apt-get -q $options download libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libssl3 libbz2-1.0 liblzma5 \
        libffi8 libuuid1 libcrypt1 python3.11 python3.11-minimal libpython3.11-minimal libpython3.11-stdlib)
    for package in packages/*.deb; do dpkg -x "$package" root; done
    "$PYTHON" -m pip download -q --no-deps --only-binary=:all: --python-version 311 -d wheels \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
        "ai-edge-litert==$(version ai-edge-litert)" "numpy==$(version numpy)"
    for wheel in wheels/*.whl; do "$PYTHON" -m zipfile -e "$wheel" root/site; done
    mkdir -p root/proc root/sys/devices/system/cpu
    for file in possible present online; do echo 0-1 > root/sys/devices/system/cpu/$file; done
    # Without a cpuinfo of the right kind XNNPACK stays off, silently. This is a Cortex-A72 twice, a Pi 4's.
    for core in 0 1; do
        printf 'processor\t: %s\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n' $core
        printf 'CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n'
    done > root/proc/cpuinfo
    touch root/ready
fi

cat > verify.py <<END
import sys
sys.path.insert(0, "$HERE")
from pathlib import Path
from edgeface.adapters import golden, manifest, tflite
for entry in manifest.read(Path("$HERE/models/manifest.toml")).values():
    finding = golden.verify(tflite.load(entry.spec, entry.folder))
    print(" ", finding.path, finding.detail)
    if finding.proof is not golden.Proof.PROVEN:
        sys.exit(1)
END

for processor in cortex-a53 cortex-a72 cortex-a76; do
    echo "arm64, $processor"
    PYTHONPATH=$PWD/root/site qemu-aarch64-static -cpu $processor -L root root/usr/bin/python3.11 -S verify.py
done
for processor in IvyBridge Haswell; do
    echo "x86-64, $processor"
    qemu-x86_64-static -cpu $processor "$PYTHON" verify.py 2> errors || { cat errors >&2; exit 1; }  # it warns a lot
done
echo "x86-64, this machine"
"$PYTHON" verify.py
