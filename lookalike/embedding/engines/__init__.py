"""The engines that run networks, and what converts and loads their weights."""

import sys

# Importing OpenVINO would start its telemetry, which tells the maker about every use and wants a home directory for
# that. OpenVINO goes without where the package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
