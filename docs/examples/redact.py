"""A hook that masks e-mail addresses and card numbers in a provider's messages.

Everything that takes time comes before the first read of stdin, and nothing there
depends on the call: with `start: eager` it is done before the call comes.
"""

import json
import re
import sys

PATTERNS = [
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "[e-mail]"),
    (re.compile(r"\b(?:\d[ -]?){13,16}\b"), "[card]"),
]


def redact(value):
    if isinstance(value, str):
        for pattern, mask in PATTERNS:
            value = pattern.sub(mask, value)
    elif isinstance(value, list):
        value = [redact(v) for v in value]
    elif isinstance(value, dict):
        value = {k: redact(v) for k, v in value.items()}
    return value


def main():
    document = json.load(sys.stdin)  # with eager, this is where it waits for its call
    json.dump({"allow": True, "messages": redact(document.get("messages", []))}, sys.stdout)


if __name__ == "__main__":
    main()
