def before(a):
    """Before."""
    return a


class Half:
    """Half."""

    def method(self, x:
        return x

    def after(self, y):
        """After."""
        return y


def last(z): return (z
