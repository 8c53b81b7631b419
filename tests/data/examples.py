"""Examples read and images written, for the tests of data."""

from pathlib import Path

from latentzoo.data.sources import Source
from latentzoo.zoo import pictures

SMALL = Path(__file__).parent.parent / "assets" / "fashion_mnist_small.npz"


def all_of(examples):
    """The whole data set as arrays."""
    dataset = examples.dataset() if isinstance(examples, Source) else examples
    return next(dataset.batch(int(dataset.cardinality())).as_numpy_iterator())


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures.save_png(image, path)
