"""What a loss of another file uses: a counter and a meter that belong to this file."""

import argparse

import numpy as np

COUNT = 0
SETTINGS = argparse.Namespace(step=0)
HISTORY = np.zeros(4)


class Meter:
    def __init__(self):
        self.sum, self.count = 0.0, 0

    def update(self, value):
        self.sum += value
        self.count += 1


METER = Meter()


class Config:
    """A class used as a namespace."""

    step = 0


def track(value):
    global COUNT
    COUNT += 1
    Config.step += 1
    METER.update(value)
