def tangled(a, b):
    if a and b and not a:
        for x in b:
            while x:
                if x > 1 or a:
                    break
    elif b:
        return [x for x in b if x]
    else:
        return 1 if a else 2
    match a:
        case 1:
            return 1
        case _:
            return 2
