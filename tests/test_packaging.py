"""What is installed: the package list, the import directions, and what is in the wheel."""

import ast
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_PACKAGES = {"tests", "benchmarks", "build", "dist"}

# What each package may import of its siblings.
MAY_IMPORT = {
    "latentzoo": {"zoo", "bijectors", "data", "metrics", "trainers", "export", "cli"},
    "bijectors": set(),
    "zoo": {"bijectors"},
    "data": {"zoo", "bijectors"},
    "metrics": {"zoo", "bijectors", "data"},
    "trainers": {"zoo", "bijectors", "data", "metrics"},
    "export": {"zoo", "bijectors"},
    "cli": {"zoo", "bijectors", "data", "metrics", "trainers", "export"},
}


def setup_cfg() -> ConfigParser:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def top_folders() -> list[str]:
    """The folders at the top that hold Python packages."""
    return sorted(
        path.parent.name for path in ROOT.glob("[!.]*/__init__.py") if path.parent.name not in NOT_PACKAGES
    )


def dotted(folder: Path) -> str:
    """The package that a folder is installed as: `latentzoo`, or one inside it."""
    return "latentzoo" if folder == Path("latentzoo") else ".".join(["latentzoo", *folder.parts])


def test_setup_cfg_lists_every_package_and_no_other():
    folders = {
        path.parent.relative_to(ROOT) for top in top_folders() for path in (ROOT / top).rglob("__init__.py")
    }
    listed = setup_cfg()["options"]["packages"].split()
    assert sorted(listed) == sorted(map(dotted, folders))


def test_setup_cfg_maps_every_top_folder():
    lines = setup_cfg()["options"]["package_dir"].strip().splitlines()
    assert dict(line.split(" = ") for line in lines) == {
        dotted(Path(folder)): folder for folder in top_folders()
    }


def test_every_folder_with_code_is_a_package():
    for top in top_folders():
        for path in (ROOT / top).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} has no __init__.py"


def imports(path: Path) -> set[str]:
    """What a module imports: our packages by their folder, others by their top name."""
    package = dotted(path.relative_to(ROOT).parent).split(".")
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]
    return {name[1] if name[0] == "latentzoo" else name[0] for name in parts}


@pytest.mark.parametrize("package", top_folders())
def test_imports_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        ours = imports(path) & set(MAY_IMPORT) - {package}
        assert ours <= MAY_IMPORT[package], f"{path} imports {ours - MAY_IMPORT[package]}"


def test_bijectors_know_nothing_of_keras():
    for path in (ROOT / "bijectors").rglob("*.py"):
        assert not imports(path) & {"keras", "tf_keras"}, path


def test_the_walk_over_imports_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    module = tmp_path / "zoo" / "flows" / "glow.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "import keras.layers\n"
        "from ... import trainers\n"
        "from ...metrics.bits_per_dim import x\n"
        "from . import networks\n"
        "def f():\n    from latentzoo.export import y\n"
    )
    assert imports(module) == {"keras", "trainers", "metrics", "zoo", "export"}


def test_a_users_own_module_of_the_same_name_is_its_own(tmp_path):
    (tmp_path / "trainers.py").write_text("mine = True\n")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "__init__.py").write_text("mine = True\n")
    script = (
        "import trainers, zoo; assert trainers.mine and zoo.mine\n"
        "from latentzoo.cli import train\n"
        "from latentzoo import zoo as ours\n"
        "assert train.registry.__name__ == 'latentzoo.zoo.registry'\n"
        "assert ours.__name__ == 'latentzoo.zoo' and not hasattr(ours, 'mine')\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The project with one more preset, made an sdist, that made a wheel, that unpacked."""
    folder = tmp_path_factory.mktemp("packaging")
    source, sdist, site = folder / "source", folder / "sdist", folder / "site"
    ignored = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist", "runs")
    shutil.copytree(ROOT, source, ignore=ignored)
    preset = source / "zoo" / "presets" / "of-this-test"
    preset.mkdir(parents=True)
    (preset / "metadata.json").write_text('{"format": 1, "name": "of-this-test"}')
    (preset / "README.md").write_text("A model card.")
    _run("backend.build_sdist(sys.argv[1])", sdist, cwd=source)
    shutil.unpack_archive(next(sdist.glob("*.tar.gz")), sdist)
    _run("backend.build_wheel(sys.argv[1])", folder, cwd=next(sdist.glob("*/")))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(site)
    return site


def _run(call: str, target: Path, cwd: Path) -> None:
    """Calls the build backend as pip does, but without the network."""
    target.mkdir(exist_ok=True)
    script = f"import sys; from setuptools import build_meta as backend; {call}"
    result = subprocess.run([sys.executable, "-c", script, target], cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_wheel_has_every_module_and_preset_and_nothing_else(installed):
    expected = {"presets/of-this-test/metadata.json", "presets/of-this-test/README.md"}
    expected.add("presets/training_images.json")
    expected |= {"features/squeezenet1.1.npz", "features/squeezenet1.1-LICENSE.txt"}
    expected = {"__init__.py", "__main__.py", "py.typed", *(f"zoo/{name}" for name in expected)}
    for top in set(top_folders()) - {"latentzoo"}:
        expected |= {str(path.relative_to(ROOT)) for path in (ROOT / top).rglob("*.py")}
    for path in (ROOT / "zoo" / "presets").glob("*/*"):
        expected.add(str(path.relative_to(ROOT)))
    package = installed / "latentzoo"
    found = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert found == expected
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {"latentzoo"}


def test_the_wheel_lists_its_presets_without_any_dependency(installed):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from latentzoo import zoo\n"
        "print(zoo.info('of-this-test')['path'])"
    )
    # -S: without site-packages, where the editable install is.
    command = [sys.executable, "-S", "-c", script, installed]
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(path).is_relative_to(installed)
