"""How sending fails."""


class NotSent(Exception):
    """Why a message did not go out, as a sentence without addresses or passwords.

    `is_unreachable`: the channel itself does not answer, so that trying it with the next message now is in vain.
    """

    def __init__(self, sentence: str, *, is_unreachable: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.is_unreachable = is_unreachable
