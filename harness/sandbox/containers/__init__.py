"""The container runtime: the same trio from one image, on a Docker engine or on Podman."""

BASE_VARIABLE = "MCP_ASSAY_BASE_IMAGE"
"""The variable that names the image on which the sandbox's own is built."""
