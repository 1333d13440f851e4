"""Every fixed point and cycle of a rectified network: search through all active sets, and proof."""
