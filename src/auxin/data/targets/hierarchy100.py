"""The four levels of CIFAR-100's classes: 3, 10, 20 and 100.

Liu, Davison, Johns 2019, appendix A, table 2. The levels 20 and 100 are the publisher's; class numbers
follow the publisher's (alphabetical) order there, and the paper's order of rows at the levels 3 and 10.
"""

import torch
from torch import Tensor

LEVEL_3 = {
    "animals": ("large animals", "medium animals", "small animals", "invertebrates", "people"),
    "vegetations": ("vegetations",),
    "objects and scenes": ("household objects", "construction", "natural scenes", "vehicles"),
}
LEVEL_10 = {
    "large animals": ("reptiles", "large_carnivores", "large_omnivores_and_herbivores"),
    "medium animals": ("aquatic_mammals", "medium_mammals"),
    "small animals": ("small_mammals", "fish"),
    "invertebrates": ("insects", "non-insect_invertebrates"),
    "people": ("people",),
    "vegetations": ("flowers", "fruit_and_vegetables", "trees"),
    "household objects": ("food_containers", "household_electrical_devices", "household_furniture"),
    "construction": ("large_man-made_outdoor_things",),
    "natural scenes": ("large_natural_outdoor_scenes",),
    "vehicles": ("vehicles_1", "vehicles_2"),
}
LEVEL_20 = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}
LEVELS = (3, 10, 20, 100)

NAMES: dict[int, tuple[str, ...]] = {
    3: tuple(LEVEL_3),
    10: tuple(LEVEL_10),
    20: tuple(LEVEL_20),
    100: tuple(sorted(name for group in LEVEL_20.values() for name in group)),
}
"""The classes' names at each level, in the order of their numbers."""

_UP = {100: (20, LEVEL_20), 20: (10, LEVEL_10), 10: (3, LEVEL_3)}


def parents(fine: int, coarse: int) -> Tensor:
    """The class at the level `coarse` of each class at the level `fine`, int64 [fine].

    >>> parents(10, 3).tolist()
    [0, 0, 0, 0, 0, 1, 2, 2, 2, 2]
    """
    classes = torch.arange(fine)
    level = fine
    while level != coarse:
        above, groups = _UP[level]
        up = {name: number for number, group in enumerate(groups.values()) for name in group}
        classes = torch.tensor([up[name] for name in NAMES[level]])[classes]
        level = above
    return classes
