"""The declarations of model classes and functions, read from the source without importing TensorFlow.

The command checks arguments against them before anything slow starts. There is no second list to maintain:
the signatures in the source are the declaration.
"""

import ast
import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent  # the folder of the packages
FAMILIES = ("flows", "gans", "vaes")

PACKAGE = "latentzoo>"  # prefix of the registered name of every model

# Constructor arguments that are numbers of layers: the lengths of loops in constructors.
LAYER_COUNTS = ("levels", "depth", "blocks", "flow_depth", "mapping_depth", "discriminator_mapping_depth")


@dataclasses.dataclass(frozen=True)
class Argument:
    """An argument of a constructor.

    Attributes:
      types: the names in its annotation, such as `("int",)` or `("tuple", "None")`; empty without one.
      default: its default value, if that is a literal; else None.
      choices: the values that `check_choice` in the constructor accepts; empty if unrestricted.
    """

    types: tuple[str, ...]
    default: Any
    choices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Outline:
    """A model class.

    Attributes:
      name: the name of the class.
      arguments: the arguments of its constructor, by name, without `**kwargs`.
      methods: the parameters of its public methods, including those inherited within the zoo, by name.
      attributes: its class attributes, including inherited ones; None if not a literal.
    """

    name: str
    arguments: dict[str, Argument]
    methods: dict[str, tuple[str, ...]]
    attributes: dict[str, Any]


@functools.cache
def model(registered_name: str) -> Outline | None:
    """Returns the outline of a model of the zoo by its registered name; None if there is none.

    >>> glow = model("latentzoo>Glow")
    >>> glow.arguments["depth"], "sample" in glow.methods
    (Argument(types=('int',), default=16, choices=()), True)
    """
    name = registered_name.removeprefix(PACKAGE)
    for family in FAMILIES:
        found = _imported(ROOT / "zoo" / family / "__init__.py").get(name)
        if found and registered_name.startswith(PACKAGE):
            return _outline(*found)
    return None


@functools.cache
def models() -> dict[str, str]:
    """Returns the registered names of all models of the zoo, by their names in the command.

    >>> models()["glow"]
    'latentzoo>Glow'
    """
    found = {}
    for family in FAMILIES:
        for name, (path, _) in _imported(ROOT / "zoo" / family / "__init__.py").items():
            classes = [node for node in _tree(path).body if isinstance(node, ast.ClassDef)]
            if any(node.name == name and node.decorator_list for node in classes):
                found[name.lower()] = f"{PACKAGE}{name}"
    return found


def decorated(path: Path, decorator: str) -> dict[str, dict[str, Any]]:
    """Returns the keyword arguments of `@decorator(...)` on the functions of a file, by function name.

    Raises:
      ValueError: an argument is not a literal.
    """
    source = path.read_text(encoding="utf-8")
    if f"@{decorator}(" not in source:  # parsing takes ten times as long
        return {}
    found = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and ast.unparse(call.func) == decorator:
                try:
                    arguments = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
                except ValueError:
                    raise ValueError(
                        f"{decorator} of {node.name} in '{path}' must have literal arguments, "
                        f"got {ast.unparse(call)}."
                    ) from None
                found[node.name] = arguments
    return found


def _outline(path: Path, name: str) -> Outline:
    methods, attributes, arguments = {}, {}, None
    for definition in _ancestry(path, name):  # the class first: its members override those of its bases
        for node in definition.body:
            if isinstance(node, ast.FunctionDef):
                if node.name == "__init__" and arguments is None:
                    arguments = _constructor(node, path)
                elif not node.name.startswith("_"):
                    methods.setdefault(node.name, tuple(argument.arg for argument in _arguments(node)[1:]))
                    attributes.setdefault(node.name, None)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                attributes.setdefault(node.targets[0].id, _literal(node.value))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                attributes.setdefault(node.target.id, _literal(node.value))
    return Outline(name, arguments or {}, methods, attributes)


def _ancestry(path: Path, name: str) -> Iterator[ast.ClassDef]:
    """A class and its bases that are defined in the zoo."""
    definitions = {node.name: node for node in _tree(path).body if isinstance(node, ast.ClassDef)}
    imported = _imported(path)
    if name not in definitions:
        if name in imported:
            yield from _ancestry(*imported[name])
        return
    yield definitions[name]
    for base in definitions[name].bases:
        if isinstance(base, ast.Name):
            yield from _ancestry(path, base.id)


@functools.cache
def _imported(path: Path) -> dict[str, tuple[Path, str]]:
    """The imports of a file from the package: the module's file and the name in it, by the local name."""
    found = {}
    for node in _tree(path).body:
        if isinstance(node, ast.ImportFrom) and node.level and node.module:
            module = path.parents[node.level - 1].joinpath(*node.module.split(".")).with_suffix(".py")
            if module.exists():
                found |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
    return found


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _constructor(node: ast.FunctionDef, path: Path) -> dict[str, Argument]:
    arguments = _arguments(node)[1:]
    defaults = [*node.args.defaults, *node.args.kw_defaults]
    defaults = [None] * (len(arguments) - len(defaults)) + defaults
    choices = _choices(node, path)
    return {
        argument.arg: Argument(_types(argument.annotation), _literal(default), choices.get(argument.arg, ()))
        for argument, default in zip(arguments, defaults, strict=True)
    }


def _choices(node: ast.FunctionDef, path: Path) -> dict[str, tuple[str, ...]]:
    """The choices of arguments that are checked with literals or with constants of the same file."""
    constants = {
        ast.unparse(node.targets[0]): _literal(node.value)
        for node in _tree(path).body
        if isinstance(node, ast.Assign)
    }
    found = {}
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "check_choice":
            name, _, choices = call.args
            old_values = [constants.get(ast.unparse(keyword.value)) for keyword in call.keywords]
            values = _literal(choices) or constants.get(ast.unparse(choices)) or ()
            found[_literal(name)] = (*values, *(old for olds in old_values for old in olds or ()))
    return found


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _types(annotation: ast.expr | None) -> tuple[str, ...]:
    if annotation is None:
        return ()
    if isinstance(annotation, ast.BinOp):  # a | b
        return (*_types(annotation.left), *_types(annotation.right))
    if isinstance(annotation, ast.Subscript):  # tuple[int, ...]
        return _types(annotation.value)
    return (ast.unparse(annotation),)


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
