"""A provider hook that masks e-mail addresses and card numbers.

It answers with the masked texts, of all messages before the model is called and of the
model's answer after it; the agent puts them in place (see rewrite.go).

Everything that takes time comes before the first read of stdin, and nothing there
depends on the call: with `start: eager` it is done before the call comes.
"""

import json
import re
import sys

PATTERNS = [
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]*\w"), "[e-mail]"),
    (re.compile(r"\b\d(?:[ -]?\d){12,15}\b"), "[card]"),
]


def redact(text):
    for pattern, mask in PATTERNS:
        text = pattern.sub(mask, text)
    return text


def main():
    call = json.load(sys.stdin)  # with eager, this is where it waits for its call
    if call["phase"] == "after_call":
        messages = [call["response"]["Message"]]
    else:
        messages = call["request"]["Messages"]
    texts = [message["content"] for message in messages]
    masked = [redact(text) for text in texts]
    answer = {"allow": True}
    if masked != texts:
        answer = {
            "allow": False,
            "enforced": True,
            "reason": "personal data was masked",
            "metadata": {"masked": masked},
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
