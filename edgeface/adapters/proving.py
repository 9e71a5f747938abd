"""A bundle's models are parsed and tried in a process of their own: what takes that down takes down no reader.

    prove(content) -> Proven            in the reader; raises UpdateRefused
    python -m edgeface.adapters.proving     the other process: a bundle comes in, what was found goes out, as JSON

The bundle's signature holds already; this guards against a model that hangs, eats the memory or breaks the runtime, by
mistake or by intent of a publisher. The process may use so much more memory than at its start, so much processor time,
and may write nothing but its answer.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeface import detect
from edgeface.adapters import golden, release, tflite
from edgeface.adapters.golden import Proof
from edgeface.adapters.tflite import TfliteModel
from edgeface.detect import Detector
from edgeface.embed import Embedder, embed
from edgeface.errors import ModelError, UpdateProblem, UpdateRefused
from edgeface.model import Task

MEMORY_MB = 192
"""More than at the start of the process. The shipped models need 27; a reader's unit leaves 250 (systemd/)."""
CPU_S = 60
"""The shipped models take 0.1 on a desk's processor."""
PATIENCE_S = 240.0
"""Of the reader, by the clock: the board may be busy at the door."""
ANSWER_BYTES = 65536
OPEN_FILES = 16
"""At once: the runtime reads what processor it runs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A bundle that holds what it promises, on this machine."""

    embedder: str | None
    """Identity of its embedder (`Embedding.model_sha256`), if it has one."""
    models: tuple[str, ...]
    """What was found of each, as sentences."""


def prove(content: bytes, runtime: str = "") -> Proven:
    """Try every model of an authentic bundle, under the runtime named or the first that is installed.

    Takes seconds. Raises UpdateRefused.
    """
    with os.fdopen(os.memfd_create("bundle"), "w+b") as told, os.fdopen(os.memfd_create("answer"), "w+b") as answer:
        told.write(content)
        told.flush()
        told.seek(0)
        words = [sys.executable, "-I", "-m", "edgeface.adapters.proving", runtime]
        environment = {"OPENBLAS_NUM_THREADS": "1", "PATH": os.defpath}
        try:
            done = subprocess.run(
                words, stdin=told, stdout=answer, stderr=subprocess.DEVNULL, env=environment, cwd="/",
                timeout=PATIENCE_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise _crashed(f"it was not done after {PATIENCE_S:.0f} s") from error
        answer.seek(0)
        text = answer.read(ANSWER_BYTES)
    if done.returncode != 0:
        raise _crashed(_ended(done.returncode))
    return _proven(text)


def _ended(code: int) -> str:
    known = {-signal.SIGXCPU: "it takes too long", -signal.SIGKILL: "too little memory, or too much time"}
    return known.get(code, f"the process that tried it ended with {code}")


def _crashed(why: str) -> UpdateRefused:
    return UpdateRefused(UpdateProblem.CRASHED, f"the models could not be tried: {why}")


def _proven(text: bytes) -> Proven:
    try:
        told = json.loads(text)
        if "problem" in told:
            raise UpdateRefused(UpdateProblem(told["problem"]), str(told["detail"]))
        return Proven(embedder=told["embedder"], models=tuple(told["models"]))
    except (ValueError, TypeError, KeyError) as error:
        raise _crashed("what it answered is no answer") from error


def main() -> None:
    """Read a bundle from stdin, try it, write what was found to stdout."""
    content = sys.stdin.buffer.read(release.MOST_BYTES + 1)
    confine()
    try:
        answer: Mapping[str, Any] = found(content, sys.argv[1] if len(sys.argv) > 1 else "")
    except UpdateRefused as refused:
        answer = {"problem": refused.problem.value, "detail": refused.detail}
    except MemoryError:
        answer = {"problem": UpdateProblem.CRASHED.value, "detail": f"it needs more than {MEMORY_MB} MB"}
    text = json.dumps(answer).encode()
    sys.stdout.buffer.write(text[:ANSWER_BYTES])


def confine() -> None:
    """Take away what a model needs not."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + MEMORY_MB * 2**20
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_FSIZE: ANSWER_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        allowed = resource.getrlimit(what)[1]
        most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(what, (most, most))


def found(content: bytes, runtime: str = "") -> dict[str, Any]:
    """What comes of trying a bundle's models. Raises UpdateRefused."""
    says, embedder = [], None
    for entry in release.parse(content, Path("bundle")).models.values():
        try:
            model = tflite.load(entry.spec, entry.folder, content=entry.content, runtime=runtime or None)
            exercise(model)
        except ModelError as error:
            raise UpdateRefused(UpdateProblem.BAD_MODEL, str(error)) from error
        says.append(_held(model))
        embedder = model.identity if entry.spec.task is Task.EMBEDDER else embedder
    return {"embedder": embedder, "models": says}


def exercise(model: TfliteModel) -> None:
    """Run a model on a grey picture, as its stage does. Raises ModelError if anything is not as declared."""
    spec = model.spec
    grey = np.full((1, spec.height_px, spec.width_px, 3), 127, np.uint8)
    if spec.task is Task.DETECTOR:
        detect.detect(grey[0], Detector(spec=spec, infer=model), detect.Options())
    elif spec.task is Task.EMBEDDER:
        embed(grey[0], Embedder(spec=spec, infer=model, identity=model.identity))
    elif not all(np.isfinite(output).all() for output in model(grey)):
        raise ModelError(f"{spec.name} gives what is no number: it cannot be used")


def _held(model: TfliteModel) -> str:
    """That a model gives what it was measured with, by kernels that it was measured on."""
    name = model.spec.name
    try:
        finding = golden.verify(model)
    except ModelError as error:
        raise UpdateRefused(UpdateProblem.GOLDEN_MISMATCH, str(error)) from error
    if finding.proof is Proof.UNPROVEN:
        raise UpdateRefused(UpdateProblem.OTHER_RUNTIME, f"{finding.detail}: the bundle is for other machines")
    return f"{name}: {finding.proof.value} on {finding.path}"


if __name__ == "__main__":
    main()
