"""The REST API: what all its resources share, and the resources of the kernel.

Nothing is imported here: the framework's settings name modules of this package while the framework itself loads.
"""
