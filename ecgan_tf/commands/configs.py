"""Lists the experiments that ship with the package, by the first line of what each says of itself.

Example:
    ecgan configs
    ecgan train --config=ecgan_earth_tiles --workdir=runs/earth
"""

import ast
import pathlib

from ecgan_tf import cli, configs


def main(argv):
    cli.no_arguments(argv)
    files = sorted(path for folder in configs.__path__ for path in pathlib.Path(folder).glob("[!_]*.py"))
    for path in files:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(text.partition("\n\n")[0].split())
        print(f"{path.stem:28s} {first}")
