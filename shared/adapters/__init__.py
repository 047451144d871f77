"""The ports' answers on the real SDKs. An SDK is imported only by the factory of its client (``sdk``), never at import."""
