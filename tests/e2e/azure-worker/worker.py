"""What the vendor's tools start for newer Pythons, as small as it can be: it speaks the worker protocol, and has the vendor's
library do everything that is asked."""

import argparse
import asyncio
import logging
import os
import sys
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "packages"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.environ["FUNCTIONS_APPLICATION_DIRECTORY"])

import grpc  # noqa: E402
import functions_pb2 as protos  # noqa: E402
import functions_pb2_grpc  # noqa: E402

ANSWERS = {
    "worker_init_request": "worker_init_response",
    "functions_metadata_request": "function_metadata_response",
    "function_load_request": "function_load_response",
    "invocation_request": "invocation_response",
}


class Logs(logging.Handler):
    """The function's lines, and the worker's own, which are told apart."""

    def __init__(self, queue, loop):
        super().__init__()
        self.queue, self.loop = queue, loop

    def emit(self, record):
        level = min(max(record.levelno // 10, 1), 5)
        own = record.name.startswith("azure_functions_runtime")
        log = protos.RpcLog(level=level, message=self.format(record), category=record.name, log_category=int(own))
        self.loop.call_soon_threadsafe(self.queue.put_nowait, protos.StreamingMessage(rpc_log=log))


async def main():
    words = argparse.ArgumentParser()
    for word in ("host", "port", "workerId", "requestId", "grpcMaxMessageLength"):
        words.add_argument("--" + word)
    words = words.parse_args()
    from azure_functions_runtime import handle_event

    queue = asyncio.Queue()
    logging.getLogger().addHandler(Logs(queue, asyncio.get_running_loop()))
    logging.getLogger().setLevel(logging.INFO)
    limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(f"{words.host}:{words.port}", limits) as channel:
        stream = functions_pb2_grpc.FunctionRpcStub(channel).EventStream()
        await stream.write(protos.StreamingMessage(start_stream=protos.StartStream(worker_id=words.workerId)))

        async def speak():
            while True:
                await stream.write(await queue.get())

        async def handle(message):
            asked = message.WhichOneof("content")
            request = types.SimpleNamespace(name=asked, request=message, properties={"host": words.host, "protos": protos})
            said = await getattr(handle_event, asked)(request)
            await queue.put(protos.StreamingMessage(request_id=message.request_id, **{ANSWERS[asked]: said}))

        speaking = asyncio.create_task(speak())
        handling = set()
        async for message in stream:
            task = asyncio.create_task(handle(message))
            handling.add(task)
            task.add_done_callback(handling.discard)
        speaking.cancel()


asyncio.run(main())
