"""API Gateway (classic): who may call, which parts of a request reach the function, and how the function's result becomes an
answer.
"""

from localcloud.apigateway.api import ApiGateway

__all__ = ["ApiGateway"]
