"""Brings weights of the authors' PyTorch releases into a run, and takes a run's weights out again.

Example:
    ecgan convert --from=latest_net_G.pth --to=runs/imported --config=ecgan_cityscapes
    ecgan convert --from=runs/imported --to=latest_net_G.npz

--from is a state dict of the generator of the ECGAN release, of SPADE (a config such as spade_cityscapes; with
--config.model.use_vae=True where it has one, whose encoder is not read), of OASIS (oasis_ade20k and the like) or of
LGGAN (one of its configs, with --config.model.mask_mode=input, the release's semantics): a .pth, read with weights-only
safety (needs the torch extra), or an .npz with the same names. --to=FOLDER makes a run folder that synthesises and
exports at once; --to=FILE.npz writes a state dict. A discriminator goes along by --discriminator=FILE, read on the way
in and written on the way out.
"""

import os

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError

FROM = flags.DEFINE_string("from", None, "A state dict (.pth or .npz), or a run folder.")
TO = flags.DEFINE_string("to", None, "A run folder to make, or an .npz to write.")
DISCRIMINATOR = flags.DEFINE_string("discriminator", None, "State dict of the discriminator, to read or to write.")
STEP = flags.DEFINE_string("step", None, "Which checkpoint of a run: its step, best, or last, which is the default.")
CONFIG = config_flags.DEFINE_config_file("config", None, "The config of the model and its data.", lock_config=True)


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(**{"from": FROM.value, "to": TO.value})
    console.quiet_tensorflow()
    from ecgan_tf.training.imports import bring_in, take_out

    if os.path.isdir(FROM.value):
        take_out(FROM.value, TO.value, DISCRIMINATOR.value, STEP.value or "last")
    else:
        cli.need_flags(config=CONFIG.value)
        if STEP.value is not None:
            raise RequestError(f"--step={STEP.value}: --from={FROM.value} is no run folder; leave --step out.")
        bring_in(FROM.value, TO.value, cli.read_config(CONFIG), DISCRIMINATOR.value)
