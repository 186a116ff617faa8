"""Our arithmetic against SciPy's, scikit-image's and torchmetrics' on inputs that a seed gives.

`GOLDEN` holds what they gave, so that the comparison runs without them: Python 3.11.7, NumPy 2.4.6, SciPy 1.17.1,
scikit-image 0.26.0, PyTorch 2.13.0 (CPU), torchmetrics 1.9.0.
"""

import numpy as np
import pytest

from ecgan_tf.evaluation.metrics.distribution import frechet_distance, squared_mmd
from ecgan_tf.evaluation.metrics.segmentation import Confusion
from ecgan_tf.evaluation.metrics.similarity import psnr, ssim

WHY = "compared with the golden numbers alone"


def features(count):
    """Two sets of correlated features in 24 dimensions: more of them than dimensions, or fewer."""
    rng = np.random.default_rng(11)
    mix = rng.normal(size=(24, 24))
    return rng.normal(size=(count, 24)) @ mix, 0.3 + rng.normal(size=(count, 24)) @ (
        mix + 0.5 * rng.normal(size=(24, 24))
    )


def pictures():
    """Two batches of uint8 pictures, smooth and with noise."""
    rng = np.random.default_rng(12)
    smooth = np.kron(rng.uniform(30, 220, (3, 6, 7, 3)), np.ones((1, 8, 8, 1)))
    noisy = smooth + rng.normal(0, 20, smooth.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), smooth.astype(np.uint8)


def label_maps():
    """Labels of 6 classes, of which 255 is unknown and one is absent, and predictions that are right at times."""
    rng = np.random.default_rng(13)
    labels = rng.integers(0, 5, (4, 30, 40))
    predictions = np.where(rng.random(labels.shape) < 0.6, labels, rng.integers(0, 5, labels.shape))
    labels[rng.random(labels.shape) < 0.1] = 255
    return labels, predictions


def confusion():
    result = Confusion(6)
    result.add(*label_maps())
    return result


OURS = {
    "frechet": lambda: frechet_distance(*features(200)),
    "frechet of few": lambda: frechet_distance(*features(12)),
    "kernel": lambda: squared_mmd(*features(50)),
    "ssim": lambda: ssim(*pictures()).mean(),
    "psnr": lambda: psnr(*pictures()).mean(),
    "iou of class 2": lambda: confusion().per_class_iou()[2],
    "mean iou": lambda: confusion().mean_iou(),
    "frequency weighted iou": lambda: confusion().frequency_weighted_iou(),
    "accuracy valid": lambda: confusion().accuracy_valid(),
    "accuracy all": lambda: confusion().accuracy_all(),
}
GOLDEN = {
    "frechet": 103.571669,
    "frechet of few": 659.966601,
    "kernel": 96.8517992,
    "ssim": 0.718111742,
    "psnr": 22.1280706,
    "iou of class 2": 0.520426273,
    "mean iou": 0.511845469,
    "frequency weighted iou": 0.511883438,
    "accuracy valid": 0.676994205,
    "accuracy all": 0.610000014,
}


@pytest.mark.parametrize("name", OURS)
def test_the_golden_number(name):
    assert OURS[name]() == pytest.approx(GOLDEN[name], rel=1e-3)


def agrees(name, oracle):
    """Whether an oracle gives our number now, and the golden one still."""
    assert OURS[name]() == pytest.approx(float(oracle), rel=1e-3)
    assert GOLDEN[name] == pytest.approx(float(oracle), rel=1e-4)


@pytest.mark.parametrize("name, count", [("frechet", 200), ("frechet of few", 12)])
def test_frechet_distance_by_the_root_of_a_matrix(name, count):
    linalg = pytest.importorskip("scipy.linalg", reason=WHY)
    first, second = features(count)
    covariances = np.cov(first.T), np.cov(second.T)
    root = linalg.sqrtm(covariances[0] @ covariances[1] + 0j)
    means = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    agrees(name, means + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root).real)


def test_frechet_distance_by_torchmetrics():
    torch = pytest.importorskip("torch", reason=WHY)
    fid = pytest.importorskip("torchmetrics.image.fid", reason=WHY)
    statistics = [torch.tensor(each) for x in features(200) for each in (x.mean(axis=0), np.cov(x.T))]
    agrees("frechet", fid._compute_fid(*statistics))


def test_kernel_distance_by_torchmetrics():
    torch = pytest.importorskip("torch", reason=WHY)
    kid = pytest.importorskip("torchmetrics.image.kid", reason=WHY)
    agrees("kernel", kid.poly_mmd(*(torch.tensor(each) for each in features(50))))


def test_similarity_by_scikit_image():
    metrics = pytest.importorskip("skimage.metrics", reason=WHY)
    pairs = list(zip(*pictures()))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
    agrees("ssim", np.mean([metrics.structural_similarity(*pair, **options) for pair in pairs]))
    agrees("psnr", np.mean([metrics.peak_signal_noise_ratio(*pair) for pair in pairs]))


def test_similarity_by_torchmetrics():
    torch = pytest.importorskip("torch", reason=WHY)
    image = pytest.importorskip("torchmetrics.functional.image", reason=WHY)
    tensors = [torch.tensor(each.transpose(0, 3, 1, 2).astype(np.float64)) for each in pictures()]
    # Its mean takes windows in, over borders that it reflects; its map inside of them is that of the paper's windows.
    options = {"sigma": 1.5, "data_range": 255.0, "return_full_image": True}
    agrees("ssim", image.structural_similarity_index_measure(*tensors, **options)[1][..., 5:-5, 5:-5].mean())
    options = {"data_range": 255.0, "dim": (1, 2, 3), "reduction": "elementwise_mean"}
    agrees("psnr", image.peak_signal_noise_ratio(*tensors, **options))


def test_confusion_by_torchmetrics():
    torch = pytest.importorskip("torch", reason=WHY)
    classification = pytest.importorskip("torchmetrics.functional.classification", reason=WHY)
    labels, predictions = (torch.tensor(each) for each in label_maps())
    jaccard, accuracy = classification.multiclass_jaccard_index, classification.multiclass_accuracy
    by_class = jaccard(predictions, labels, 6, average="none", ignore_index=255)
    agrees("iou of class 2", by_class[2])
    agrees("mean iou", jaccard(predictions, labels, 6, average="macro", ignore_index=255))
    agrees("frequency weighted iou", jaccard(predictions, labels, 6, average="weighted", ignore_index=255))
    agrees("accuracy valid", accuracy(predictions, labels, 6, average="micro", ignore_index=255))
    unknown_is_wrong = torch.where(labels == 255, 5, labels)  # class 5 is never predicted
    agrees("accuracy all", accuracy(predictions, unknown_is_wrong, 6, average="micro"))
    counted = classification.multiclass_confusion_matrix(predictions, labels, 6, ignore_index=255)
    np.testing.assert_array_equal(counted, confusion().matrix)
