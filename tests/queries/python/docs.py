# A comment first.
r"""Raw words of the module."""


def single(): "One line."


def single_quotes():
    '''Single quotes.'''


def after_comment():
    # A comment first.
    """Words."""


def formatted():
    f"""No documentation {x}."""


def data():
    b"""No documentation."""


def not_first():
    x = 1
    """No documentation."""
    return x


class Documented:
    """Words.""" "More words."

    # FIXME: gone soon
    x = 1  # doc-ignore: missing-doc
