"""Data sets whose examples are read in any order, by their number."""

import contextlib
import dataclasses
import functools
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.pool import ThreadPool

import numpy as np
import tensorflow as tf

from ..zoo import image_files
from .batches import Data, as_dataset

# A tf.data.Dataset up to this size is read into memory: it has no other way to any order.
_MEMORY = 2**30


class ImageFiles:
    """Image files that are read by number; it remembers those that cannot be read.

    All headers are read at the start, images only when they are asked for.

    Args:
      paths: of the files.
      skip_unreadable: whether files that cannot be read are warned of and passed over, not errors.

    Attributes:
      paths: of the files; without those whose header was passed over.
      sizes: the (height, width) that occur, upright, each with the first file of that size.
      is_color: whether any image has colours.
      failure: the first error of reading an image; None as long as there is none.

    Raises:
      OSError: a header cannot be read; it names the file.
    """

    def __init__(self, paths: Sequence[str], skip_unreadable: bool = False):
        self.failure: Exception | None = None
        self.is_color = False
        self.paths: list[str] = []
        self.sizes: dict[tuple[int, int], str] = {}
        self._skip_unreadable = skip_unreadable
        self._unreadable: set[str] = set()
        self._lock = threading.Lock()
        # Threads, since on a network's disk the time goes in waiting.
        with ThreadPool(8) as pool:
            for path, head in zip(paths, pool.imap(_head, paths, chunksize=256), strict=True):
                if isinstance(head, Exception):
                    self._note(path, head)
                    continue
                size, is_color = head
                self.paths.append(path)
                self.sizes.setdefault(size, path)
                self.is_color |= is_color

    @property
    def unreadable(self) -> int:
        """How many files could not be read so far."""
        return len(self._unreadable)

    def read(self, number: tf.Tensor, image_shape: tuple[int, int, int]) -> tuple[tf.Tensor, tf.Tensor]:
        """An image, uint8 of shape `image_shape` (see `image_files.fit`), and the number of its file.

        Another number than was asked for is that of the next readable file, which took its place.
        """
        decode = functools.partial(self._decode, image_shape=image_shape)
        image, number = tf.numpy_function(decode, [number], [tf.uint8, tf.int64])
        return tf.ensure_shape(image, image_shape), tf.ensure_shape(number, [])

    def _decode(self, number: int, image_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.int64]:
        for candidate in range(number, number + len(self.paths)):
            candidate %= len(self.paths)
            path = self.paths[candidate]
            try:
                image = image_files.read_image(path, image_shape[-1])
                if (image.height, image.width) not in self.sizes:
                    raise ValueError("it has another size than at the start.")
                return image_files.fit(image, image_shape), np.int64(candidate)
            except Exception as error:  # Pillow raises many kinds for damaged files
                self._note(path, error)
        self.failure = ValueError(f"none of the {len(self.paths)} image files can be read.")
        raise self.failure

    def _note(self, path: str, error: Exception) -> None:
        """Counts a file that cannot be read; raises unless such files are passed over."""
        failure = OSError(f"image file '{path}' cannot be read: {image_files.reason(error)}")
        with self._lock:
            is_new = path not in self._unreadable
            self._unreadable.add(path)
            if not self._skip_unreadable:
                self.failure = self.failure or failure
                raise failure from None
        if is_new:
            warnings.warn(f"{failure} It is skipped.", stacklevel=2)


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set whose examples are read in any order, by their number.

    Attributes:
      records: a tensor [N, ...] or a tuple of them, in memory: the examples, or the (example, label)
        pairs, or what `read` makes them of, such as encoded images or the numbers of files.
      read: makes an example of its records, in a graph; None: the records are the examples.
      files: the image files that `read` opens, if it does.
      class_names: what the labels 0, 1, ... stand for, also if the examples are without labels; empty
        if it is not known.

    Raises:
      ValueError: records of different lengths.

    >>> source = Source([3, 1, 2], read=lambda record: 10 * record)
    >>> len(source), source.element_spec.shape
    (3, TensorShape([]))
    >>> [int(example) for example in source.dataset()]
    [30, 10, 20]
    """

    records: tf.Tensor | tuple[tf.Tensor, ...]
    read: Callable | None = None
    files: ImageFiles | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self):
        # tf.data reads from the processor's memory, also where there is a GPU.
        with tf.device("CPU:0"):
            if isinstance(self.records, tuple):
                records = tuple(tf.convert_to_tensor(record) for record in self.records)
            else:
                records = tf.convert_to_tensor(self.records)
        object.__setattr__(self, "records", records)
        lengths = {int(record.shape[0]) for record in tf.nest.flatten(records)}
        if len(lengths) != 1:
            raise ValueError(f"records must be of one length, got {sorted(lengths)}.")

    def __len__(self) -> int:
        return int(tf.nest.flatten(self.records)[0].shape[0])

    @functools.cached_property
    def element_spec(self):
        """The `tf.TensorSpec` of an example, or a pair of them."""
        return self.dataset().element_spec

    @property
    def unreadable(self) -> int:
        """How many files were skipped so far because they cannot be read."""
        return self.files.unreadable if self.files else 0

    def raise_failure(self) -> None:
        """Raises what kept a file from being read, which tf.data wraps in an error of its own.

        Raises:
          OSError: a file could not be read; it names the file.
          ValueError: all were to be skipped.
        """
        if self.files and self.files.failure:
            raise self.files.failure from None

    def dataset(self) -> tf.data.Dataset:
        """The examples in their order, unbatched; its attribute `class_names` is the source's."""
        dataset = tf.data.Dataset.from_tensor_slices(self.records)
        dataset = dataset.map(self.read, num_parallel_calls=tf.data.AUTOTUNE) if self.read else dataset
        dataset.class_names = self.class_names  # as Keras has it
        return dataset

    def example(self, number: tf.Tensor):
        """The example of this number, in a graph."""
        records = self.records_of(number)
        return _apply(self.read, records) if self.read else records

    def records_of(self, numbers: tf.Tensor):
        """The records of the examples of these numbers, an integer or integers [n]."""
        return tf.nest.map_structure(lambda record: tf.gather(record, numbers), self.records)

    def map(self, function: Callable) -> "Source":
        """The source of `function(example)`, or of `function(example, label)`."""
        if self.read is None:
            return dataclasses.replace(self, read=function)

        def read(*records):
            return _apply(function, self.read(*records))

        return dataclasses.replace(self, read=read)

    def without_labels(self) -> "Source":
        """The source of the examples alone; itself if it has no labels."""
        if not isinstance(self.element_spec, tuple):
            return self
        if self.read is None:
            return dataclasses.replace(self, records=self.records[0])
        return self.map(lambda example, label: example)


