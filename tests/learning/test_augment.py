import torch
from torch import Generator

from regml.learning.augment import TrainingCase, draw_patch, training_case
from regml.learning.params import Augmentation

PLAIN = Augmentation(spatial_probability=0, intensity_probability=0)
STRONG = Augmentation(spatial_probability=1, intensity_probability=1, flip_axes=(1,))


def case(shape: tuple[int, int, int] = (11, 13, 9)) -> TrainingCase:
    label = torch.zeros(shape, dtype=torch.uint8)
    label[4:7, 5:9, 3:6] = 1
    return training_case("a", label.float() * 2 - 1, label)


def draws(settings: Augmentation, seed: int = 0) -> list[torch.Tensor]:
    generator = Generator().manual_seed(seed)
    return [
        torch.stack(draw_patch(case(), (8, 8, 8), settings, generator))
        for _ in range(10)
    ]


def test_the_same_seed_draws_the_same_patches() -> None:
    for first, second in zip(draws(STRONG), draws(STRONG), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(draws(STRONG)[0], draws(STRONG, seed=1)[0])


def test_image_and_label_move_together() -> None:
    moved = Augmentation(spatial_probability=1, intensity_probability=0)
    for image, label in draws(moved):
        assert ((image > 0) == (label > 0)).float().mean() > 0.95


def test_an_unvaried_patch_is_a_piece_of_the_volume() -> None:
    for image, label in draws(PLAIN):
        assert torch.equal(image, label * 2 - 1)


def test_a_patch_larger_than_the_volume_continues_its_border() -> None:
    small = case((7, 9, 6))
    image, label = draw_patch(small, (16, 16, 16), PLAIN, Generator().manual_seed(0))
    assert image.shape == label.shape == (16, 16, 16)
    assert torch.equal(image, label * 2.0 - 1)


def test_foreground_patches_hold_foreground() -> None:
    sure = PLAIN.model_copy(update={"foreground_share": 1.0})
    generator = Generator().manual_seed(0)
    for _ in range(20):
        _, label = draw_patch(case((31, 33, 29)), (4, 4, 4), sure, generator)
        assert label.any()


def test_left_and_right_stay_where_they_are_by_default() -> None:
    assert 0 not in Augmentation().flip_axes
    ramp = torch.arange(8.0)[:, None, None].expand(8, 8, 8)
    ordered = training_case("a", ramp, torch.zeros(8, 8, 8, dtype=torch.uint8))
    settings = Augmentation(intensity_probability=0)
    generator = Generator().manual_seed(0)
    for _ in range(20):
        image, _ = draw_patch(ordered, (8, 8, 8), settings, generator)
        assert image[0].mean() < image[-1].mean()
