"""Figures of an evaluation: small PNG files, the same bytes each time."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL.Image import Dither, fromarray

from regml.files.scores import CaseScore
from regml.imaging.outputs import write_whole
from regml.learning.data import Image, Labels

DOTS_PER_INCH = 80
"""Resolution; keeps each file below 60 kB."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""One per label; told apart also by people with colour blindness (Okabe and Ito)."""

Z_95 = 1.96
"""Half width of 95 % of a normal distribution, in standard deviations."""


def dice_figure(scores: Sequence[CaseScore], labels: Sequence[str]) -> Figure:
    """Return the Dice coefficient of every case, per label."""
    figure, axes = _figure("Dice coefficient per case", "", "Dice coefficient")
    for place, label in enumerate(labels):
        values = [row.metrics["dice"] for row in scores if row.label == label]
        shift = np.random.default_rng(place).uniform(-0.15, 0.15, len(values))
        axes.scatter(place + shift, values, s=12, color=_colour(place), zorder=3)
        if values:
            axes.boxplot(
                values,
                positions=[place],
                widths=0.5,
                showfliers=False,
                medianprops={"color": "black"},
            )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylim(top=1.0)
    axes.grid(axis="y", alpha=0.3)
    return figure


def volume_figure(scores: Sequence[CaseScore]) -> Figure:
    """Return how the measured volume of ``whole`` agrees with the reference.

    The plot of Bland and Altman: difference against mean, with the 95 % limits.
    """
    figure, axes = _figure(
        "Volume agreement (Bland and Altman)",
        "mean of measured and reference volume in mm³",
        "measured minus reference in mm³",
    )
    pairs = np.array(
        [
            (row.metrics["volume_mm3"], row.metrics["reference_mm3"])
            for row in scores
            if row.label == "whole" and row.status == "ok"
        ]
    ).reshape(-1, 2)
    if not len(pairs):
        return figure
    difference = pairs[:, 0] - pairs[:, 1]
    axes.scatter(pairs.mean(axis=1), difference, s=14, color=COLOURS[0])
    bias = float(difference.mean())
    axes.axhline(bias, color="black", label=f"bias {bias:.0f}")
    if len(pairs) > 1:
        spread = Z_95 * float(difference.std(ddof=1))
        for limit in (bias - spread, bias + spread):
            axes.axhline(limit, color="grey", linestyle="--", label=f"{limit:.0f}")
    axes.legend(title="95 % limits", fontsize=8)
    return figure


def overlay_figure(
    image: Image, found: Labels, reference: Labels, title: str
) -> Figure:
    """Return three slices through the reference with both outlines.

    Solid lines are the segmentation, dotted ones the reference.
    """
    figure = Figure(figsize=(7.5, 3.0), dpi=DOTS_PER_INCH, layout="constrained")
    mask = reference > 0
    centre = [
        int(np.median(places)) if len(places) else size // 2
        for places, size in zip(np.nonzero(mask), image.shape, strict=True)
    ]
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        axes = figure.add_subplot(1, 3, axis + 1)
        slices = [np.take(v, centre[axis], axis).T for v in (image, found, reference)]
        _slice(axes, slices[0], slices[1], slices[2])
        axes.set_title(name, fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def learning_curve_figure(
    report: Mapping[str, Sequence[Mapping[str, float]]],
) -> Figure:
    """Return loss and tuning Dice by step, from ``reports/training.json``."""
    figure, axes = _figure("Learning curve", "step", "training loss")
    steps = [point["step"] for point in report["curve"]]
    axes.plot(steps, [point["loss"] for point in report["curve"]], color=COLOURS[1])
    right = axes.twinx()
    right.plot(
        steps,
        [point["tuning_dice"] for point in report["curve"]],
        color=COLOURS[0],
        marker="o",
        markersize=3,
    )
    right.set_ylabel("tuning Dice", color=COLOURS[0])
    axes.yaxis.label.set_color(COLOURS[1])
    return figure


def write_figure(path: Path, figure: Figure) -> None:
    """Write a PNG of 64 colours, without time or software version in it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = fromarray(pixels[..., :3])
    content = io.BytesIO()
    picture.quantize(64, dither=Dither.NONE).save(content, "png", optimize=True)
    write_whole(path, content.getvalue())


def _figure(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.0, 4.0), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    return figure, axes


def _slice(axes: Axes, image: Image, found: Labels, reference: Labels) -> None:
    axes.imshow(image, cmap="gray", origin="lower", interpolation="nearest")
    for labels, style in ((found, "solid"), (reference, "dotted")):
        for value in np.unique(labels[labels > 0]):
            axes.contour(
                labels == value,
                levels=[0.5],
                colors=_colour(int(value) - 1),
                linestyles=style,
                linewidths=1.2,
            )
    axes.set_axis_off()


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]
