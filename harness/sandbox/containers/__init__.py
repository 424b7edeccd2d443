"""The container runtime: the same trio from one image, on a Docker engine or on Podman."""
