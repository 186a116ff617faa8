"""Says what this machine is and lacks; with --gpu it checks what was never run where this was written.

Example:
    ecgan doctor
    ecgan doctor --gpu --output=doctor
    ecgan doctor --gpu --output=doctor --experiment=ecgan_earth_tiles --checks=jit,replicas

The first one needs seconds. --gpu takes at most --minutes: a step on a GPU against the CPU's, of two GPUs against one,
by XLA, in both half precisions, twice by deterministic operators, by neighbourhoods, its memory, TF Serving and
TensorRT, each in a process of its own with a time limit, so that a crash loses that check alone. Without a GPU it does
on CPUs what can be done there, and says of the rest why not. --output is a folder for doctor.json and index.html, which
are there after each check: send them back. They hold what the screen shows: versions, devices, paths, and variables of
the environment such as CUDA_VISIBLE_DEVICES.

Exit code 1: a training cannot run here, or a check failed.
"""

import importlib.util

from absl import flags

from ecgan_tf import cli
from ecgan_tf.console import say
from ecgan_tf.doctor.plan import BAD, CHECKS, MINUTES, default_experiment
from ecgan_tf.errors import RequestError

GPU = flags.DEFINE_bool("gpu", False, "Also makes the checks; on CPUs where there is no GPU.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for doctor.json and index.html.")
EXPERIMENT = flags.DEFINE_string(
    "experiment", None, "What the checks train, of `ecgan configs`, on data at hand; SPADE on the embedded tiles."
)
WHICH = flags.DEFINE_list("checks", list(CHECKS), "Which checks.")
MINUTES_FLAG = flags.DEFINE_float("minutes", MINUTES, "That the checks may take together.", lower_bound=0.5)
INTERRUPTED = "what was found until then is in --output; the same command begins anew."


def main(argv):
    cli.no_arguments(argv)
    wrong = [name for name in WHICH.value if name not in CHECKS]
    if wrong or not WHICH.value:
        raise RequestError(f"--checks: {', '.join(wrong) or 'none given'}; choose from {', '.join(CHECKS)}.")
    stem = (EXPERIMENT.value or "").partition(":")[0]
    if EXPERIMENT.value and not (stem.isidentifier() and importlib.util.find_spec(f"ecgan_tf.configs.{stem}")):
        raise RequestError(f"--experiment={EXPERIMENT.value}: no such config; `ecgan configs` lists them.")
    given = [name for name, flag in (("experiment", EXPERIMENT), ("checks", WHICH)) if flag.present]
    if given and not GPU.value:
        raise RequestError(f"--{given[0]} is for the checks; add --gpu.")
    from ecgan_tf.doctor import report
    from ecgan_tf.doctor.machine import GPU_GROUP, OK, lacks, look
    from ecgan_tf.doctor.run import run_checks
    from ecgan_tf.outputs import plan_folder

    folder = None if OUTPUT.value is None else plan_folder(OUTPUT.value)
    findings = look(folder or ".")
    for finding in findings:
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        say(f"{finding.state:8s} {finding.group}: {finding.name}: {finding.found}{remedy}")
    missing = lacks(findings)
    if folder:
        report.write(folder, report.content(findings))
    results = {}
    if GPU.value and not missing:
        has_gpu = any(finding.group == GPU_GROUP and finding.state == OK for finding in findings)
        experiment = EXPERIMENT.value or default_experiment(has_gpu)
        say(f"{len(WHICH.value)} checks with {experiment}, at most {MINUTES_FLAG.value:g} minutes ...")

        def tell(name, result):
            if result is None:
                say(f"[{len(results) + 1}/{len(WHICH.value)}] {CHECKS[name].title} ...")
                return
            results[name] = result
            say(f"    {result['state']} ({result['seconds']:.0f} s): {result['words']}")
            if folder:
                report.write(folder, report.content(findings, experiment, results))

        run_checks(WHICH.value, experiment, MINUTES_FLAG.value, tell)
    if folder:
        say(f"send back {folder}: {report.JSON} and {report.PAGE}")
    if missing:
        raise RequestError(f"no training runs here: {'; '.join(f'{m.name}: {m.found}' for m in missing)}.")
    bad = [name for name, result in results.items() if result["state"] in BAD]
    if bad:
        raise RequestError(f"{len(bad)} of {len(results)} checks failed: {', '.join(bad)}; see their lines.")
