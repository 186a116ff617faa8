"""Every key of a run, with its default and meaning, and the check that finds the mistakes of a request at once."""

import os

import ml_collections

from ecgan_tf.commands import RequestError

DATA_NAMES = ("earth_tiles", "folder", "cityscapes", "ade20k", "coco_stuff")


def base_config():
    """The paper's ECGAN, locked: a misspelt key fails. The files in `configs/` change values only."""
    config = ml_collections.ConfigDict()

    config.model = model = ml_collections.ConfigDict()
    model.name = "ecgan"
    model.base_filters = 64  # C of the paper: filters of the encoder's last feature map
    model.spade_hidden_filters = 128  # hidden filters of each SPADE modulation, in every published model 128
    model.upsampling = "normal"  # "normal": the trunk starts at 1/32 of the image; "more": at 1/64 (Cityscapes)
    model.normalization = "batch"  # of SPADE: "batch" (synchronised over the replicas) or "instance"
    model.initializer = "xavier_0.02"  # of the trunk and the discriminator; "he" departs from the release
    model.head_initializer = "xavier_0.02"  # of ECGAN's heads, of LGGAN's branches; "he" departs from the releases
    model.use_edge = True  # the edge generator G_e; without it nothing else of the edge is there
    model.edge_transfer = "both"  # where G_t gates the image by the edge: "both", "feature", "image" or "none"
    model.use_semantic_preserving = True  # G_s; without it the final image is I', clipped
    model.semantic_skip = False  # True adds I' before the last tanh of G_s; a departure, see models/ecgan.py
    model.num_residual_blocks = 9  # LGGAN from here on: residual blocks of the local generator
    model.local_classes = (
        "all"  # a branch for each; "top_k": the most frequent; "first_k": the first; "groups": as listed
    )
    model.local_top_k = 51  # branches of "top_k" and "first_k"; all other classes share one more
    model.local_groups = ()  # of "groups": the number of the branch of every class, unknown last; -1 for none
    model.local_fusion = "concat"  # of the class images into the local one: with a convolution, or "sum"
    model.local_kernel_size = 7  # of the class branches
    model.mask_mode = "output"  # "input": the release's, for its weights; see layers/class_branches.py
    model.fusion = "weight"  # of local and global image: learnt maps; "mean", or "global" or "local" alone
    model.upsampler = "deconv"  # of the local and the weight decoder: "deconv" or "nearest_conv"
    model.sau_place = "both"  # of LGGAN++, semantic-aware upsampling: "encoder", "decoders", "both" or "none"
    model.sau_patch = "source"  # neighbourhoods on the small map, or "upsampled": on the enlarged one

    model.use_exemplar = False  # ECGAN takes the style of an exemplar, too; not in the paper
    model.attention = "msca"  # MSCA's: "msca", "gap" (global style alone) or "full" (all pairs, at scales up to 32x32)
    model.attention_slots = (16, 32, 64, 64, 64)  # K of MSCA's scales, finest first; 0: one per label
    model.attention_sharpness = 1.0  # of MSCA's two softmaxes at the start; learned from there on
    model.use_mask = True  # MSCA's feature masking
    model.use_global = True  # MSCA's global style code
    model.exemplar_label = "given"  # MSCA reads the exemplar's label map; "none": its pixels alone

    config.discriminator = discriminator = ml_collections.ConfigDict()
    discriminator.base_filters = 64
    discriminator.num_scales = 2
    discriminator.separate_edge = False  # a second discriminator for edges; the paper found no use in it
    discriminator.image = False  # one more that judges images without their layouts

    config.data = data = ml_collections.ConfigDict()
    data.name = "earth_tiles"  # one of DATA_NAMES; "folder" is train|val/{images,labels[,instances]} + classes.json
    data.dir = ""  # where the data set lies; earth_tiles is embedded and needs none
    data.image_size = (128, 128)  # height, width of what the networks see
    data.load_size = (0, 0)  # height, width before a random crop to image_size; (0, 0): image_size, no crop
    data.flip = True  # random horizontal flip of training examples
    data.use_instances = False  # adds the instance boundary channel to the generator's input
    data.use_sources = False  # cross-view translation: photographs of the other view, in sources/ beside images/
    data.unknown_label = -1  # file value of unlabelled pixels; -1: as classes.json or the data set's layout says
    data.exemplars = "none"  # pairs of patches for exemplar-guided models: "cross+self", "cross" or "self"
    data.retrieved_share = 0.1  # of the examples whose exemplar is another photograph, without a ground truth
    data.edge_source = "canny"  # what the edge generator learns: "canny", "label_boundary", or "none"
    data.canny_low = 0.075  # of the image's largest gradient, as in the release
    data.canny_high = 0.175
    data.cache_gb = 2.0  # decoded examples are kept in memory up to this size
    data.limit = 0  # trains on this many examples only, spread over the split; 0: on all
    data.check_examples = 2000  # files decoded before training starts; python -m ecgan_tf.data.validate reads all

    config.loss = loss = ml_collections.ConfigDict()
    loss.adversarial = 1.0  # lambda_c
    loss.feature_matching = 10.0  # lambda_f
    loss.perceptual = 10.0  # lambda_p; needs vgg_weights
    loss.vgg_weights = "keras"  # path of VGG-19 weights (Keras notop layout); "keras": the package's download or cache
    loss.final_weight = 2.0  # lambda: weight of the final image I'' against the first image I' and the edge
    loss.gan_mode = "hinge"  # the release's, or "log", the paper's
    loss.similarity = 1.0  # lambda_s; needs a segmenter
    loss.label_loss = "similarity"  # or "cross_entropy", "both", "none"
    loss.similarity_rows = 32  # of the grid whose pixels are compared: its matrices have (rows * columns)^2 entries
    loss.segmenter = ""  # path of the label generator's weights, from python -m ecgan_tf.train_segmenter
    loss.class_pixel = 1.0  # lambda_pix, class-specific pixel generation; 0: no decoder
    loss.contrastive = 1.0  # lambda_l; 0: no embedding heads
    loss.contrastive_temperature = 0.1
    loss.contrastive_samples_per_class = 32  # V of the static sampler, per class over the global batch
    loss.contrastive_stride = 4  # the embedding grid is 1/stride of the image
    loss.contrastive_purity = 0.7  # share of a grid cell that must be of its class to be sampled; 0: all cells
    loss.contrastive_warmup_steps = 5000  # linear from 0
    loss.contrastive_memory = 0  # region means per class that are kept from earlier steps; 256 is plenty
    loss.ms_scales = 1  # 1: ECGAN; 2 to 4: ECGAN++ with that many of the encoder's scales
    loss.ms_pairs = "fine_to_coarse"  # cross-scale terms: "fine_to_coarse", "adjacent", "all" or "none"
    loss.ms_weights = (1.0, 0.7, 0.4, 0.1)  # of the terms within each scale, finest first
    loss.ms_detach_coarse = False  # no gradient into the coarse side of a cross-scale term
    loss.reconstruction = 0.0  # L1 of every image to the photograph; not in ECGAN's paper, off in LGGAN's release
    loss.style = 0.0  # MSCA's, of pictures whose exemplar is retrieved
    loss.slot_entropy = 0.0  # rewards MSCA for using all slots; 1e-3 where metrics.jsonl shows that most lie idle
    loss.class_features = 1.0  # LGGAN: classification of the branches' features; 0: no classifier
    loss.class_pool = "area"  # what their sums are divided by: each region's area, or "hw", the release's
    loss.local_l1 = 1.0  # LGGAN: L1 of every class image to its part of the photograph
    loss.total_variation = 0.0  # LGGAN's cross-view task: of every image, summed over its pixels

    config.optimizer = optimizer = ml_collections.ConfigDict()
    optimizer.generator_lr = 1e-4  # TTUR
    optimizer.discriminator_lr = 4e-4
    optimizer.beta_1 = 0.0
    optimizer.beta_2 = 0.9
    optimizer.constant_fraction = 0.5  # of the steps; then both rates fall linearly to 0
    optimizer.ema_decay = 0.999  # of the generator that is evaluated, synthesises and is exported

    config.train = train = ml_collections.ConfigDict()
    train.steps = 1000
    train.global_batch_size = 8  # split over the replicas
    train.seed = 0
    train.devices = ""  # "": all GPUs, else one CPU; or a list such as "GPU:0,GPU:1"
    train.precision = "float32"  # or mixed_float16, mixed_bfloat16
    train.update_order = (
        "alternating"  # the release's order: G, then D on new fakes; "simultaneous": one forward for both
    )
    train.jit_compile = False  # XLA: for GPUs; slower on CPUs
    train.log_every = 50
    train.checkpoint_every = 500
    train.keep_checkpoints = 2
    train.first_sample = 50  # the sample grid is drawn at this step, then at steps that grow by half
    train.sample_layouts = 6

    return config.lock()


