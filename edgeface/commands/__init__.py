"""What may be asked of a reader, by whom, and how it is asked so that nobody else can. Pure.

    bytes -> read -> Command -> authentic -> check -> the verb's words -> (service/desk acts) -> Answer -> text

    roles       what a key may do                   words      what each verb is told, and what it answers
    envelope    the signed command, its refusals    verbs      the table of all of them

The command line, MQTT and whatever comes next call the same verbs.
"""

from edgeface.commands.envelope import Answer, Code, Command, Key, Refused, Status, authentic, check, read, signed
from edgeface.commands.roles import Role, may
from edgeface.commands.verbs import VERBS, Verb

__all__ = [
    "VERBS",
    "Answer",
    "Code",
    "Command",
    "Key",
    "Refused",
    "Role",
    "Status",
    "Verb",
    "authentic",
    "check",
    "may",
    "read",
    "signed",
]
