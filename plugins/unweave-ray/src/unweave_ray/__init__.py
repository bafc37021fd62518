"""The executor `ray`: training runs on a Ray cluster, whose workers may die."""

from unweave_ray.executor import Ray, WorkersLost

__all__ = ["Ray", "WorkersLost"]
