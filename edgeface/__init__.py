"""edgeface: a door reader that knows faces.

The modules in the order of the flow, for `ls` sorts by the alphabet:

    frame -> detect -> track -> pose -> quality -> align -> embed -> match -> evidence -> decide     (pipeline.py)
          -> store.journal (audit and outbox, one transaction) -> service.deliver (publish)
"""

__version__ = "0.1.0"
