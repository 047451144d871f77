"""What every Replank function carries: the domain, its ports, the stages, the adapters and the runtime."""
