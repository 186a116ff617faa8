"""ECGAN++ on CamVid street scenes.

Terms:    L, L_f, L_p (needs VGG-19), L_s (needs a label generator), L_c, L_pix.
Values:   the recipe's: every value of the loss and the optimizer, as configs/ecgan_plus_ade20k.py has them; ours:
          the data set, image_size, load_size, base_filters 32, ms_scales, global_batch_size, steps, log_every.
Run:      python train_main.py --config=configs/ecgan_plus_camvid.py --workdir=runs/plus_camvid --config.data.dir=CAMVID
Hardware: as configs/ecgan_camvid.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_camvid.get_config(variant))
