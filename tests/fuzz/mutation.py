"""Damaged copies of good inputs, each from a seed of its own."""

import random
from collections.abc import Sequence

# What parsers are known to trip over.
NUMBERS = (b"0", b"-1", b"1e999", b"NaN", b"9" * 400, b"2147483648", b"18446744073709551616", b"0.5")
TOKENS = (b"\0", b"\n", b"\xff\xfe", b"[" * 2_000, b'{"a":' * 2_000, b"null", b"{}", b"[]", b'""', b"true")


def bytes_of(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """One of the seeds, changed in one to four places."""
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        _change(content, seeds, chance)
    return bytes(content)


def _change(content: bytearray, seeds, chance):
    start = chance.randint(0, len(content))
    length = chance.choice((1, 1, 2, 4, 8, chance.randint(0, len(content))))
    kind = chance.randrange(7)
    if kind == 0 and content:  # one bit
        content[min(start, len(content) - 1)] ^= 1 << chance.randrange(8)
    elif kind == 1:  # other bytes
        content[start : start + length] = chance.randbytes(min(length, 64))
    elif kind == 2:  # cut out, or off
        del content[start : start + length]
    elif kind == 3:  # a part twice
        content[start:start] = content[start : start + length][:10_000]
    elif kind == 4:  # a part of another input
        other = chance.choice(seeds)
        place = chance.randint(0, len(other))
        content[start : start + length] = other[place : place + length]
    elif kind == 5:
        content[start:start] = chance.choice(TOKENS)
    else:
        _change_number(content, start, chance)


def _change_number(content, start, chance):
    """Another number in place of the next one written in digits."""
    while start < len(content) and not 48 <= content[start] < 58:
        start += 1
    end = start
    while end < len(content) and 48 <= content[end] < 58:
        end += 1
    content[start:end] = chance.choice(NUMBERS)


def words_of(seeds: Sequence[Sequence[str]], chance: random.Random) -> list[str]:
    """One of the command lines, changed in one to three words."""
    words = list(chance.choice(seeds))
    all_words = [word for seed in seeds for word in seed]
    for _ in range(chance.randint(1, 3)):
        place = chance.randint(0, len(words))
        kind = chance.randrange(6)
        if kind == 0:
            words.insert(place, chance.choice(all_words))
        elif kind == 1 and words:
            del words[min(place, len(words) - 1)]
        elif kind == 2:
            words.insert(place, f"--{chance.choice(all_words)}={chance.choice(all_words)}")
        elif words:
            place = min(place, len(words) - 1)
            damaged = bytes_of([words[place].encode(errors="surrogateescape") or b"x"], chance)
            # A command line holds no zero byte, and its other bytes reach Python as surrogates.
            words[place] = damaged.replace(b"\0", b"0")[:100_000].decode(errors="surrogateescape")
    return words
