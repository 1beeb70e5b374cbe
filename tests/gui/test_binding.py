"""The Qt binding itself: a release that loses references to None ends the program after some seconds of painting."""

import sys

from PySide6.QtCore import QObject


def test_calls_without_a_result_keep_the_count_of_none():
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("name")
    assert abs(sys.getrefcount(None) - before) < 500
