"""What a receiver says back, as bytes in the request's encoding."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

RESPONSES: dict[str, tuple[type[Any], str]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
}
INVALID_ARGUMENT = 3


def encode_success(signal: str, encoding: str, rejected: int = 0, message: str = "") -> bytes:
    """An Export*ServiceResponse. partial_success stays unset unless something was refused or there is a warning."""
    kind, counter = RESPONSES[signal]
    response = kind()
    if rejected or message:
        setattr(response.partial_success, counter, rejected)
        response.partial_success.error_message = message
    return _encode(response, encoding)


def encode_status(code: int, message: str, encoding: str, retry_after_s: int | None = None) -> bytes:
    """A google.rpc.Status: with BadRequest for what the sender must mend, RetryInfo for what may come again."""
    status = Status(code=code, message=message)
    if retry_after_s is not None:
        status.details.add().Pack(_retry_info(retry_after_s))
    elif code == INVALID_ARGUMENT:
        violation = BadRequest.FieldViolation(field="body", description=message)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    return _encode(status, encoding)


def encode_retry_info(seconds: int) -> bytes:
    """A google.rpc.RetryInfo, as gRPC carries it in the trailing metadata google.rpc.retryinfo-bin."""
    wire: bytes = _retry_info(seconds).SerializeToString()
    return wire


def _retry_info(seconds: int) -> RetryInfo:
    return RetryInfo(retry_delay=Duration(seconds=seconds))


def _encode(message: Message, encoding: str) -> bytes:
    if encoding == "json":
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()
