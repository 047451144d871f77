"""API Gateway (classic): who may call, what of a request reaches the function, and how an answer comes back."""

from localcloud.apigateway.api import ApiGateway

__all__ = ["ApiGateway"]
