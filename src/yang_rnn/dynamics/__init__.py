"""Dynamical systems analysis of any network, or of any map h -> F(h) that JAX can differentiate.

The public names stand in `__init__.pyi`; each is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
