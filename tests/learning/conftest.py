"""Small phantoms: two ellipsoids in noise, odd sizes, as a dataset on disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regml.digest import digest_file
from regml.imaging.volumes import Volume, normalise, save_nifti
from regml.items.data import DatasetManifest, ManifestCase
from regml.learning.augment import TrainingCase
from regml.learning.data import load_cases
from regml.learning.params import TrainParams
from regml.learning.plan import Plan, make_plan
from regml.learning.train import in_memory

SHAPES = ((13, 17, 12), (12, 16, 11), (15, 14, 13), (12, 18, 14))
SPLITS = ("train", "train", "tuning", "test")
LABELS = {"anterior": 1, "posterior": 2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the tests off the other cores and torch's settings as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


def phantom(shape: tuple[int, int, int], seed: int) -> tuple[Volume, Volume]:
    """Return a normalised image and its label: two bright blobs along axis j."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    label = np.zeros(shape, np.uint8)
    for value, place in ((1, 0.68), (2, 0.32)):
        centre = np.array(shape) * (0.5, place, 0.5) + random.uniform(-0.5, 0.5, 3)
        radii = np.array([0.3, 0.17, 0.3]) * shape
        label[(((grid - centre) / radii) ** 2).sum(-1) < 1] = value
    image = 100 + 60 * (label == 1) + 30 * (label == 2) + random.normal(0, 8, shape)
    affine = np.eye(4)
    return normalise(Volume(image, affine)), Volume(label, affine)


@pytest.fixture
def plan(params: TrainParams) -> Plan:
    shape = (12.0, 16.0, 12.0)
    return make_plan(params, median_shape=shape, spacing_mm=(1.0, 1.0, 1.0), classes=3)


@pytest.fixture
def params() -> TrainParams:
    return TrainParams(
        steps=6,
        threads=1,
        base_filters=16,
        batch_size=2,
        evaluate_every=3,
        checkpoint_every=2,
    )


@pytest.fixture
def cases(dataset: tuple[Path, DatasetManifest]) -> tuple[TrainingCase, ...]:
    root, manifest = dataset
    return in_memory(load_cases(root, manifest.cases))


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[Path, DatasetManifest]:
    """A project folder with a dataset in ``data/dataset`` and its manifest."""
    rows = []
    for number, (shape, split) in enumerate(zip(SHAPES, SPLITS, strict=True)):
        name = f"HV-{number:08x}-0001"
        files: dict[str, Any] = {}
        for kind, volume in zip(
            ("image", "label"), phantom(shape, number), strict=True
        ):
            path = f"data/dataset/{kind}s/{name}.nii.gz"
            save_nifti(tmp_path / path, volume)
            artifact = digest_file(tmp_path / path, name=path)
            files |= {
                kind: path,
                f"{kind}_sha256": artifact.sha256,
                f"{kind}_size_bytes": artifact.size_bytes,
            }
        rows.append(
            ManifestCase(
                case=name,
                patient=f"HV-{number:08x}",
                study="1.2",
                series=f"1.2.{number}",
                site="site-a",
                vendor="A",
                split=split,
                sources=(),
                annotators=(),
                **files,
            )
        )
    return tmp_path, DatasetManifest(
        specification="DS-01", split_unit="patient", cases=tuple(rows)
    )
