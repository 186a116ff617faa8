"""A served model that gives many pictures of a layout: the client's seed chooses one."""

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data import read_layout
from ecgan_tf.data.label_maps import list_label_maps
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run
from ecgan_tf.pixels import to_uint8
from export.inference_model import InferenceModel
from export.saved_model import write_saved_model
from export.serving.connections import connect
from export.serving.requests import ServedModel, find_inputs, synthesise_files


@pytest.fixture(scope="module")
def many(make_run):
    return make_run("spade", use_vae=True, noise="classes", has_unknown=True, image_size=(32, 64))


@pytest.fixture(scope="module")
def server(many, tmp_path_factory, stand_in_class):
    folder = tmp_path_factory.mktemp("codes")
    write_saved_model(InferenceModel(many), str(folder / "saved_model" / "1"))
    with stand_in_class("codes", str(folder / "saved_model")) as server:
        yield server


@pytest.fixture
def labels(tmp_path, rng):
    (tmp_path / "labels").mkdir()
    for name in "ab":
        Image.fromarray(rng.choice(np.uint8([0, 1, 2, 255]), (8, 16)).repeat(4, 0).repeat(4, 1)).save(
            tmp_path / "labels" / f"{name}.png"
        )
    return list_label_maps(tmp_path / "labels")


def address_of(server, protocol):
    return server.grpc_address if protocol == "grpc" else server.rest_address


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_the_client_gives_keras_pictures_of_its_seed(many, server, protocol, labels, tmp_path):
    model, out = open_keras_run(many), tmp_path / "out"
    for seed in (None, 5):
        served = ServedModel(connect(protocol, address_of(server, protocol), "codes", 30.0), 0, seed=seed)
        made, left = synthesise_files(served, find_inputs(served, labels, {}), out, batch=2)
        assert (made, left) == (2, 0)  # those of the other seed bear other names
        for path in labels:
            layout = {key: x[None] for key, x in read_layout(path, model.classes, model.image_size).items()}
            expected = to_uint8(model.generate({**layout, **model.draw(1, seed or 0)}))[0]
            stem = path.rsplit("/", 1)[1].removesuffix(".png")
            found = np.asarray(Image.open(out / f"{stem}{'' if seed is None else '_seed_5'}.png"))
            np.testing.assert_array_equal(found, expected)
    assert len(list(out.iterdir())) == 4


def test_a_model_with_one_picture_has_no_seed(served):
    with pytest.raises(RequestError, match="gives one picture of a layout"):
        ServedModel(connect("grpc", served.grpc_address, "tiny", 30.0), 0, seed=5)
