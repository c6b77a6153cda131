"""What a handler is given beside the event."""

import os
import sys
import time

from .answers import Fault


class Context:
    def __init__(self, event):
        environment = os.environ
        self.aws_request_id = event.request_id
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = event.arn
        self.tenant_id = event.tenant
        self.client_context = _client_context(event.client_context)
        self.identity = CognitoIdentity(_parsed(event.identity, "Cognito Identity") or {})
        self._epoch_deadline_time_in_ms = event.deadline

    def get_remaining_time_in_millis(self):
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, msg):
        sys.stdout.write(str(msg))

    def __repr__(self):
        names = (
            "aws_request_id",
            "log_group_name",
            "log_stream_name",
            "function_name",
            "memory_limit_in_mb",
            "function_version",
            "invoked_function_arn",
            "client_context",
            "identity",
            "tenant_id",
        )
        shown = ",".join(f"{name}={getattr(self, name)}" for name in names)
        return f"LambdaContext([{shown}])"


class _Fields:
    """An object with these fields, from a dictionary that may have them under the same or another name."""

    __slots__ = ()

    def __init__(self, values):
        for field in self.__slots__:
            setattr(self, field, values.get(field))

    def __repr__(self):
        shown = ",".join(f"{field}={getattr(self, field)}" for field in self.__slots__)
        return f"{type(self).__name__}([{shown}])"


class CognitoIdentity(_Fields):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")


class Client(_Fields):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(_Fields):
    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        super().__init__(values)
        self.client = None if self.client is None else Client(self.client)


def _client_context(header):
    values = _parsed(header, "Client Context")
    return None if values is None else ClientContext(values)


def _parsed(header, name):
    if not header:
        return None
    import json

    try:
        return json.loads(header)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {name} JSON: {error}")
