"""SQS and EventBridge in this process: what the functions send there, and what Lambda takes out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_RECEIVES = 5
"""As in the template; what is received more often is a dead letter."""


@dataclass
class Message:
    message_id: str
    body: str
    receives: int = 0


@dataclass
class SQS:
    messages: list[Message] = field(default_factory=list)
    """What may be received, in no order."""
    hidden: int = 0
    """Messages that somebody works on."""
    made: int = 0

    def answer(self, operation: str, body: Mapping[str, Any], *, behind: int = 0) -> dict[str, Any]:  # noqa: ARG002
        if operation == "GetQueueAttributes":
            visible = {"ApproximateNumberOfMessages": str(len(self.messages))}
            return {
                "Attributes": {
                    **visible,
                    "ApproximateNumberOfMessagesNotVisible": str(self.hidden),
                }
            }
        taken = []
        for entry in body["Entries"]:
            self.put(entry["MessageBody"])
            taken.append({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x"})
        return {"Successful": taken, "Failed": []}

    def put(self, body: str) -> None:
        self.made += 1
        self.messages.append(Message(f"m{self.made}", body))

    def receive(self, messages: list[Message]) -> dict[str, Any]:
        """What Lambda hands to the function; each is hidden until it is given back or deleted."""
        for message in messages:
            self.messages.remove(message)
            message.receives += 1
        self.hidden += len(messages)
        return {"Records": [{"messageId": each.message_id, "body": each.body} for each in messages]}

    def done(self, messages: list[Message], failed: set[str]) -> None:
        """The failed ones are received again, unless that has been tried too often."""
        self.hidden -= len(messages)
        self.messages += [
            each for each in messages if each.message_id in failed and each.receives < MOST_RECEIVES
        ]


@dataclass
class Events:
    taken: set[str] = field(default_factory=set)
    """Ids of the events."""

    def answer(self, operation: str, body: Mapping[str, Any], *, behind: int = 0) -> dict[str, Any]:  # noqa: ARG002
        self.taken |= {json.loads(each["Detail"])["event_id"] for each in body["Entries"]}
        entries = [{"EventId": str(number)} for number, _ in enumerate(body["Entries"])]
        return {"FailedEntryCount": 0, "Entries": entries}


def message(refund_id: str) -> str:
    return json.dumps({"refund_id": refund_id})
