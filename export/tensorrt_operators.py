"""Which operators NVIDIA's ONNX parser for TensorRT documents, and whether a file keeps to them: checked without a GPU.

The table is the parser's docs/operators.md for TensorRT 8.5 (github.com/onnx/onnx-tensorrt), the last that listed every
operator up to opset 17; later versions only added to it. The restrictions are checked for what our files use.
"""

import onnx

SUPPORTED = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip Concat
    Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu
    Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool Greater GreaterOrEqual GridSample GRU HardSwish HardSigmoid Identity If ImageScaler
    InstanceNormalization IsNaN LeakyRelu Less LessOrEqual Log LogSoftmax Loop LRN LSTM LpNormalization LpPool MatMul
    Max MaxPool Mean MeanVarianceNormalization Min Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or Pad Pow PRelu
    QuantizeLinear RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    ReverseSequence RNN RoiAlign Round Scan Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh
    Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK
    Transpose Trilu Unsqueeze Upsample Where Xor
"""
RESIZE = {
    "coordinate_transformation_mode": {
        "half_pixel",
        "pytorch_half_pixel",
        "tf_half_pixel_for_nn",
        "asymmetric",
        "align_corners",
    },
    "mode": {"nearest", "linear"},
    "nearest_mode": {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"},
}
# Inputs, by position, that must be constants of the file.
CONSTANT_INPUTS = {"Slice": (3,), "Squeeze": (1,), "Unsqueeze": (1,), "TopK": (1,), "CumSum": (1,)}


def unsupported(proto):
    """What the parser would refuse: a list of lines, each with the node's name; empty where nothing is.

    Args:
        proto: `onnx.ModelProto`.
    """
    constants = {tensor.name: tensor for tensor in proto.graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in proto.graph.node if node.op_type == "Constant"}
    return [line for node in proto.graph.node for line in _mistakes(node, constants)]


def _mistakes(node, constants):
    if node.domain not in ("", "ai.onnx") or node.op_type not in SUPPORTED.split():
        yield f"{node.name}: operator {node.domain}{node.op_type} is not in TensorRT's list"
    for position in CONSTANT_INPUTS.get(node.op_type, ()):
        if len(node.input) > position and node.input[position] not in constants:
            yield f"{node.name}: input {position} of {node.op_type} must be a constant"
    if node.op_type == "Resize":
        for attribute in node.attribute:
            value = attribute.s.decode()
            if value not in RESIZE.get(attribute.name, {value}):
                yield f"{node.name}: Resize with {attribute.name}={value}"
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        yield from _quantization_mistakes(node, constants)


def _quantization_mistakes(node, constants):
    if len(node.input) > 2:
        zero_point = constants.get(node.input[2])
        if zero_point is None or onnx.numpy_helper.to_array(zero_point).any():
            yield f"{node.name}: the zero point of {node.op_type} must be 0"
        elif zero_point.data_type != onnx.TensorProto.INT8:
            yield f"{node.name}: {node.op_type} to a type other than int8"
