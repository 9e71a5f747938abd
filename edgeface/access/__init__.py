"""Who may pass which door, and when: the last word before the journal. Pure.

    authorise(state, rules, request, now) -> (state, Ruling)    present(state, rules, factor, now) -> (state, Answer)

`Rules` is the language, one TOML file (`access.toml`, read by `edgeface.config`); `State` is what the doors remember.
Nothing that is not granted passes; an explicit deny wins over every grant; what is not known counts against opening.
Rights that depend on the time need a clock that is trusted; durations are monotonic, so that no clock that is set
shortens or stretches them.
"""

from edgeface.access.factors import Answer, Factor, FactorKind, Reply, hash_card, hash_pin, present, verify_pin
from edgeface.access.judge import authorise, explain, let_in
from edgeface.access.lint import Finding, findings
from edgeface.access.rules import Rules, default_text
from edgeface.access.ruling import Code, Contact, Request, Ruling, Step, Verdict
from edgeface.access.state import State, changes, decode, encode, forget, lock, restore, unlock
from edgeface.access.survey import Week, entitled, week

__all__ = [
    "Answer",
    "Code",
    "Contact",
    "Factor",
    "FactorKind",
    "Finding",
    "Reply",
    "Request",
    "Rules",
    "Ruling",
    "State",
    "Step",
    "Verdict",
    "Week",
    "authorise",
    "changes",
    "decode",
    "default_text",
    "encode",
    "entitled",
    "explain",
    "findings",
    "forget",
    "hash_card",
    "hash_pin",
    "let_in",
    "lock",
    "present",
    "restore",
    "unlock",
    "verify_pin",
    "week",
]
