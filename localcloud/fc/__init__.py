"""Function Compute on loopback: functions in worker processes, their triggers, and the queue of asynchronous invocations."""

from localcloud.fc.api import FunctionCompute

__all__ = ["FunctionCompute"]
