"""What an error says."""

import pytest


def text_of(function, *args, **kwargs) -> str:
    """The message of the ValueError that `function` raises on these arguments."""
    with pytest.raises(ValueError) as error:
        function(*args, **kwargs)
    return str(error.value)
