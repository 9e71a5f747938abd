"""Put a quantized file into `models/` and its digest into the manifest.

python -m tools.install_model edgeface-embed-80 work/embedder/embedder.tflite
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
from pathlib import Path

MODELS = Path(__file__).parent.parent / "models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the manifest's entry")
    parser.add_argument("file", type=Path, help="int8 file from tools.quantize")
    parser.add_argument("--threshold", type=float, help="new value of the entry's threshold, from tools.evaluate")
    arguments = parser.parse_args()
    install(arguments.name, arguments.file, arguments.threshold)


def install(name: str, file: Path, threshold: float | None) -> None:
    """Copy the file, then rewrite the entry's sha256 and, if given, its threshold."""
    shutil.copyfile(file, MODELS / f"{name}.tflite")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest = MODELS / "manifest.toml"
    head, mark, rest = manifest.read_text(encoding="utf-8").partition(f"[{name}]\n")
    if not mark:
        raise SystemExit(f"{manifest} has no entry [{name}]")
    entry, gap, others = rest.partition("\n[")
    entry = re.sub(r'sha256 = "\w+"', f'sha256 = "{digest}"', entry)
    if threshold is not None:
        entry = re.sub(r"(thresholds = \{ \w+ = )[\d.]+", rf"\g<1>{threshold:g}", entry)
    manifest.write_text(head + mark + entry + gap + others, encoding="utf-8")
    print(f"{name}: sha256 {digest}")


if __name__ == "__main__":
    main()
