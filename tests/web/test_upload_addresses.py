"""Streamlit's queue keeps the address to upload to when a run begins, once, and gives everything away when it sends."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from lookalike.web.upload_addresses import keep_upload_addresses


@pytest.fixture
def messages():
    """An address to upload to, and what a run has drawn."""
    address, drawn = ForwardMsg(), ForwardMsg()
    address.file_urls_response.response_id = "1"
    drawn.delta.new_element.markdown.body = "drawn by the run before"
    return address, drawn


def test_a_beginning_run_drops_what_was_drawn_and_keeps_the_address(messages):
    for _ in range(2):
        keep_upload_addresses()
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True)
    assert queue.flush() == [messages[0]]
    assert queue.is_empty()


def test_a_run_of_a_part_of_the_page_keeps_it_once(messages):
    keep_upload_addresses()
    queue = ForwardMsgQueue()
    queue.enqueue(messages[0])
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["part"])
    assert queue.flush() == [messages[0]]


def test_a_session_that_ends_keeps_nothing(messages):
    keep_upload_addresses()
    queue = ForwardMsgQueue()
    queue.enqueue(messages[0])
    queue.clear()
    assert queue.is_empty()
