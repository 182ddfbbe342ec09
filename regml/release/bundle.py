"""What MONAI's Bundle format wants to know of a model, as far as its card says it."""

from collections.abc import Mapping
from typing import Any, Final

from regml.items.config import Device

SCHEMA: Final = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/"
    "0.8.1/meta_schema_20240725.json"
)
"""Which layout of ``metadata.json`` is meant; it is a name here, nobody fetches it."""


def metadata(card: Mapping[str, Any], device: Device, version: str) -> dict[str, Any]:
    """Return the content of ``configs/metadata.json``.

    Args:
        card: The model card beside the weights.
        device: What ``regml.toml`` says.
        version: That is released.
    """
    packages = _mapping(card.get("packages"))
    known = {
        key: packages[name]
        for key, name in {
            "monai_version": "monai",
            "pytorch_version": "torch",
            "numpy_version": "numpy",
        }.items()
        if name in packages
    }
    others = {"monai", "torch", "numpy"}
    return {
        "schema": SCHEMA,
        "version": version,
        "changelog": {version: "see the release record and the Design History File"},
        **known,
        "required_packages_version": {
            name: text for name, text in packages.items() if name not in others
        },
        "name": device.name,
        "task": device.intended_use,
        "description": f"{device.name} {version}. Not for: {'; '.join(device.not_for)}",
        "authors": device.manufacturer,
        "copyright": device.manufacturer,
        "intended_use": device.intended_use,
        "network_data_format": _format(card),
    }


def inference(card: Mapping[str, Any], weights: str) -> dict[str, Any] | None:
    """Return the content of ``configs/inference.json``; ``None`` without a network.

    ``network`` is ready to predict: loading refuses weights that are not exactly those
    of the network. How an image is prepared and its labels are brought back is the
    device's, and stands in the card; nothing here claims to do that.

    Args:
        card: The model card; ``network_def`` in it names class and arguments.
        weights: Name of the safetensors file in ``models/``.
    """
    definition, plan = card.get("network_def"), _mapping(card.get("plan"))
    if not isinstance(definition, Mapping):
        return None
    windows = {
        "_target_": "monai.inferers.SlidingWindowInferer",
        "roi_size": plan.get("patch"),
        "overlap": plan.get("overlap"),
        "mode": "gaussian",
    }
    return {
        "imports": ["$import torch", "$from safetensors.torch import load_model"],
        "bundle_root": ".",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "network_def": definition,
        "weights": f"$@bundle_root + '/models/{weights}'",
        "loaded": "$load_model(@network_def, @weights, strict=True)",
        "network": "$(@loaded, @network_def.to(@device).eval())[1]",
        **({"inferer": windows} if plan.get("patch") else {}),
    }


def _format(card: Mapping[str, Any]) -> dict[str, Any]:
    plan, labels = _mapping(card.get("plan")), _mapping(card.get("labels"))
    values = {str(value): name for name, value in labels.items()}
    classes = len(values) + 1
    patch = plan.get("patch", [])
    return {
        "inputs": {
            "image": {
                "type": "image",
                "format": "magnitude",
                "num_channels": 1,
                "spatial_shape": patch,
                "dtype": "float32",
                "value_range": [],
                "is_patch_data": bool(patch),
                "channel_def": {"0": "image"},
            }
        },
        "outputs": {
            "pred": {
                "type": "image",
                "format": "segmentation",
                "num_channels": classes,
                "spatial_shape": patch,
                "dtype": "float32",
                "value_range": [],
                "is_patch_data": bool(patch),
                "channel_def": {"0": "background", **values},
            }
        },
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
