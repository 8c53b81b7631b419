"""Train a new model or fine-tune a preset, and save it as a preset folder.

The model is a new one of the zoo (glow, vae, stylegan2, ...), with constructor arguments given by --set; a
preset to fine-tune; or a recipe.json, to repeat its training.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from ..trainers import ranges, settings
from ..zoo import outline, progress, registry
from . import arguments as types
from . import capabilities, models

# The training settings that are flags.
FLAGS = settings.names("recipe", "run")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", nargs="?", help=f"{', '.join(outline.models())}, a preset to fine-tune, or a recipe.json"
    )
    parser.add_argument("--recipe", help="preset whose training is repeated, in place of a model")
    parser.add_argument(
        "--dry_run", action="store_true", help="print the recipe and build the model without training"
    )
    types.add_dataset(parser, split="train")
    parser.add_argument(
        "--eval_split",
        help="split to evaluate on during training, or none (default: test, if there is one)",
    )
    parser.add_argument(
        "--workdir", type=types.new_folder, required=True, help="folder of checkpoints, logs and the preset"
    )
    parser.add_argument(
        "--new_classes",
        action="store_true",
        help="fine-tune a preset to the classes of the data, with a new class head",
    )
    parser.add_argument("--name", help="name of the preset (default: the workdir's name)")
    parser.add_argument(
        "--image_shape",
        type=types.image_shape,
        help="height,width,channels to crop and resize images to; 4 channels keep the alpha of images in a "
        "folder (default: unchanged; for a folder, the model's, if given)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="KEY=VALUE",
        help="constructor argument of the model, such as depth=8, or a setting, such as epochs=1; repeatable",
    )
    parser.add_argument(
        "--dtype",
        choices=["float32", "mixed_bfloat16"],
        help="dtype policy of the networks (default float32)",
    )
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="bit-identical results in every run, at some cost in speed",
    )
    parser.add_argument("--skip_unreadable", action="store_true", help="skip and count unreadable images")
    for name in FLAGS:
        text, default = settings.SETTINGS[name].help, settings.DEFAULTS[name]
        if default is not None:
            text += f" (default {default})"
        parser.add_argument(f"--{name}", type=_parser_of(name), help=text.replace("%", "%%"))
    for old, new in settings.OLD_NAMES.items():
        parser.add_argument(f"--{old}", dest=old, type=_parser_of(new), help=argparse.SUPPRESS)


def _parser_of(name: str) -> Callable[[str], Any]:
    """The argparse type of a setting."""
    match settings.SETTINGS[name].values:
        case ranges.Integer(minimum):
            return types.integer(minimum)
        case ranges.Number(minimum, maximum):
            return types.number(minimum, maximum)
        case ranges.Choice(values):
            return types.choice(*values)
        case ranges.Interval():
            return types.steps_or_minutes
    return str


def run(arguments: argparse.Namespace) -> None:
    recipe = _recipe(arguments)
    _check(arguments, recipe)
    asked = settings.TrainingSettings(workdir=arguments.workdir, **recipe["train"])
    if (parts := asked.parallel_micro_batches * (asked.replicas or 1)) > 1:
        # As trainers.strategies.share_threads, but before TensorFlow is imported.
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(max(1, (os.cpu_count() or 1) // parts))
    _start_tensorflow(arguments, asked)
    from ..data import class_numbers, classes
    from ..trainers import recipes
    from ..trainers.callbacks import Preemption
    from ..zoo import saving

    dataset, eval_dataset = _data(arguments, recipe)
    if _is_preset(arguments.model):
        num_classes = classes.count_classes(dataset) if arguments.new_classes else None
        model = saving.load(arguments.model, num_classes=num_classes)
        recipe["model"]["config"]["num_classes"] = model.num_classes
    else:
        _complete(recipe["model"], models.example_shape(dataset))
        model = recipes.build_model(recipe)
    models.check_shape(dataset, model, recipe["dataset"])
    # On one line, Python shows the warning once: both datasets have the same classes.
    dataset, eval_dataset = (
        class_numbers.numbered_as(data, model, f"'{recipe['dataset']}'") for data in (dataset, eval_dataset)
    )
    if arguments.dry_run:
        print(json.dumps({**recipe, "parameters": model.count_params()}, indent=2))
        return
    with Preemption():  # SIGTERM stops training, or waits until the files of a finished one are written
        _train(arguments, recipe, model, dataset, eval_dataset)


def _train(arguments: argparse.Namespace, recipe: dict[str, Any], model, dataset, eval_dataset) -> None:
    from .. import trainers
    from ..trainers import strategies
    from ..trainers.callbacks import Preempted

    try:
        trainers.train(
            model,
            dataset,
            workdir=arguments.workdir,
            eval_dataset=eval_dataset,
            metadata={
                "name": arguments.name or arguments.workdir.resolve().name,
                "dataset": recipe["dataset"],
                "split": arguments.split,
            },
            **recipe["train"],
        )
    except Preempted as stop:
        progress.end_line()
        print(f"stopped at step {stop.step}; the same command resumes from there", file=sys.stderr)
        raise
    if unreadable := getattr(dataset, "unreadable", 0):
        print(f"{unreadable} unreadable images were skipped", file=sys.stderr)
    asked = recipe["train"]
    if strategies.is_chief(strategies.choose(asked.get("strategy"), asked.get("replicas"))):
        print(f"preset in {arguments.workdir / 'preset'}")


def _start_tensorflow(arguments: argparse.Namespace, asked: settings.TrainingSettings) -> None:
    """Starts TensorFlow with the configuration that must be set first."""

    def prepare():
        import tensorflow as tf

        from ..trainers import strategies

        if arguments.deterministic:
            tf.config.experimental.enable_op_determinism()
        strategies.choose(asked.strategy, asked.replicas)

    models.start_tensorflow(prepare)


def _recipe(arguments: argparse.Namespace) -> dict[str, Any]:
    """The model, data and settings of the arguments, in the format of a recipe.json."""
    if (arguments.model is None) == (arguments.recipe is None):
        raise ValueError("model or --recipe must be given, but not both.")
    if arguments.recipe:
        arguments.model = str(registry.preset_folder(arguments.recipe) / "recipe.json")
    changes = settings.with_new_names(dict(arguments.set))
    # The model has a seed too: --seed sets both.
    for name in changes.keys() & set(FLAGS) - {"seed"}:
        setattr(arguments, name, _parsed(name, changes.pop(name)))
    if arguments.dtype:
        changes["dtype"] = arguments.dtype
    if arguments.model.endswith(".json"):
        from ..trainers import recipes

        recipe = recipes.read(arguments.model)
        for name, value in recipe["train"].items():
            if value is not None:
                recipe["train"][name] = _parsed(name, value)
    elif arguments.model in outline.models():
        model = {"registered_name": outline.models()[arguments.model], "config": {}}
        recipe = {"model": model, "dataset": None, "train": {}}
        if arguments.seed is not None:
            changes.setdefault("seed", arguments.seed)
    else:
        recipe = _fine_tuning(arguments.model)
        if changes:
            raise ValueError(f"set and dtype must not be given for a preset, got {changes}.")
    if changes:
        known = capabilities.of_config(arguments.model, recipe["model"], f"'{arguments.model}'").model
        _check_names(changes, known)
        recipe["model"]["config"].update(changes)
    recipe["dataset"] = arguments.dataset or recipe["dataset"]
    if not recipe["dataset"]:
        raise ValueError("dataset must be given to train a new model.")
    recipe["train"] = _settings(arguments, recipe["train"])
    return recipe


def _check(arguments: argparse.Namespace, recipe: dict[str, Any]) -> None:
    """Checks what can be checked before TensorFlow starts."""
    from ..data import dataset_names

    capabilities.of_config(arguments.model, recipe["model"], f"'{arguments.model}'")
    if arguments.new_classes and not _is_preset(arguments.model):
        raise ValueError(f"new_classes must be given with a preset to fine-tune, got '{arguments.model}'.")
    dataset_names.check_name(recipe["dataset"], arguments.split)
    if arguments.eval_split not in (None, "none"):
        dataset_names.check_name(recipe["dataset"], arguments.eval_split)


def _parsed(name: str, value: Any) -> Any:
    """The value of a setting given by --set or a recipe, parsed like its flag."""
    try:
        return _parser_of(name)(str(value))
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"{name}: {error}.") from None


def _check_names(changes: dict[str, Any], model: outline.Outline) -> None:
    known = {*model.arguments, "dtype", "name"}
    for name in changes:
        if name not in known:
            raise ValueError(
                f"set must name a setting or an argument of {model.name}, got '{name}': "
                f"{registry.suggest(name, {*known, *FLAGS})}"
            )


def _fine_tuning(preset: str) -> dict[str, Any]:
    if not _is_preset(preset):
        known = [*outline.models(), *(known["name"] for known in registry.list_presets())]
        raise ValueError(
            f"model must be {', '.join(outline.models())}, a preset or a recipe.json, "
            f"got '{preset}': {registry.suggest(preset, known)}"
        )
    metadata, files = registry.read_preset(registry.preset_folder(preset))
    name, config = registry.parse_config(files["config.json"], registry.preset_folder(preset) / "config.json")
    model = {"registered_name": name, "config": config}
    return {"model": model, "dataset": metadata.get("dataset"), "train": {}}


def _is_preset(name: str) -> bool:
    try:
        registry.preset_folder(name)
    except ValueError:
        return False
    return name not in outline.models()


def _settings(arguments: argparse.Namespace, of_recipe: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of trainers.train: the recipe's, overridden by the given ones."""
    flags = (*FLAGS, *settings.OLD_NAMES)
    given = {name: getattr(arguments, name) for name in flags if getattr(arguments, name) is not None}
    given = settings.with_new_names(given)
    length = {"steps", "epochs"}
    if length & set(given):
        of_recipe = {name: value for name, value in of_recipe.items() if name not in length}
    merged = {**of_recipe, **given}
    if len(length & set(merged)) != 1:
        raise ValueError("steps or epochs must be given, but not both.")
    return merged


