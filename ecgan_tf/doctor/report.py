"""What the doctor leaves to send back: doctor.json, and index.html with the same in tables."""

import datetime
import html
import os

import ecgan_tf
from ecgan_tf.atomic_files import write_json, write_text
from ecgan_tf.doctor.plan import CHECKS
from ecgan_tf.evaluation import page

JSON, PAGE = "doctor.json", "index.html"
STYLE = """<style>
  td, th { text-align: left; vertical-align: top; padding: .25rem 1.2rem .25rem 0 }
  td:last-child { white-space: normal; overflow-wrap: anywhere } pre { white-space: pre-wrap }
</style>"""  # its tables hold sentences, those of an evaluation numbers


def content(findings, experiment=None, results=None):
    """All that was found, for JSON.

    Args:
        findings: list of `Finding`.
        experiment: that the checks trained; None: no checks were asked for.
        results: dictionary from a check's name to what `run_check` gives.
    """
    return {
        "ecgan_tf": ecgan_tf.__version__,
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": [finding._asdict() for finding in findings],
        **({} if experiment is None else {"experiment": experiment, "checks": dict(results or {})}),
    }


def write(folder, told):
    """Writes both files, each whole or not at all.

    Args:
        folder: that is there.
        told: of `content`.
    """
    write_json(os.path.join(folder, JSON), told)
    write_text(os.path.join(folder, PAGE), in_html(told))


def in_html(told):
    rows = [
        (f"{f['group']}: {f['name']}", f["state"], f["found"] + (f" -> {f['remedy']}" if f["remedy"] else ""))
        for f in told["machine"]
    ]
    checks = [
        (CHECKS[name].title, result["state"], f"{result['seconds']:.0f}", result["words"])
        for name, result in told.get("checks", {}).items()
    ]
    logs = [f"{name}:\n{result['log']}" for name, result in told.get("checks", {}).items() if result.get("log")]
    trained = f"Training steps of {told['experiment']}." if "experiment" in told else ""
    return page.page(
        f"ecgan doctor, {told['when']}",
        STYLE,
        page.note(f"ecgan_tf {told['ecgan_tf']}. {trained} The same, with all numbers, is in {JSON}."),
        page.section("Checks", page.table(("check", "", "s", "what was found"), checks)) if checks else "",
        page.section("Last words", *(f"<pre>{html.escape(log)}</pre>" for log in logs)),
        page.section("This machine", page.table(("what", "", "what was found -> what helps"), rows)),
    )
