"""Requests made from /openapi.json alone, valid or not: each answer is one that it describes, none is our error."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 30


@pytest.fixture(scope="module")
def described(start, tmp_path_factory):
    """What a server with every address says of itself."""
    return schemathesis.openapi.from_url(
        f"{start(LOOKALIKE_CLICKS=str(tmp_path_factory.mktemp('clicks')))}/openapi.json"
    )


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "not valid"])
def test_any_request_gets_an_answer_that_is_described(described, mode):
    asked = set()
    for result in described.get_all_operations():
        operation = result.ok()

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            case.call_and_validate(checks=CHECKS)

        if mode is GenerationMode.POSITIVE or operation.query or operation.body:
            ask()
            asked.add(operation.label)
    assert {"POST /v1/similar", "GET /v1/products/{identity}/similar", "POST /v1/vectors", "GET /v1/products"} <= asked
    assert "POST /v1/events" in asked
