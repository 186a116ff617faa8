"""The experiments: one file each, which ships as a module of `ecgan_tf.configs`."""
