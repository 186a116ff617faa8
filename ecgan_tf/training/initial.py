"""Where a new run starts: with the weights of frozen parts, or from those of another run."""

import dataclasses
import os

from ecgan_tf.arrays import compare_arrays, not_finite
from ecgan_tf.console import say
from ecgan_tf.data.classes import ClassList, plain_name
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import method_of
from ecgan_tf.methods.base import TEACHER
from ecgan_tf.models.heads import ContrastMemory
from ecgan_tf.models.label_rows import label_rows, transfer
from ecgan_tf.outputs import expand
from ecgan_tf.runs.checkpoints import checkpoint_path, read_checkpoint
from ecgan_tf.runs.folder import RunFolder, read_model
from ecgan_tf.runs.opening import open_run

NETWORKS = ("generator/", "ema_generator/")


def check_begin(config):
    """Refuses a new run whose generator cannot begin: a frozen part of it has no weights."""
    mistake = method_of(config.model.name).begin_mistake(config)
    if mistake:
        raise RequestError(f"{mistake}.")


def begin(gan, config, examples, classes):
    """Gives a new GAN what its generators begin with, see `Method.begin`.

    Args:
        gan: `GAN`, new.
        config: the run's.
        examples: of `layouts_to_keep`, of the training split.
        classes: `ClassList` of the data set.
    """
    gan.method.begin(config, gan.generator, examples)
    for average, variable in zip(gan.ema_generator.variables, gan.generator.variables):
        average.assign(variable)
    if config.train.init_from:
        init_from(gan, config.train.init_from, classes)
    if TEACHER in gan.heads:  # last: the run that it starts from may have had another one
        teach(gan, config.loss.distill_from, classes)


def teach(gan, path, classes):
    """Gives the frozen teacher of a new GAN the weights of the run that `config.loss.distill_from` names."""
    path = expand(path)
    generator, model, step = open_run(path)
    named = [[plain_name(name) for name in of.names] for of in (ClassList.from_dict(model["classes"]), classes)]
    if named[0] != named[1]:
        raise RequestError(f"config.loss.distill_from={path}: a teacher of other classes, or in another order.")
    teacher = gan.heads[TEACHER]
    for ours, theirs in zip(teacher.variables, generator.variables, strict=True):
        ours.assign(theirs)
    say(f"taught by {path}, {model['name']}, step {step}")


@dataclasses.dataclass(frozen=True)
class Source:
    """A run whose weights another one starts from.

    Attributes:
        path: as the request gives it.
        step: of the checkpoint.
        classes: `ClassList` that it was trained on.
        arrays: of the checkpoint, by name.
        file: of the checkpoint.
    """

    path: str
    step: int
    classes: ClassList
    arrays: dict
    file: str


def open_source(path):
    """What `config.train.init_from` names: a run folder, at its newest checkpoint, or a file of its checkpoints/.

    Models that ship with the package will be opened here, by their names.
    """
    folder, file = path, os.path.basename(path)
    if os.path.isfile(path):
        folder = os.path.dirname(os.path.dirname(path))
    model = read_model(folder)  # a folder that is no run says so
    run = RunFolder(folder)
    step = run.steps[-1]
    if os.path.isfile(path):
        kept = {os.path.basename(checkpoint_path(run.checkpoints, step)): step for step in run.steps}
        if file not in kept:
            raise RequestError(
                f"config.train.init_from={path}: no checkpoint of a run; give RUN/checkpoints/step_*.npz."
            )
        step = kept[file]
    try:
        classes = ClassList.from_dict(model["classes"])
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{run.file('model.json')} names no classes ({error}).") from error
    return Source(path, step, classes, read_checkpoint(run.checkpoints, step), checkpoint_path(run.checkpoints, step))


def init_from(gan, path, classes):
    """Gives a GAN the weights of a run: both generators, and the discriminators and heads that fit.

    Where the classes differ, each takes the rows of the class of its name, and those that the run does not have keep
    their random ones; a table says which. Optimizers and the step start anew.

    Args:
        gan: `GAN`, new.
        path: as `open_source` takes it; its generator must have the same variables, but for the classes.
        classes: `ClassList` of the new run.
    """
    source = open_source(path)
    variables = {name: v for name, v in gan.named_variables().items() if "optimizer/" not in name and name != "step"}
    sources = match_classes(classes, source.classes)
    values = _values(gan, variables, source, sources, classes)
    needed = {name: variable for name, variable in variables.items() if name.startswith(NETWORKS)}
    fitting = {name: values.get(name, source.arrays[name]) for name in needed if name in source.arrays}
    compare_arrays(source.file, fitting, needed)
    wrong = not_finite({name: values[name] for name in needed})
    if wrong:
        raise RequestError(f"config.train.init_from={path}: its weights are not finite ({wrong[0]}).")
    for name, value in values.items():
        variables[name].assign(value)
    fresh = sorted({name.split("/")[0] for name in variables if name not in values})
    rest = f"; new: {', '.join(fresh)}" if fresh else ""
    say(f"starting from the weights of {path}, step {source.step}{rest}")
    if classes.names != source.classes.names:
        for line in class_table(classes, source.classes, sources):
            say(line)


def _values(gan, variables, source, sources, classes):
    """The arrays that the variables take: dictionary by name, without those that do not fit."""
    networks = {"generator": gan.generator, "ema_generator": gan.ema_generator, **gan.discriminators, **gan.heads}
    has_others = classes.names != source.classes.names
    has_branches = getattr(gan.generator, "local_groups", None) is None
    counts = [(each.num_classes, each.has_unknown) for each in (classes, source.classes)]
    values = {}
    for part, network in networks.items():
        if has_others and isinstance(network, ContrastMemory):
            continue  # it holds what was seen of the other classes
        rows = label_rows(network, has_branches)
        for variable in network.variables:
            name = f"{part}/{variable.path}"
            if name in source.arrays:
                new, old = variables[name].numpy(), source.arrays[name]
                value = transfer(new, old, rows.get(variable.path, []), sources, counts)
                values.update({} if value is None else {name: value})
    return values


def match_classes(classes, others):
    """For each label, unknown last where there is one, the other list's label of the same name, or -1.

    Capitals, spaces, hyphens and underscores do not count. A name that a list has twice matches by its place among
    the two.
    """
    places, found = {}, []
    for label, name in enumerate(others.names):
        places.setdefault(plain_name(name), []).append(label)
    for name in classes.names:
        same = places.get(plain_name(name), [])
        found.append(same.pop(0) if same else -1)
    return [*found, *([others.num_classes if others.has_unknown else -1] if classes.has_unknown else [])]


def class_table(classes, others, sources):
    """The table that says which class starts from which: a line each."""
    names, theirs = classes.label_names, others.label_names
    known = sum(source >= 0 for source in sources)
    width = max(map(len, names))
    yield f"{known} of {len(names)} classes are known by name:"
    for name, source in zip(names, sources):
        yield f"  {name:{width}s}  {'new' if source < 0 else f'from {theirs[source]!r}'}"
    lost = [name for label, name in enumerate(theirs) if label not in sources]
    if lost:
        yield f"  not here: {', '.join(lost)}"