def make_small(config):
    """Makes a published setting fit one GPU with 12 GB: half the filters, batches of 4, half precision."""
    config.model.base_filters = config.discriminator.base_filters = 32
    config.train.steps = config.train.steps * config.train.global_batch_size // 4
    config.train.global_batch_size = 4
    config.train.precision = "mixed_float16"
    return config


def use_multi_scale_contrast(config):
    """Turns ECGAN into ECGAN++: what is painted with is the same, what is trained for is not."""
    config.loss.ms_scales = 3
    return config


def apply_variant(config, variant):
    """The config that is asked for behind the colon: "toy", or None for the experiment itself."""
    if variant not in (None, "toy"):
        raise RequestError(f"variant {variant!r} of the config; there is :toy, or none")
    if variant:
        shrink_to_toy(config)
    return config


def shrink_to_toy(config):
    """Makes the same experiment tiny, for tests: `--config=configs/X.py:toy`."""
    config.data.image_size = (64, 64) if config.model.upsampling == "more" else (32, 32)
    config.data.load_size = (64, 64) if "cross" in config.data.exemplars else (0, 0)  # room for two patches
    config.model.attention_slots = (2, 3, 4, 4, 4)
    config.model.base_filters = config.discriminator.base_filters = 8
    config.model.spade_hidden_filters = 8
    config.model.num_residual_blocks = 1
    config.train.global_batch_size = 2
    config.train.steps = 4
    config.train.log_every = config.train.first_sample = 2
    config.train.sample_layouts = 2
    config.train.precision = "float32"


