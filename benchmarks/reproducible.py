"""Whether two forced runs of the whole pipeline give the same bytes.

``python -m benchmarks.reproducible [PROJECT]``: on CPU every output is identical.
"""

import os
import subprocess
import sys
from pathlib import Path

from regml.digest import digest_path
from regml.files.dvc import read_stages


def main() -> int:
    """Run the pipeline twice; print each output and whether it is identical."""
    project = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo").resolve()
    outs = [out.path for stage in read_stages(project) for out in stage.outs]
    first, second = (_forced_run(project, outs) for _ in range(2))
    for name in outs:
        same = "identical" if first[name] == second[name] else "DIFFERENT"
        print(f"{same:<10} {first[name][:12]} {second[name][:12]} {name}")
    return int(first != second)


def _forced_run(project: Path, outs: list[str]) -> dict[str, str]:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = ["dvc", "repro", "--force", "--quiet"]
    subprocess.run(command, cwd=project, env=environment, check=True)
    return {name: digest_path(project / name, name=name).sha256 for name in outs}


if __name__ == "__main__":
    sys.exit(main())
