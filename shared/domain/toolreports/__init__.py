"""What the tools that run inside instances write about themselves, as our findings. Pure; what is not understood is passed over."""
