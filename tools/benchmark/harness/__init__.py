"""The harness of tools/bench: runs the measuring client and the references, judges and shows the figures."""
