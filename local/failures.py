"""What can go wrong, told to the person at the terminal: the fact, and what to do next."""


class LocalFailure(Exception):
    def __init__(self, fact: str, *, next_step: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.fact}\nNext: {self.next_step}"


class PortTaken(LocalFailure):
    def __init__(self, port: int) -> None:
        super().__init__(
            f"端口已被占用 Port {port} is taken by another program.",
            next_step="leave the port out to have a free one chosen, or stop that program.",
        )


class NotLoopback(LocalFailure):
    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint} is not an address of this machine; accounts, money and tokens of the"
            " demonstration are made on this machine only.",
            next_step="use http://127.0.0.1:<port>, the address that `make run` prints.",
        )


class CommandFailed(LocalFailure):
    """A command of the set-up ended badly; the end of its log is part of the message."""


class UnexpectedAnswer(LocalFailure):
    """The product answered something other than the story expects."""