def check_config(config):
    """Raises one `RequestError` that names every wrong value of the request, before anything expensive starts."""
    checks = (_check_choices, _check_sizes, _check_numbers, _check_files, _check_exemplars)
    found = [mistake for check in checks for mistake in check(config)]
    if found:
        raise RequestError("; ".join(found))


def resolve(config):
    """A plain dictionary of the config, for config.json."""
    return config.to_dict()


def stride_of(upsampling):
    """By how much the trunk enlarges its first feature map: the sizes of an image must be multiples of it."""
    return {"normal": 32, "more": 64}[upsampling]


def _check_choices(config):
    choices = {
        "model.upsampling": ("normal", "more"),
        "model.normalization": ("batch", "instance"),
        "model.initializer": ("xavier_0.02", "he"),
        "model.head_initializer": ("xavier_0.02", "he"),
        "model.edge_transfer": ("both", "feature", "image", "none"),
        "model.attention": ("msca", "gap", "full"),
        "model.exemplar_label": ("given", "none"),
        "data.exemplars": ("none", "cross+self", "cross", "self"),
        "model.local_classes": ("all", "top_k", "first_k", "groups"),
        "model.local_fusion": ("concat", "sum"),
        "model.mask_mode": ("output", "input"),
        "model.fusion": ("weight", "mean", "global", "local"),
        "model.upsampler": ("deconv", "nearest_conv"),
        "model.sau_place": ("encoder", "decoders", "both", "none"),
        "model.sau_patch": ("source", "upsampled"),
        "loss.class_pool": ("area", "hw"),
        "data.edge_source": ("canny", "label_boundary", "none"),
        "loss.gan_mode": ("hinge", "log"),
        "loss.label_loss": ("similarity", "cross_entropy", "both", "none"),
        "loss.ms_scales": (1, 2, 3, 4),
        "loss.ms_pairs": ("fine_to_coarse", "adjacent", "all", "none"),
        "train.update_order": ("alternating", "simultaneous"),
        "data.name": DATA_NAMES,
        "train.precision": ("float32", "mixed_float16", "mixed_bfloat16"),
    }
    for key, allowed in choices.items():
        value = _get(config, key)
        if value not in allowed:
            yield f"config.{key} is {value!r}; it must be one of {', '.join(map(str, allowed))}"
    needs_sources = config.model.name == "lggan_cross_view"
    if config.data.use_sources != needs_sources:
        yield f"config.data.use_sources must be {needs_sources} for model.name={config.model.name!r}"
    if config.data.use_sources and config.data.name != "folder":
        yield f"config.data.name is {config.data.name!r}; only 'folder' has photographs of a second view"
    if config.data.name != "earth_tiles" and not config.data.dir:
        yield f"config.data.dir is empty; data set {config.data.name!r} needs --config.data.dir=FOLDER"


def _check_sizes(config):
    for key in ("data.image_size", "data.load_size"):
        size = _get(config, key)
        if len(size) != 2 or not all(isinstance(length, int) for length in size):
            yield f"config.{key} is {size!r}; it must be (height, width) in pixels"
            return
    height, width = config.data.image_size
    stride = config.loss.contrastive_stride
    if config.loss.contrastive and stride > 0 and (height % stride or width % stride):
        yield f"config.loss.contrastive_stride {stride} must divide config.data.image_size {(height, width)}"
    if config.model.upsampling in ("normal", "more"):
        stride = stride_of(config.model.upsampling)
        if height <= 0 or width <= 0 or height % stride or width % stride:
            nearest = tuple(max(stride, round(size / stride) * stride) for size in (height, width))
            yield (
                f"config.data.image_size {(height, width)} must be a multiple of {stride} for "
                f"model.upsampling={config.model.upsampling!r}; nearest: {nearest}"
            )
    load = tuple(config.data.load_size)
    if load != (0, 0) and (load[0] < height or load[1] < width):
        yield f"config.data.load_size {load} is smaller than image_size {(height, width)}; (0, 0) turns cropping off"


