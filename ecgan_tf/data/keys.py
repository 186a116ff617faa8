"""The keys of config.data: every method's, and those of methods that read edges, exemplars or other views."""

from ecgan_tf.config_keys import Key

DATA_NAMES = ("earth_tiles", "earth", "folder", "cityscapes", "ade20k", "coco_stuff", "cross_view")
EARTH_SIDE = 256  # pixels, of the crops of `earth`
EMBEDDED = ("earth_tiles", "earth")  # in the package
DIRECTIONS = ("a2g", "g2a")  # of cross-view: from the aerial view to the one at the ground, and back

DATA_KEYS = {
    "data.name": Key(
        "earth_tiles",
        "`folder` is train|val/{images,labels[,instances]} + classes.json; `earth` cuts any crop of the whole Earth to "
        "train on, and has earth_tiles' validation split",
        DATA_NAMES,
    ),
    "data.dir": Key(
        "",
        "where the data set lies, or its shards (ecgan convert-data); earth_tiles and earth are embedded and need none",
    ),
    "data.image_size": Key((128, 128), "height, width of what the networks see"),
    "data.load_size": Key((0, 0), "height, width before a random crop to image_size; (0, 0): image_size, no crop"),
    "data.flip": Key(True, "random horizontal flip of training examples"),
    "data.use_instances": Key(False, "adds the instance boundary channel to the generator's input"),
    "data.unknown_label": Key(-1, "file value of unlabelled pixels; -1: as classes.json or the data set's folder says"),
    "data.cache_gb": Key(
        2.0,
        "examples are kept in memory up to this size; where not all fit, all but their photographs, squeezed",
        least=0,
    ),
    "data.selection": Key(
        "",
        "a .json that names the examples of both splits to use, as ecgan scenes writes, or a folder of the cross-view "
        "data sets' split lists; ``: all",
    ),
    "data.limit": Key(0, "trains on this many examples only, spread over the split; 0: on all", least=0),
    "data.check_examples": Key(
        2000, "files decoded before training starts; python -m ecgan_tf.data.validate reads all", least=0
    ),
}
EDGE_KEYS = {
    "data.edge_source": Key(
        "canny",
        "what the edge generator learns; `none`: an edge generator that no loss teaches",
        ("canny", "label_boundary", "none"),
    ),
    "data.canny_low": Key(0.075, "lower Canny threshold, a share of the image's largest gradient, as released"),
    "data.canny_high": Key(0.175, "the upper one"),
}
EXEMPLAR_KEYS = {
    "data.exemplars": Key(
        "none", "pairs of patches for exemplar-guided models", ("none", "cross+self", "cross", "self")
    ),
    "data.short_side": Key(
        (0, 0), "least and most pixels of the short side of a photograph of which patches are cut; (0, 0): load_size"
    ),
    "data.retrieved_share": Key(
        0.1, "of the examples whose exemplar is another photograph, without a ground truth", least=0, most=1
    ),
}
SOURCE_KEYS = {
    "data.use_sources": Key(True, "photographs of the other view, in sources/ beside images/", (True,)),
    "data.direction": Key(DIRECTIONS[0], "of `cross_view`: aerial to ground, or `g2a`", DIRECTIONS),
}


def check_data(data):
    """Yields what is wrong with config.data beyond its single keys, one line each."""
    if data.name not in EMBEDDED and data.name in DATA_NAMES and not data.dir:
        yield f"config.data.dir is empty; data set {data.name!r} needs --config.data.dir=FOLDER"
    sizes = {key: data[key] for key in ("image_size", "load_size")}
    for key, size in sizes.items():
        if len(size) != 2 or not all(isinstance(length, int) for length in size):
            yield f"config.data.{key} is {size!r}; it must be (height, width) in pixels"
            return
    if data.name == "earth":
        yield from _check_earth(data)
    (height, width), load = data.image_size, tuple(data.load_size)
    if load != (0, 0) and (load[0] < height or load[1] < width):
        yield f"config.data.load_size {load} is smaller than image_size {(height, width)}; (0, 0) turns cropping off"
    if "canny_low" in data and not 0 < data.canny_low <= data.canny_high <= 1:
        yield (f"config.data.canny_low {data.canny_low} and canny_high {data.canny_high} must rise between 0 and 1")
    if data.get("use_sources") and data.name not in ("folder", "cross_view"):
        yield f"config.data.name is {data.name!r}; only 'folder' and 'cross_view' have photographs of a second view"
    if data.name == "cross_view" and not data.get("use_sources"):
        yield "config.data.name 'cross_view' is read by the method that translates a second view alone"


def _check_earth(data):
    """What crops of the whole Earth, which are cut while a run trains, do not have."""
    if max(data.image_size) > EARTH_SIDE:
        yield (
            f"config.data.image_size {tuple(data.image_size)} is more than 'earth' has ground for, which has "
            f"validation tiles all over it; at most {EARTH_SIDE} a side"
        )
    if data.get("exemplars", "none") != "none":
        yield "config.data.name 'earth' has crops, of which none is another's exemplar; take 'earth_tiles'"
    for key, default in (("load_size", (0, 0)), ("selection", ""), ("limit", 0)):
        value = tuple(data[key]) if key == "load_size" else data[key]
        if value != default:
            yield f"config.data.{key} is {value!r}; config.data.name 'earth' cuts its crops itself; leave {default!r}"
