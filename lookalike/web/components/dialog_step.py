"""A step in the browser's history for an open dialog, so that Back closes the dialog and nothing else."""

from lookalike.web.components import load_component


def dialog_step() -> None:
    """Add the step while the dialog that calls this is open, and take it back once it is closed; draw nothing."""
    load_component("dialog_step")(key="dialog-step")
