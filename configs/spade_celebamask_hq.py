"""SPADE on CelebAMask-HQ at 256x256: the label-to-image recipe, as published for other data sets.

Terms:    L, L_f, L_p (needs VGG-19).
Values:   published: the terms and their weights (CVPR 2019), rates 1e-4 and 4e-4; the release's: betas (0, 0.9),
          xavier_0.02, base_filters 64; the sister repository DAGAN's command: global_batch_size 16, steps (100
          epochs: 50, and 50 of falling rates, of 24,000 training photographs, as remembered); the paper's own were
          not found; ours: image_size and load_size (those of ADE20K), ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/spade_celebamask_hq.py \
              --workdir=runs/spade_celebamask_hq --config.data.dir=DIR
          DIR holds train|val/{images,labels} and classes.json with CelebAMask-HQ's 19 labels.
Hardware: 4 to 8 GPUs with 32 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.configs import lggan_celebamask_hq


def get_config(variant=None):
    return lggan_celebamask_hq.get_config(variant, method="spade")
