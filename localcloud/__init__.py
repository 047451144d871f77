"""An Alibaba Cloud account on loopback: Tablestore, EventBridge, Function Compute, ECS and SMC in one process.

The real SDKs talk to this cloud unchanged. The cloud knows nothing of the application that is deployed into it.
"""
