"""Modul 🎉."""


def greet(name: str = "ü") -> str:
    """Grüße 🎉.

    Args:
        name: Wer.
    """
    if name == "🎉":
        raise ValueError("party")
    return name  # TODO: schöner 🎉
