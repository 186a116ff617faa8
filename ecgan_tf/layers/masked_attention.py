"""Attention that reads the style of an exemplar scene and writes it into another layout (MSCA and its ablations).

Every form has the same two halves, so that an exemplar is read once and written many times:
    read(exemplar, exemplar_labels)         -> the style that is kept, and where it was read
    write(target, style, label_pool)        -> features aligned to the target layout, and how they were put there
and `call` does both.
"""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer

LARGEST_FULL = 32  # rows or columns up to which "full" attention is affordable (docs/papers/msca.md, section 8)


@keras.saving.register_keras_serializable("ecgan_tf")
class MaskedSpatialChannelAttention(FromArguments, keras.layers.Layer):
    """Masked spatial-channel attention at one scale (Zheng et al., ECCV 2020; docs/papers/msca.md, section 3).

        alpha = softmax over positions of psi_2 * [F_x2, F_c2]       V  = F_x2 alpha^T      K vectors of the exemplar
        m     = sigmoid(MLP(mean of [F_c1, F_c2]))                   V' = V diag(m)         those of use to the target
        beta  = softmax over the K slots of psi_1 * F_c1             F_align = V' beta

    It costs O(HW K N); attention between all pairs of positions costs O((HW)^2 N).

    Args:
        slots: K.
        mask_filters: of the hidden layer of the mask's MLP.
        use_mask: without it m = 1.
        kernel_size: of psi_1 and psi_2.
        initializer: a name of `INITIALIZERS`, of the mask's MLP.
        sharpness: what the scores of either softmax are multiplied by at the start, the inverse of its temperature;
            learned from there on.
    Call arguments:
        target: F_c1, features of the target layout, float (batch, height, width, M).
        exemplar: F_x2, features of the exemplar, float (batch, rows, columns, N).
        exemplar_labels: F_c2, features of its layout, float (batch, rows, columns, M); None where its labels are
            not known, and the layer was built so.
    Returns:
        float (batch, height, width, N).
    """

    def __init__(
        self, slots, mask_filters=128, use_mask=True, kernel_size=3, initializer="xavier_0.02", sharpness=1.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.slots = slots
        self.mask_filters = mask_filters
        self.use_mask = use_mask
        self.kernel_size = kernel_size
        self.initializer = initializer
        self.sharpness = sharpness
        # Gain 1: over tens of thousands of positions a softmax of small numbers is uniform and learns nothing.
        unit_gain = keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal")
        self.psi_1, self.psi_2 = (
            keras.layers.Conv2D(slots, kernel_size, padding="same", kernel_initializer=unit_gain.clone(), name=name)
            for name in ("psi_1", "psi_2")
        )
        if use_mask:
            self.mask_hidden = keras.layers.Dense(
                mask_filters, activation="relu", kernel_initializer=make_initializer(initializer), name="mask_hidden"
            )
            self.mask = keras.layers.Dense(
                slots, activation="sigmoid", kernel_initializer=make_initializer(initializer), name="mask"
            )

    def build(self, target_shape, exemplar_shape, exemplar_labels_shape=None):
        label_filters = exemplar_labels_shape[-1] if exemplar_labels_shape else 0
        self.psi_1.build(target_shape)
        self.psi_2.build((*exemplar_shape[:-1], exemplar_shape[-1] + label_filters))
        if self.use_mask:
            self.mask_hidden.build((None, target_shape[-1] + label_filters))
            self.mask.build((None, self.mask_filters))
        self.read_sharpness, self.write_sharpness = (
            self.add_weight(
                name=name, shape=(), initializer=keras.initializers.Constant(self.sharpness), autocast=False
            )
            for name in ("read_sharpness", "write_sharpness")
        )
        if label_filters:
            # Not in the spec: psi_2 starts to see in labels what psi_1 does, and nothing in pixels. F_c1 and F_c2 come
            # from one network, so each slot is read, from the first step, where the layout is like that which it will
            # synthesise. Pixels of random weight make single ones stand out instead, at a sharpness that regions need.
            kernel = self.psi_2.kernel
            kernel.assign(ops.concatenate([ops.zeros_like(kernel[:, :, :-label_filters]), self.psi_1.kernel], axis=2))
        self.built = True

    def call(self, target, exemplar, exemplar_labels=None):
        style, _ = self.read(exemplar, exemplar_labels)
        label_pool = None if exemplar_labels is None else ops.mean(exemplar_labels, axis=(1, 2))
        return self.write(target, style, label_pool)[0]

    def read(self, exemplar, exemplar_labels=None):
        """Spatial attention and aggregation.

        Returns:
            dictionary of `values`, V, float (batch, K, N); and alpha float32 (batch, rows, columns, K).
        """
        rows, columns = exemplar.shape[1:3]
        joined = exemplar if exemplar_labels is None else ops.concatenate([exemplar, exemplar_labels], axis=-1)
        logits = ops.reshape(ops.cast(self.psi_2(joined), "float32"), (-1, rows * columns, self.slots))
        # Every runtime wants the axis of a softmax last.
        alpha = ops.softmax(ops.transpose(logits, (0, 2, 1)) * self.read_sharpness, axis=-1)
        values = ops.matmul(ops.cast(alpha, self.compute_dtype), flatten_positions(exemplar))
        return {"values": values}, ops.reshape(ops.transpose(alpha, (0, 2, 1)), (-1, rows, columns, self.slots))

    def write(self, target, style, label_pool=None):
        """Feature masking, channel attention and aggregation.

        Args:
            target: as in `call`.
            style: as `read` returns it.
            label_pool: the mean of F_c2 over positions, float (batch, M), or None as in `call`.
        Returns:
            F_align float (batch, height, width, N), and a dictionary of `target`, beta, float32
            (batch, height, width, K), and with a mask `mask`, m, (batch, K).
        """
        values, maps = style["values"], {}
        if self.use_mask:
            pooled = ops.mean(target, axis=(1, 2))
            joined = pooled if label_pool is None else ops.concatenate([pooled, label_pool], axis=-1)
            maps["mask"] = self.mask(self.mask_hidden(joined))
            values = values * maps["mask"][..., None]
        # Flat before the softmax: of reshapes around a product the TFLite converter makes a product of four dimensions
        # by three, which LiteRT's GPU delegate takes and computes wrongly.
        logits = ops.cast(flatten_positions(self.psi_1(target)), "float32")
        beta = ops.softmax(logits * self.write_sharpness, axis=-1)
        maps["target"] = unflatten_positions(beta, target)
        return unflatten_positions(ops.matmul(ops.cast(beta, self.compute_dtype), values), target), maps


@keras.saving.register_keras_serializable("ecgan_tf")
class PooledStyle(keras.layers.Layer):
    """The ablation without local alignment: the exemplar's mean feature everywhere. No variables.

    Call arguments and halves as in `MaskedSpatialChannelAttention`, with K = 1 and m = 1.
    """

    def build(self, target_shape, exemplar_shape, exemplar_labels_shape=None):
        self.built = True

    def call(self, target, exemplar, exemplar_labels=None):
        return self.write(target, self.read(exemplar)[0])[0]

    def read(self, exemplar, exemplar_labels=None):
        uniform = ops.ones_like(ops.cast(exemplar[..., :1], "float32"))
        return {"values": ops.mean(exemplar, axis=(1, 2))[:, None]}, uniform / (exemplar.shape[1] * exemplar.shape[2])

    def write(self, target, style, label_pool=None):
        everywhere = ops.ones_like(target[..., :1])
        return everywhere * style["values"][:, None], {"target": ops.cast(everywhere, "float32")}


@keras.saving.register_keras_serializable("ecgan_tf")
class FullAttention(FromArguments, keras.layers.Layer):
    """The ablation that compares all pairs of positions by their layouts, for scales up to `LARGEST_FULL`.

        F_align = softmax over positions of ((psi_1 F_c1) (psi_2 F_c2)^T / sqrt(d)) F_x2

    Args:
        filters: d, of queries and keys.
    Call arguments and halves as in `MaskedSpatialChannelAttention`; there is no mask, since there are no slots, and
    the exemplar's labels are needed. Its `values` are all of F_x2, (batch, rows * columns, N), beside its `keys`
    (batch, rows * columns, d).
    """

    def __init__(self, filters=64, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.psi_1, self.psi_2 = (keras.layers.Conv2D(filters, 1, name=name) for name in ("psi_1", "psi_2"))

    def build(self, target_shape, exemplar_shape, exemplar_labels_shape):
        self.psi_1.build(target_shape)
        self.psi_2.build(exemplar_labels_shape)
        self.built = True

    def call(self, target, exemplar, exemplar_labels):
        return self.write(target, self.read(exemplar, exemplar_labels)[0])[0]

    def read(self, exemplar, exemplar_labels):
        return {"values": flatten_positions(exemplar), "keys": flatten_positions(self.psi_2(exemplar_labels))}, None

    def write(self, target, style, label_pool=None):
        queries = flatten_positions(self.psi_1(target))
        scores = ops.matmul(queries, ops.transpose(style["keys"], (0, 2, 1))) * self.filters**-0.5
        weights = ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), self.compute_dtype)
        return unflatten_positions(ops.matmul(weights, style["values"]), target), {}


def flatten_positions(x):
    """(batch, height, width, filters) as (batch, height * width, filters)."""
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))


def unflatten_positions(x, like):
    """(batch, height * width, filters) as (batch, height, width, filters), of the height and width of `like`."""
    return ops.reshape(x, (-1, *like.shape[1:3], x.shape[2]))
