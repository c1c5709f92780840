"""Category to MCP answer: one table, complete."""

import pytest

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.mcp.envelope import Fault
from apifold.gateway.errors import CRASH, SHAPES, as_fault
from apifold.gateway.ports import InvalidRequest, MissingCapability


def test_every_category_has_an_answer() -> None:
    assert set(SHAPES) == set(ErrorCategory)


@pytest.mark.parametrize("category", ErrorCategory)
def test_no_code_is_invented_in_a_reserved_range(category: ErrorCategory) -> None:
    assert SHAPES[category].code in {-32602, -32603}


@pytest.mark.parametrize("category", ErrorCategory)
def test_a_failed_call_is_a_result_for_the_model_but_for_two_categories(category: ErrorCategory) -> None:
    fault = as_fault(AppError("x.y", "what happened", category=category), in_tool_call=True)
    if category is ErrorCategory.NOT_FOUND:
        assert fault == Fault(-32602, "what happened")
    elif category is ErrorCategory.INTERNAL:
        assert fault is CRASH
    else:
        assert fault is None


@pytest.mark.parametrize("category", ErrorCategory)
def test_elsewhere_a_failure_is_a_protocol_error(category: ErrorCategory) -> None:
    fault = as_fault(AppError("x.y", "what happened", category=category), in_tool_call=False)
    assert fault is not None
    assert fault.message == ("Internal error" if category is ErrorCategory.INTERNAL else "what happened")


def test_a_missing_capability_says_which() -> None:
    error = MissingCapability({"sampling": {}, "elicitation": {"url": {}}})
    fault = as_fault(error, in_tool_call=True)
    assert fault == Fault(
        -32021,
        "This needs a client that declares the capability: elicitation, sampling",
        {"requiredCapabilities": {"sampling": {}, "elicitation": {"url": {}}}},
    )


def test_a_wrong_request_is_not_the_models_fault() -> None:
    assert as_fault(InvalidRequest("tampered"), in_tool_call=True) == Fault(-32602, "tampered")
