"""The package of the function replank-precheck, which checks an instance before each hop."""
