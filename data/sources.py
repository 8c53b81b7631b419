"""Datasets with random access: examples are read in any order, by their index."""

import contextlib
import dataclasses
import functools
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import tensorflow as tf

from ..zoo import image_files
from .batches import Data, as_dataset
from .class_numbers import names_of

# A tf.data.Dataset up to this size in bytes is read into memory, to have random access.
_MEMORY = 2**30


class ImageFiles:
    """Image files, read by index, that remembers which ones cannot be read.

    The constructor reads all headers; images are read on demand.

    Args:
      paths: of the files.
      skip_unreadable: whether to skip unreadable files with a warning instead of raising an error.

    Attributes:
      paths: of the files, without those skipped for their headers.
      sizes: each (height, width) that occurs, upright, with the first file of that size.
      is_color: whether any image has color.
      failure: the first error in reading an image, or None.

    Raises:
      OSError: a header cannot be read; the message names the file.
    """

    def __init__(self, paths: Sequence[str], skip_unreadable: bool = False):
        self.failure: Exception | None = None
        self.is_color = False
        self.paths: list[str] = []
        self.sizes: dict[tuple[int, int], str] = {}
        self._skip_unreadable = skip_unreadable
        self._unreadable: set[str] = set()
        self._lock = threading.Lock()
        # Threads hide the latency of network file systems.
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
        """The number of files that could not be read so far."""
        return len(self._unreadable)

    def read(self, number: tf.Tensor, image_shape: tuple[int, int, int]) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns an image, uint8 of shape `image_shape` (see `image_files.fit`), and its index.

        If the file is skipped, these are the image and the index of the next readable file.
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
                    raise ValueError("its size has changed since the start.")
                return image_files.fit(image, image_shape), np.int64(candidate)
            except Exception as error:  # Pillow raises many types of errors for damaged files
                self._note(path, error)
        self.failure = ValueError(f"none of the {len(self.paths)} image files can be read.")
        raise self.failure

    def _note(self, path: str, error: Exception) -> None:
        """Records a file that cannot be read; raises an error unless such files are skipped."""
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
    """A dataset with random access.

    Attributes:
      records: a tensor [N, ...] or a tuple of tensors, in memory: the examples, the (example, label)
        pairs, or the inputs of `read`, such as encoded images or indices of files.
      read: a function from an example's records to the example, run in a graph; None: the records are
        the examples.
      files: the image files that `read` opens, if any.
      class_names: the names of the labels 0, 1, ..., even if the examples have no labels; empty if they
        are not known.

    Raises:
      ValueError: the records have different lengths.

    >>> source = Source([3, 1, 2], read=lambda record: 10 * record)
    >>> len(source), source.element_spec.shape
    (3, TensorShape([]))
    >>> [int(example) for example in source.dataset()]
    [30, 10, 20]
    """

    records: Any
    read: Callable | None = None
    files: ImageFiles | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self):
        # tf.data reads from the CPU's memory, even if there is a GPU.
        with tf.device("CPU:0"):
            if isinstance(self.records, tuple):
                records = tuple(tf.convert_to_tensor(record) for record in self.records)
            else:
                records = tf.convert_to_tensor(self.records)
        object.__setattr__(self, "records", records)
        lengths = {int(record.shape[0]) for record in tf.nest.flatten(records)}
        if len(lengths) != 1:
            raise ValueError(f"records must have one length, got {sorted(lengths)}.")

    def __len__(self) -> int:
        return int(tf.nest.flatten(self.records)[0].shape[0])

    @functools.cached_property
    def element_spec(self) -> Any:
        """The `tf.TensorSpec` of an example, or a pair of specs with labels."""
        return self.dataset().element_spec

    @property
    def unreadable(self) -> int:
        """The number of unreadable files skipped so far."""
        return self.files.unreadable if self.files else 0

    def raise_failure(self) -> None:
        """Raises the first error in reading a file, if any, which tf.data wraps in one of its own.

        Raises:
          OSError: a file could not be read; the message names the file.
          ValueError: no file could be read.
        """
        if self.files and self.files.failure:
            raise self.files.failure from None

    def dataset(self) -> tf.data.Dataset:
        """Returns the examples in their order, unbatched, with the attribute `class_names` of the source."""
        dataset = tf.data.Dataset.from_tensor_slices(self.records)
        dataset = dataset.map(self.read, num_parallel_calls=tf.data.AUTOTUNE) if self.read else dataset
        dataset.class_names = self.class_names  # as Keras's image_dataset_from_directory does
        return dataset

    def example(self, index: tf.Tensor) -> Any:
        """Returns the example at this index, in a graph."""
        records = self.records_of(index)
        return _apply(self.read, records) if self.read else records

    def records_of(self, indices: tf.Tensor) -> Any:
        """Returns the records of the examples at these indices, an integer or integers [n]."""
        return tf.nest.map_structure(lambda record: tf.gather(record, indices), self.records)

    def map(self, function: Callable) -> "Source":
        """Returns the source of `function(example)`, or of `function(example, label)`."""
        if (inner := self.read) is None:
            return dataclasses.replace(self, read=function)

        def read(*records):
            return _apply(function, inner(*records))

        return dataclasses.replace(self, read=read)

    def without_labels(self) -> "Source":
        """Returns the source of the examples only; itself if it has no labels."""
        if not isinstance(self.element_spec, tuple):
            return self
        if self.read is None:
            return dataclasses.replace(self, records=self.records[0])
        return self.map(lambda example, label: example)


def as_source(data: Source | Data, name: str = "dataset") -> Source | tf.data.Dataset:
    """Returns `data` as a source, if it fits in memory.

    Args:
      data: a source, which is returned unchanged; an array of examples [N, ...] or a pair of arrays
        (examples, labels); or an unbatched, finite `tf.data.Dataset`, which is read into memory, or
        returned unchanged if it is larger than 1 GiB.
      name: the name of the argument in error messages.

    Raises:
      ValueError: the data is empty, infinite, of unknown length or of unknown shape.

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
    dataset = as_dataset(data, name)
    count = int(dataset.cardinality())
    specs = tf.nest.flatten(dataset.element_spec)
    if not all(spec.shape.is_fully_defined() for spec in specs):
        raise ValueError(f"{name}: got examples of unknown shape, expected one shape.")
    if count * sum(spec.dtype.size * spec.shape.num_elements() for spec in specs) > _MEMORY:
        return dataset
    return Source(next(iter(dataset.batch(count))), class_names=names_of(dataset))


def in_order(data: Source | Data) -> Data:
    """Returns the `tf.data.Dataset` of a source, and other data unchanged."""
    return data.dataset() if isinstance(data, Source) else data


@contextlib.contextmanager
def reading(*data: Source | Data | None) -> Iterator[None]:
    """A context that replaces TensorFlow's error for an unreadable image by one that names the file.

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
    """Calls a function with an example, or with an example and its label."""
    return function(*values) if isinstance(values, tuple) else function(values)


def _head(path: str) -> tuple[tuple[int, int], bool] | Exception:
    """An image file's (height, width) and whether it has color, or the error in reading it."""
    try:
        return image_files.read_header(path)
    except Exception as error:  # Pillow raises many types of errors for damaged files
        return error
