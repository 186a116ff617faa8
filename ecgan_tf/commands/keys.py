"""Lists the config keys of a method: defaults, meanings and bounds, as Markdown.

Example:
    ecgan keys ecgan
    ecgan train --config=ecgan_earth_tiles --workdir=runs/earth --config.loss.contrastive=0.5
"""

from ecgan_tf import console
from ecgan_tf.errors import RequestError


def main(argv):
    if len(argv) != 2:
        raise RequestError("give the name of one method, as: ecgan keys ecgan")
    console.quiet_tensorflow()
    from ecgan_tf.config import keys_of

    print("| key | default | what it is |\n|---|---|---|")
    for name, key in sorted(keys_of(argv[1]).items()):
        choices = f" One of {', '.join(map(str, key.choices))}." if key.choices else ""
        print(f"| `{name}` | {key.default!r} | {key.meaning}.{choices} |")
