"""Inference engines behind one small interface; torch and OpenVINO are imported when an engine is opened."""

from tumorview.ml.engines.base import Engine, FunctionEngine
from tumorview.ml.engines.opening import DEVICES, ENGINES, open_engine

__all__ = ["DEVICES", "ENGINES", "Engine", "FunctionEngine", "open_engine"]
