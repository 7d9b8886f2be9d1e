"""A step in the browser's history for an open dialog, so that Back closes the dialog and nothing else."""

from lookalike.web.components import load_component


def dialog_step(is_open: bool) -> None:
    """Add the step while a dialog is open, and take it back once it is closed; draw nothing.

    It belongs on the page itself: within the dialog, the browser would load it only after the dialog is there.
    """
    load_component("dialog_step")(key="dialog-step", data={"is_open": is_open})
