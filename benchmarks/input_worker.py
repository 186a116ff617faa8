"""One process of `benchmarks.input_pipeline`: batches of one tree and one form of a data set, made on request.

It runs in this tree or in that of an older revision, whose API it knows from 319713d on, and imports no other module of
benchmarks/. A line on stdin asks for some batches; a line on stdout answers with what they took.
"""

import json
import os
import runpy
import sys
import time
from pathlib import Path


def serve(case):
    """Answers until stdin ends.

    Args:
        case: dictionary of `config`, `folder`, `keys` (other keys of config.data), `batch`, `batches` and `cores`; with
            `stages` the answers also tell what each stage took.
    """
    answer, sys.stdout = sys.stdout, sys.stderr  # no print of a library is an answer
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: case["cores"]])
    from ecgan_tf.data.dataset import open_dataset
    from ecgan_tf.data.pipeline import training_batches

    config = read_config(case).data
    dataset, step = open_dataset(config, "train"), 0
    for _ in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        for _ in training_batches(dataset, config, case["batch"], 0, step, case["batches"]):
            pass
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        step, count = step + case["batches"], case["batch"] * case["batches"]
        told = {"examples": count, "seconds": seconds, "cpu_seconds": cpu}
        if case.get("stages"):
            told["stages"] = times_of(stages_of(dataset, config, count), count)
        print(json.dumps(told), file=answer, flush=True)


def read_config(case):
    """The config of the tree that is the working directory."""
    places = [Path.cwd() / folder / f"{case['config']}.py" for folder in ("configs", "ecgan_tf/configs")]
    config = runpy.run_path(str(next(path for path in places if path.is_file())))["get_config"]()
    config.data.update({**case["keys"], "dir": case["folder"]})
    return config


def times_of(stages, count):
    """CPU milliseconds of an example: dictionary as of `stages_of`."""
    times = {}
    for name, (work, of) in stages.items():
        start = time.process_time()
        for each in of:
            work(each)  # nothing is held: fresh memory would be timed as well
        times[name] = 1e3 * (time.process_time() - start) / count
    return times


def stages_of(dataset, config, count):
    """The stages of an example in this tree: dictionary from name to a function, and what it is called with."""
    from ecgan_tf.data import packed, pipeline, records

    indices = [number % len(dataset) for number in range(count)]
    ready = [dataset.load(index) for index in range(len(dataset))]

    offsets, flips = pipeline.augmentations(dataset, config, 0, range(count))

    def batch(places):
        cut = [pipeline.crop_and_flip(ready[indices[i]], dataset.image_size, offsets[i], flips[i]) for i in places]
        pipeline.to_batch(cut)

    if isinstance(dataset, packed.PackedPhotographs):
        part = dataset._part
        fields = packed.fields_at(dataset.load_size, dataset._settings, dataset.classes.num_classes)
        contents = [part.read(index) for index in range(len(dataset))]
        stages = {
            "read and check": (part.read, indices),
            "unpack": (lambda index: records.decode(contents[index], fields), indices),
        }
    else:
        stages = folder_stages(dataset, config, indices, ready)
    return {**stages, "crop, flip, scale": (batch, [range(i, min(i + 8, count)) for i in range(0, count, 8)])}


def folder_stages(dataset, config, indices, ready):
    from ecgan_tf.data import edges, images, label_maps

    examples, size = dataset.examples, dataset.load_size
    files = [dataset.read(index) for index in range(len(dataset))]
    classes = dataset.classes
    stages = {
        "decode photograph": lambda i: images.read_photograph(examples[i].image),
        "decode label map": lambda i: label_maps.labels_from_file(examples[i].labels, classes),
        "resize photograph": lambda i: label_maps.resize_photograph(files[i]["image"], size),
    }
    if dataset.has_boundaries:
        stages["decode instances"] = lambda i: label_maps.read_instances(examples[i].instances)
    if dataset.has_edges:
        stages["edges"] = lambda i: edges.canny_edges(ready[i]["image"], config.canny_low, config.canny_high)
    return {name: (work, indices) for name, work in stages.items()}
