"""Face readers made of other people's models, and ours, all cut to one pattern so that they can be measured together.

    picture -> find -> cut -> embed

Detectors get the same letterbox (long side 320 px unless said; BlazeFace 128 px, for which it was made) and embedders
the same alignment code, each with its own template; what differs is the model and the runtime. Runtimes are imported
when a chain is built, so that a process that runs one chain does not pay for the others.
"""

from tools.peers.chains import ALL_CHAINS, BUILDERS, Chain, Sources, build, missing
from tools.peers.detectors import Scrfd, Yunet, YunetOnnx, decode_scrfd
from tools.peers.embedders import ARCFACE_PX, EMBEDDERS, PEER_MANIFEST, PeerEmbedder, PeerMissing, build_embedder

__all__ = [
    "ALL_CHAINS",
    "ARCFACE_PX",
    "BUILDERS",
    "EMBEDDERS",
    "PEER_MANIFEST",
    "Chain",
    "PeerEmbedder",
    "PeerMissing",
    "Scrfd",
    "Sources",
    "Yunet",
    "YunetOnnx",
    "build",
    "build_embedder",
    "decode_scrfd",
    "missing",
]
