import numpy as np
import pytest

from ecgan_tf.data.records import RecordError, decode, encode, fields_of, size_of


@pytest.mark.parametrize("labels", [np.uint8, np.uint16])
def test_arrays_come_back_as_they_were(rng, labels):
    arrays = {
        "image": rng.integers(0, 256, (5, 7, 3), np.uint8),
        "labels": rng.integers(0, 256, (5, 7)).astype(labels),
        "edges": rng.integers(0, 2, (5, 7), np.uint8) * np.uint8(255),  # 35 bits, which fill no whole byte
        "boundaries": rng.integers(0, 2, (5, 7), np.uint8),
    }
    fields = fields_of(arrays)
    record = encode(arrays, fields)
    assert len(record) == size_of(fields) == 105 + 35 * np.dtype(labels).itemsize + 5 + 5
    found = decode(record, fields)
    assert found.keys() == arrays.keys() and decode(record, fields, {"labels"}).keys() == {"labels"}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_record_of_another_length_is_refused(rng):
    fields = {"labels": (np.uint8, (5, 7))}
    for length in (34, 36):
        with pytest.raises(RecordError, match=f"{length} bytes where 35 are expected"):
            decode(b"0" * length, fields)
