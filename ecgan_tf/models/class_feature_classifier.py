"""The classifier of LGGAN's pooled class features; it exists in training only."""

import keras


@keras.saving.register_keras_serializable("ecgan_tf")
class ClassFeatureClassifier(keras.Model):
    """One dense layer that all classes share (LGGAN, section 3.2).

    Args:
        filters: C, of the features.
        num_branches: c.
    Call arguments:
        features: float (batch, c, C).
    Returns:
        logits, float32 (batch, c, c).
    """

    def __init__(self, filters, num_branches, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_branches = num_branches
        self.dense = keras.layers.Dense(num_branches, name="dense", dtype="float32")

    def build(self, input_shape=None):
        self.dense.build((None, None, self.filters))
        self.built = True

    def call(self, features):
        return self.dense(features)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "num_branches": self.num_branches}
