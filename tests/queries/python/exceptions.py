def load(path, mode):
    """Load.

    Raises:
        ValueError: If path is empty.
    """
    if not path:
        raise ValueError("path is empty")
    elif mode == 1 and path != "x":
        raise errors.BadMode(mode)
    else:
        raise LookupError
    try:
        check(path)
        raise KeyError("never leaves")
    except OSError:
        raise
    except (KeyError, TypeError) as error:
        raise RuntimeError("broken") from error
    except ValueError as error:
        raise error


def swallow():
    try:
        raise ValueError("x")
    except Exception:
        pass
    finally:
        close()


def both(flag):
    if flag:
        return 1
    elif flag is None:
        return 2
    else:
        raise failure


def guarded(value):
    try:
        return value.read()
    except OSError:
        return None


def nested(values):
    for value in values:
        if value:
            raise err
    def inner():
        raise KeyError
