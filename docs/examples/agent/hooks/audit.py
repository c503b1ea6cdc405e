"""A session hook that ends a conversation in which a card number is to be seen.

A session hook has one thing to say: its exit status. What it writes to stderr is in the
error that the agent gets.
"""

import json
import re
import sys

CARD = re.compile(r"\b\d(?:[ -]?\d){12,15}\b")

event = json.load(sys.stdin)["event"]
for number, message in enumerate(event.get("Messages") or [], start=1):
    if CARD.search(message["content"]):
        sys.exit(f"message {number} ({message['role']}) holds a card number")