def _check_numbers(config):
    positive = (
        "model.base_filters",
        "model.spade_hidden_filters",
        "model.attention_sharpness",
        "model.local_top_k",
        "model.local_kernel_size",
        "discriminator.base_filters",
        "discriminator.num_scales",
        "loss.contrastive_temperature",
        "loss.contrastive_samples_per_class",
        "loss.contrastive_stride",
        "loss.similarity_rows",
        "train.steps",
        "train.global_batch_size",
        "train.log_every",
        "train.checkpoint_every",
        "train.keep_checkpoints",
        "train.first_sample",
        "train.sample_layouts",
    )
    for key in positive:
        if _get(config, key) <= 0:
            yield f"config.{key} is {_get(config, key)}; it must be above 0"
    not_negative = [
        f"loss.{key}"
        for key in (
            "adversarial",
            "feature_matching",
            "perceptual",
            "similarity",
            "class_pixel",
            "contrastive",
            "contrastive_memory",
            "reconstruction",
            "style",
            "slot_entropy",
            "final_weight",
            "class_features",
            "local_l1",
            "total_variation",
        )
    ]
    for key in (*not_negative, "optimizer.generator_lr", "optimizer.discriminator_lr", "data.cache_gb"):
        if _get(config, key) < 0:
            yield f"config.{key} is {_get(config, key)}; it must not be negative"
    for key in ("train.seed", "data.check_examples", "data.limit", "model.num_residual_blocks"):
        if _get(config, key) < 0:
            yield f"config.{key} is {_get(config, key)}; it must be 0 or more"
    if config.model.local_kernel_size % 2 == 0:
        yield f"config.model.local_kernel_size is {config.model.local_kernel_size}; it must be odd"
    if config.train.seed >= 2**32:
        yield f"config.train.seed is {config.train.seed}; it must be below 2**32"
    if 0 < config.loss.contrastive_memory < config.train.global_batch_size:
        yield (
            f"config.loss.contrastive_memory is {config.loss.contrastive_memory}; it must be 0 or hold a batch, "
            f"{config.train.global_batch_size} or more"
        )
    weights = tuple(config.loss.ms_weights)
    if len(weights) < config.loss.ms_scales or min(weights) <= 0:
        yield f"config.loss.ms_weights is {weights}; it must have a weight above 0 for each of config.loss.ms_scales"
    if not 0 < config.data.canny_low <= config.data.canny_high <= 1:
        yield (
            f"config.data.canny_low {config.data.canny_low} and canny_high {config.data.canny_high} must rise "
            "between 0 and 1"
        )
    for key in (
        "loss.contrastive_purity",
        "data.retrieved_share",
        "optimizer.ema_decay",
        "optimizer.beta_1",
        "optimizer.beta_2",
        "optimizer.constant_fraction",
    ):
        if not 0 <= _get(config, key) <= 1:
            yield f"config.{key} is {_get(config, key)}; it must lie between 0 and 1"


def _check_exemplars(config):
    ecgan_guided = config.model.use_exemplar and config.model.name == "ecgan"
    guided, data = config.model.name == "msca" or ecgan_guided, config.data
    if guided and data.exemplars == "none":
        yield "config.data.exemplars is 'none', but this model paints after exemplars; choose 'cross+self'"
    if not guided and data.exemplars != "none":
        yield f"config.data.exemplars is {data.exemplars!r}, but this model takes no exemplar; choose 'none'"
    if "cross" in data.exemplars and tuple(data.load_size) in ((0, 0), tuple(data.image_size)):
        yield (
            f"config.data.load_size {tuple(data.load_size)} leaves no room for two patches of image_size "
            f"{tuple(data.image_size)} in a photograph; make it 1.5 times image_size or more"
        )
    slots = tuple(config.model.attention_slots)
    if len(slots) != 5 or min(slots) < 0:
        yield f"config.model.attention_slots is {slots}; it must be five numbers of 0 or more, finest scale first"
    if config.model.attention == "full" and config.model.exemplar_label == "none":
        yield "config.model.attention 'full' compares label maps; config.model.exemplar_label must be 'given'"


def _check_files(config):
    for key, remedy in (
        ("loss.segmenter", "python -m ecgan_tf.train_segmenter makes one"),
        (
            "loss.vgg_weights",
            "give Keras' notop file of VGG-19, 'keras' for its download, or '' for no perceptual loss",
        ),
    ):
        path = _get(config, key)
        if path not in ("", "keras") and not os.path.isfile(path):
            yield f"config.{key} is {path!r}, which is no file; {remedy}"


def _get(config, key):
    for part in key.split("."):
        config = config[part]
    return config
