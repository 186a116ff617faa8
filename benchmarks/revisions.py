"""Other revisions of this tree, as folders."""

import subprocess
from pathlib import Path

from absl import app

ROOT = Path(__file__).resolve().parents[1]


def commit_of(revision):
    """The full hash of a revision."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if found.returncode:
        raise app.UsageError(f"git knows no revision {revision!r}; git log lists them.")
    return found.stdout.strip()


def extract(commit, folder):
    """Writes the files of a commit; leaves git's own folder as it is."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder
