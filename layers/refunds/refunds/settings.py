"""All that the environment decides, read in one place and once."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Settings:
    """The variables that `template.yaml` sets; a missing one stops the function at start."""

    table_name: str
    debit_queue_url: str
    debit_dead_letter_queue_url: str
    order_dead_letter_queue_url: str
    change_dead_letter_queue_url: str
    event_bus_name: str
    people_client_ids: frozenset[str]
    service_client_ids: frozenset[str]
    client_id_claim: str
    subject_claim: str
    scope_claim: str
    token_use_claim: str
    """The claim that tells an access token; empty means that the issuer has none."""
    token_use_value: str

    @classmethod
    def from_env(cls) -> Self:
        """Raises KeyError naming the variable that is missing."""
        return cls(
            table_name=os.environ["TABLE_NAME"],
            debit_queue_url=os.environ["DEBIT_QUEUE_URL"],
            debit_dead_letter_queue_url=os.environ["DEBIT_DEAD_LETTER_QUEUE_URL"],
            order_dead_letter_queue_url=os.environ["ORDER_DEAD_LETTER_QUEUE_URL"],
            change_dead_letter_queue_url=os.environ["CHANGE_DEAD_LETTER_QUEUE_URL"],
            event_bus_name=os.environ["EVENT_BUS_NAME"],
            people_client_ids=_clients(os.environ["PEOPLE_CLIENT_IDS"]),
            service_client_ids=_clients(os.environ["SERVICE_CLIENT_IDS"]),
            client_id_claim=os.environ["CLIENT_ID_CLAIM"],
            subject_claim=os.environ["SUBJECT_CLAIM"],
            scope_claim=os.environ["SCOPE_CLAIM"],
            token_use_claim=os.environ["TOKEN_USE_CLAIM"],
            token_use_value=os.environ["TOKEN_USE_VALUE"],
        )


def fan_out_changes_alias() -> str:
    """Who brings a change's consequences about; said to the function alone that calls it.

    In every function's environment it would make a circle of them. Raises KeyError.
    """
    return os.environ["FAN_OUT_CHANGES_ALIAS"]


def _clients(listed: str) -> frozenset[str]:
    """An empty list names no client, and not the client without a name."""
    return frozenset(name.strip() for name in listed.split(",")) - {""}
