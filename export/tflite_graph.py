"""What the converter has no word for, changed in its file: float16 files whose gathers read float32 tables."""

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

Operator = schema.BuiltinOperator


def with_float32_tables(content):
    """A float16 .tflite whose gathers read float32 tables: bytes, `content` itself where no gather reads a float16 one.

    The converter keeps every weight as float16 and lets the runtime widen it; LiteRT's GPU delegate then refuses the
    gather, whose table and output are of two types to it. Tables are few: one-hot rows and kernels by label.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    changed = [_widen(model, graph) for graph in model.subgraphs]
    return bytes(packed(model, len(content))) if any(changed) else content


def packed(model, size):
    """The bytes of a `schema.ModelT` of about this size, a bytearray, which need not grow on the way."""
    builder = _Builder(size + 4096 + 16 * len(model.buffers))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return builder.Output()


class _Builder(flatbuffers.Builder):
    """Puts bytes where the schema wants those of weights: at multiples of 16, which Python's classes do not know of."""

    def StartVector(self, elemSize, numElems, alignment):  # noqa: N802, N803 (FlatBuffers' names)
        return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)


def _widen(model, graph):
    """Makes constants of the widened tables of a graph's gathers; returns whether there was any."""
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    kinds = [codes[each.opcodeIndex] for each in graph.operators]
    tables = {int(each.inputs[0]) for kind, each in zip(kinds, graph.operators) if kind == Operator.GATHER}
    widened = [
        each
        for kind, each in zip(kinds, graph.operators)
        if kind == Operator.DEQUANTIZE and int(each.outputs[0]) in tables
    ]
    for each in widened:
        narrow, wide = graph.tensors[int(each.inputs[0])], graph.tensors[int(each.outputs[0])]
        values = np.frombuffer(bytes(bytearray(model.buffers[narrow.buffer].data)), np.float16).astype(np.float32)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        wide.buffer = len(model.buffers)
        model.buffers.append(buffer)
    graph.operators = [each for each in graph.operators if not any(each is other for other in widened)]
    return bool(widened)
