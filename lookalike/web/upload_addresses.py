"""Streamlit's answer to a browser that wants to upload a file, kept from being dropped.

Whenever a run of the page begins, Streamlit drops what it has queued for the browser and not sent yet, with few
exceptions. The address to upload a file to is none of them (Streamlit 1.67): a photo that was chosen just when a run
began was never sent, and nothing said so.
"""

from typing import Any

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

ADDRESSES = "file_urls_response"


def keep_upload_addresses() -> None:
    """Let every queue of this process keep those answers when a run begins. A second call changes nothing."""
    clear = ForwardMsgQueue.clear
    if getattr(clear, "keeps_upload_addresses", False):
        return

    def clear_but_addresses(queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, **others: Any) -> None:
        kept = [message for message in queue._queue if message.WhichOneof("type") == ADDRESSES]
        clear(queue, retain_lifecycle_msgs, **others)
        if retain_lifecycle_msgs:
            # Where Streamlit keeps them by itself, they are there already.
            queue._queue += [message for message in kept if message not in queue._queue]

    clear_but_addresses.keeps_upload_addresses = True  # type: ignore[attr-defined]
    ForwardMsgQueue.clear = clear_but_addresses  # type: ignore[method-assign, assignment]