def as_source(data: Source | Data, name: str = "dataset") -> Source | tf.data.Dataset:
    """`data` as a source, if it fits in memory.

    Args:
      data: a source, which is returned as it is; an array of examples [N, ...] or a pair of arrays
        (examples, labels); or an unbatched, finite `tf.data.Dataset`, which is read once, now. If
        it is larger than 1 GiB it is returned as it is.
      name: the argument that an error names.

    Raises:
      ValueError: it is empty, infinite or of unknown length, or its shapes are not known.

    >>> import numpy as np
    >>> len(as_source((np.zeros([5, 2]), np.arange(5))))
    5
    """
    if isinstance(data, Source):
        return data
    if not isinstance(data, tf.data.Dataset):
        source = Source(data)
        if not len(source):
            raise ValueError(f"{name}: got no examples, expected at least one.")
        return source
    count = int(as_dataset(data, name).cardinality())
    specs = tf.nest.flatten(data.element_spec)
    if not all(spec.shape.is_fully_defined() for spec in specs):
        raise ValueError(f"{name}: got examples of unknown shape, expected one shape.")
    if count * sum(spec.dtype.size * spec.shape.num_elements() for spec in specs) > _MEMORY:
        return data
    return Source(next(iter(data.batch(count))), class_names=tuple(getattr(data, "class_names", None) or ()))


def in_order(data: Source | Data) -> Data:
    """A source as its `tf.data.Dataset`; other data as they are."""
    return data.dataset() if isinstance(data, Source) else data


@contextlib.contextmanager
def reading(*data: Source | Data | None) -> Iterator[None]:
    """Within the `with`, an image that cannot be read is an error that names it, not TensorFlow's.

    Raises:
      OSError, ValueError: as `Source.raise_failure`.
    """
    try:
        yield
    except tf.errors.OpError:
        for source in data:
            if isinstance(source, Source):
                source.raise_failure()
        raise


def _apply(function: Callable, values):
    """`function` of an example, or of an example and its label."""
    return function(*values) if isinstance(values, tuple) else function(values)


def _head(path: str) -> tuple[tuple[int, int], bool] | Exception:
    """An image file's (height, width) and whether it has colours; or why it cannot be read."""
    try:
        return image_files.read_header(path)
    except Exception as error:  # Pillow raises many kinds for damaged files
        return error
