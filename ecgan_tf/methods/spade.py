"""SPADE (Park et al., CVPR 2019; arXiv 1903.07291), the baseline of all papers here, whose trunk they build on."""

from ecgan_tf.config_keys import Key
from ecgan_tf.methods.base import Method, Pair
from ecgan_tf.models.spade import SPADEGenerator, stride_of

SPADE_KEYS = {
    "model.spade_hidden_filters": Key(128, "hidden filters of each modulation; 128 if published", above=0, toy=8),
    "model.normalization": Key(
        "batch", "what SPADE modulates: `batch`, synchronised over the replicas, or `instance`", ("batch", "instance")
    ),
}
TRUNK_KEYS = {
    **SPADE_KEYS,
    "model.upsampling": Key(
        "normal", "`normal`: the trunk starts at 1/32 of the image; `more`: at 1/64 (Cityscapes)", ("normal", "more")
    ),
    "model.enlarging": Key(
        "nearest",
        "between the trunk's blocks; `bilinear` has no grid, and departs from the releases",
        ("nearest", "bilinear"),
    ),
    "model.noise": Key(
        "none",
        "`fixed`: a map of noise at each of the trunk's sizes, by which pixels of a region differ",
        ("none", "fixed"),
    ),
}


class TrunkMethod(Method):
    """A method whose generator has SPADE's trunk."""

    def stride(self, config):
        return stride_of(config.model.upsampling)


class SPADEBaseline(TrunkMethod):
    """The paper's objective: hinge, feature matching, perceptual loss (section 3.2), and no term of the others."""

    generator = SPADEGenerator
    keys = TRUNK_KEYS

    def pairs(self, config):
        return [Pair("I", "image")]
