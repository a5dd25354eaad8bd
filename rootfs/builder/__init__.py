"""Builds templates from their recipes; see rootfs/build."""
