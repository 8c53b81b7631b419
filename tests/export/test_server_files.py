"""What lies beside the models, read with the protos of TF Serving."""

import re

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from latentzoo.export import server_files


def parse(text):
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config


def test_models_config_has_all_models_and_their_labels(models_folder):
    glow, moons = parse((models_folder / "models.config").read_text())
    assert (glow.name, glow.base_path, glow.model_platform) == ("glow", "/models/glow", "tensorflow")
    assert glow.model_version_policy.latest.num_versions == 2
    assert dict(glow.version_labels) == {"newest": 2, "previous": 1}
    assert moons.name == "moons" and dict(moons.version_labels) == {"newest": 1}


def test_names_are_quoted():
    (model,) = parse(server_files.models_config({'a "quoted" name': [1]}))
    assert model.name == 'a "quoted" name'


def test_a_third_version_moves_the_labels():
    (model,) = parse(server_files.models_config({"glow": [1, 2, 7]}))
    assert dict(model.version_labels) == {"newest": 7, "previous": 2}


def test_batching_ends_at_the_largest_batch(models_folder):
    text = (models_folder / "batching_parameters.txt").read_text()
    assert "allowed_batch_sizes: 64\nmax_batch_size { value: 64 }\n" in text


@pytest.mark.parametrize("sizes", [[], [0, 1], [1, 1], [4, 2]])
def test_batch_sizes_increase(sizes):
    with pytest.raises(ValueError) as error:
        server_files.batching_parameters(sizes)
    assert str(error.value) == f"batch_sizes is {sizes}, expected increasing positive integers."


def test_compose_starts_the_server_on_these_files(models_folder):
    text = (models_folder / "compose.yaml").read_text()
    flags = dict(re.findall(r"^      - --(\w+)=(.+)$", text, re.M))
    assert "image: tensorflow/serving:" in text and 'volumes: ["./:/models:ro"]' in text
    for flag in ("model_config_file", "batching_parameters_file", "monitoring_config_file"):
        assert (models_folder / flags[flag].removeprefix("/models/")).is_file()
    assert flags["enable_batching"] == "true"


def test_what_a_user_has_tuned_is_kept(tmp_path):
    server_files.write_server_files(tmp_path)
    (tmp_path / "batching_parameters.txt").write_text("mine")
    (tmp_path / "glow" / "1").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    server_files.write_server_files(tmp_path)
    assert (tmp_path / "batching_parameters.txt").read_text() == "mine"
    assert [model.name for model in parse((tmp_path / "models.config").read_text())] == ["glow"]
    assert not list(tmp_path.glob(".*"))
