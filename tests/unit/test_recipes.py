"""Recipes: what is bundled is valid, and every mistake is named by its key."""

import dataclasses

import pytest

from tumorview.errors import TrainingError
from tumorview.ml.recipes import load_recipe, parse_recipe, recipe_names, recipe_text

MINIMAL = """
name = "mine"
title = "A test"
[[phase]]
size = 64
steps = 10
batch = 2
lr = 1e-3
"""


@pytest.mark.parametrize("name", recipe_names())
def test_bundled_recipes_are_valid_and_survive_writing(name: str):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert parse_recipe(recipe_text(recipe)) == recipe


def test_the_named_recipes_are_there():
    assert {"paper", "lgg", "quick"} <= set(recipe_names())


def test_the_papers_recipe_is_the_papers():
    recipe = load_recipe("paper")
    assert (recipe.model.width, recipe.model.norm) == (64, "none")
    assert (recipe.optimiser.name, recipe.optimiser.loss) == ("adam", "cross_entropy")
    assert (recipe.optimiser.weight_decay, recipe.optimiser.ema, recipe.optimiser.gradient_clip) == (0, 0, 0)
    assert {phase.size for phase in recipe.phases} == {256}
    assert {phase.lr for phase in recipe.phases} == {1e-4}
    used = {key for key, value in dataclasses.asdict(recipe.augment).items() if value}
    assert used == {"flip", "rotation_degrees"}


def test_the_recipes_of_the_bundled_weights_keep_the_same_patients_apart():
    full, lite, scratch = (load_recipe(name) for name in ("lgg", "lgg-lite", "lgg-scratch"))
    assert full.data == lite.data == scratch.data
    assert len(full.data.validation) == 13
    assert full.augment == lite.augment == scratch.augment
    assert full.phases[0] == lite.phases[0] == scratch.phases[3]
    assert full.phases[1] == scratch.phases[4]


def test_whole_numbers_are_welcome_where_fractions_are():
    assert parse_recipe(MINIMAL.replace("1e-3", "1")).phases[0].lr == 1.0


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (MINIMAL.replace("steps = 10", 'steps = "ten"'), r"phases\[0\]\.steps"),
        (MINIMAL.replace("steps = 10", "steps = 0"), r"phases\[0\]\.steps"),
        (MINIMAL.replace("steps = 10", "steps = true"), r"phases\[0\]\.steps"),
        (MINIMAL.replace("steps = 10\n", ""), r"phases\[0\]\.steps is missing"),
        (MINIMAL.replace("size = 64", "size = 100"), r"phases\[0\]\.size"),
        (MINIMAL.replace("lr = 1e-3", "lr = -1.0"), r"phases\[0\]\.lr"),
        (MINIMAL + 'schedule = "linear"\n', r"phases\[0\]\.schedule"),
        (MINIMAL + "slim = 1.5\n", r"phases\[0\]\.slim"),
        (MINIMAL + "sized = 3\n", r"phases\[0\]\.sized is not a setting"),
        (MINIMAL.replace('title = "A test"', 'titel = "A test"'), "titel"),
        (MINIMAL + '[model]\nnorm = "instance"\n', r"model\.norm"),
        (MINIMAL + "[optimiser]\nema = 1.0\n", r"optimiser\.ema"),
        (MINIMAL + "[data]\nempty_ratio = -1\n", r"data\.empty_ratio"),
        (MINIMAL + "[data]\nvalidation = [3]\n", r"data\.validation\[0\]"),
        (MINIMAL + "[data]\nvalidation = 3\n", r"data\.validation has to be a list"),
        (MINIMAL + "[data]\nvalidation_stride = 0\n", r"data\.validation_stride"),
        ('name = "a"\ntitle = "b"\nmodel = 3\n', "model has to be a table"),
        ('name = "a"\ntitle = "b"\n', "phase is missing"),
        ("name = ", "not valid TOML"),
    ],
)
def test_mistakes_are_named(wrong: str, key: str):
    with pytest.raises(TrainingError, match=key):
        parse_recipe(wrong, "wrong.toml")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(TrainingError, match="paper"):
        load_recipe("papper")


def test_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(TrainingError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
