"""Names of numbers, and which of them compare."""

import dataclasses
import json

import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.protocols import METRICS, Protocol, check_comparable, name_of

FID = Protocol("fid", "inception2015", "0123abcd", (256, 256), "val", 500)


@pytest.mark.parametrize(
    "arguments, name",
    [
        (("fid", "inception2015", 256, "val500"), "fid_inception2015_256_val500"),
        (("miou", "own", 64, "val101"), "miou_own_64_val101"),
        (("fd", "own", (64, 64), "val101"), "fd_own_64_val101"),
        (("ssim", None, (256, 512), "val500"), "ssim_256x512_val500"),
        (("accuracy_all", "drn", (256, 512), "val500"), "accuracy_all_drn_256x512_val500"),
    ],
)
def test_a_name_carries_its_protocol(arguments, name):
    assert name_of(*arguments) == name


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("fid", "own", 64, "val101"), "'inception2015', use 'fd'"),
        (("kid", "own", 64, "val101"), "'inception2015', use 'kd'"),
        (("fid", None, 64, "val101"), "name the network"),
        (("ssim", "own", 64, "val101"), "takes no network"),
        (("fidelity", "own", 64, "val101"), "Known metrics: fid, fd"),
        (("fd", "my_net", 64, "val101"), "my_net"),
        (("fd", "own", 64, "val-101"), "val-101"),
        (("fd", "own", (64, 0), "val101"), "size"),
    ],
)
def test_a_name_that_would_mislead_is_refused(arguments, words):
    with pytest.raises(RequestError, match=words):
        name_of(*arguments)


def test_no_two_protocols_share_a_name():
    networks = ["own", "inception2015"]
    names = [
        Protocol(metric, network, "1" if network else None, size, "val", count).name
        for metric, needs in METRICS.items()
        for network in (networks if needs else [None])
        if metric not in ("fid", "kid") or network == "inception2015"
        for size in ((64, 64), (64, 128), (128, 64))
        for count in (1, 11, 101)
    ]
    assert len(set(names)) == len(names)


def test_a_protocol_goes_through_json():
    stored = json.loads(json.dumps(FID.to_dict()))
    assert stored.pop("name") == FID.name == "fid_inception2015_256_val500"
    assert Protocol(**stored) == FID
    assert Protocol(**{**stored, "size": 256}) == FID


def test_numbers_of_one_protocol_compare():
    check_comparable(FID, dataclasses.replace(FID))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"metric": "kid"}, "metric 'fid' against 'kid'"),
        ({"metric": "fd", "network": "own"}, "metric 'fid' against 'fd', network 'inception2015' against 'own'"),
        ({"network_hash": "ffff"}, "network_hash '0123abcd' against 'ffff'"),
        ({"size": (256, 512)}, r"size \(256, 256\) against \(256, 512\)"),
        ({"split": "train"}, "split 'val' against 'train'"),
        ({"count": 499}, "count 500 against 499"),
    ],
)
def test_numbers_of_two_protocols_do_not_and_it_is_said_why(change, words):
    with pytest.raises(RequestError, match=words):
        check_comparable(FID, dataclasses.replace(FID, **change))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"network_hash": None}, "hash None; give both"),
        ({"metric": "ssim", "network": None}, "give both, or neither"),
        ({"count": 0}, "0 pictures"),
        ({"split": "val1"}, "ends in a digit"),
        ({"network": "own"}, "use 'fd'"),
    ],
)
def test_a_protocol_that_says_too_little_is_refused(change, words):
    with pytest.raises(RequestError, match=words):
        dataclasses.replace(FID, **change)
