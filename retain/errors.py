"""The four ways a command can end, as exceptions with their exit codes."""


class RetainError(Exception):
    """A sentence for a person: what happened, where, and what to do next (`hint`). Never shown with a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class Refused(RetainError):
    """The work was done and the answer is no: a refused load, a failed check. Exit code 1."""


class Busy(Refused):
    """Somebody else is at work on the same thing: the same again, later, may well succeed. Exit code 1."""


class UserError(RetainError):
    """The user's input cannot be used: configuration, arguments, a file. Exit code 2."""

    exit_code = 2


class OutOfReach(RetainError):
    """A source or server cannot be reached or does not let us in. Exit code 3."""

    exit_code = 3


class NotLetIn(UserError):
    """A source does not accept the credentials, or does not let them read: what came before is worth keeping."""