def _data(arguments: argparse.Namespace, recipe: dict[str, Any]):
    """The datasets for training and evaluation (or None), with labels if the model takes them."""
    from ..data import loading as data

    name, config = recipe["dataset"], recipe["model"]["config"]

    def read(split):
        return data.source(
            name,
            split,
            arguments.image_shape or models.shape_for(name, config.get("image_shape")),
            labels=arguments.new_classes or bool(config.get("num_classes")),
            skip_unreadable=arguments.skip_unreadable,
        )

    dataset = read(arguments.split)
    if arguments.eval_split == "none":
        return dataset, None
    try:
        return dataset, read(arguments.eval_split or "test")
    except data.MissingSplit:
        if arguments.eval_split:
            raise
        print(f"{name} has no split 'test': training without evaluation", file=sys.stderr)
        return dataset, None


def _complete(model: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Adds the shape of the data to a model's constructor arguments."""
    key = "image_shape" if len(shape) == 3 else "event_shape"
    known = outline.model(model["registered_name"])
    if known and key not in known.arguments:
        raise ValueError(
            f"dataset must have images for {model['registered_name']}, got vectors {list(shape)}."
        )
    if not {"image_shape", "event_shape"} & set(model["config"]):
        model["config"][key] = shape


def _setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"got '{text}', expected key=value")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
    except RecursionError:
        raise argparse.ArgumentTypeError(f"got a value of '{key}' that is nested too deeply") from None
