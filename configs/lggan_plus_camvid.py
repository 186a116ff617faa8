"""LGGAN++ on CamVid street scenes: semantic-aware upsampling after the encoder and in the decoders.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   the recipe's: every value of the loss and the optimizer, as configs/lggan_plus_ade20k.py has them; ours:
          the data set, image_size, load_size, base_filters 32, global_batch_size, steps, log_every.
Run:      python train_main.py --config=configs/lggan_plus_camvid.py \
              --workdir=runs/lggan_plus_camvid --config.data.dir=CAMVID
Hardware: as configs/lggan_camvid.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid


def get_config(variant=None):
    return ecgan_camvid.get_config(variant, method="lggan_plus")
