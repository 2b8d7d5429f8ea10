import EmanateAutograd
import EmanateTensors
import TestSupport

extension Operation {
  /// Convolutions, pooling and what may be pending on their inputs, for the checks over all operations.
  static let convolutions: [Operation] =
    shapes.flatMap { shape -> [Operation] in
      let weight = hashFilled("w", [shape.outputs, shape.input[3], shape.side, shape.side], scale: 0.3)
      let depthwise = hashFilled("w", [shape.input[3], 1, shape.side, shape.side], scale: 0.3)
      let x = hashFilled("x", shape.input)
      return [
        Operation(name: "convolution, \(shape)", inputs: [x, weight]) {
          convolution(FeatureMap($0[0]), $0[1], stride: shape.stride, padding: shape.padding).raw
        },
        Operation(name: "depthwise convolution, \(shape)", inputs: [x, depthwise]) {
          depthwiseConvolution(FeatureMap($0[0]), $0[1], stride: shape.stride, padding: shape.padding).raw
        },
      ]
    } + [
      normalizing("none", .none), normalizing("ReLU", .relu), normalizing("ReLU6", .relu6),
      normalizing("hard swish", .hardSwish), normalizing("running statistics", .relu, isOwn: false),
      Operation(
        name: "depthwise convolution after batch normalisation",
        inputs: [image, pointwise, gain, bias, hashFilled("d", [6, 1, 3, 3], scale: 0.3)], tolerance: 3e-3
      ) { inputs in
        depthwiseConvolution(normalized(inputs, .relu), inputs[4], stride: 2, padding: 1).raw
      },
      Operation(
        name: "max pool after batch normalisation", inputs: [image, pointwise, gain, bias], tolerance: 3e-3
      ) {
        maxPool(normalized($0, .relu), side: 1, stride: 2, padding: 0)
      },
      Operation(name: "max pool", inputs: [spread([2, 7, 6, 3])]) {
        maxPool(FeatureMap($0[0]), side: 3, stride: 2, padding: 1)
      },
      Operation(name: "max pool with gaps", inputs: [spread([1, 8, 8, 2])]) {
        maxPool(FeatureMap($0[0]), side: 2, stride: 3, padding: 0)
      },
      Operation(
        name: "a normalised sum", inputs: [image, pointwise, gain, bias, hashFilled("y", [3, 4, 5, 6])],
        tolerance: 3e-3
      ) { materialized(normalized($0, .none), plus: FeatureMap($0[4])) },
      Operation(
        name: "a sum of two normalised maps, ReLU", inputs: [image, pointwise, gain, bias], tolerance: 3e-3
      ) {
        materialized(normalized($0, .none), plus: normalized($0, .none), .relu)
      },
      Operation(name: "a sum of maps", inputs: [image, hashFilled("y", [3, 4, 5, 6])]) {
        materialized(FeatureMap($0[0]), plus: FeatureMap($0[1]))
      },
      Operation(name: "a normalised map", inputs: [image, pointwise, gain, swishBias], tolerance: 3e-3) {
        materialized(normalized($0, .none), .hardSwish)
      },
      Operation(name: "global average", inputs: [image]) { globalAverage($0[0]) },
    ]

  struct ConvolutionShape: Sendable, CustomStringConvertible {
    let input: Shape
    let outputs, side, stride, padding: Int
    var description: String { "\(input) to \(outputs) by \(side), stride \(stride), padding \(padding)" }
  }

  /// Small maps that share a block and large ones that are cut, channels below, at and above a panel of sixteen, with
  /// every kind of stride and border.
  static let shapes: [ConvolutionShape] = [
    ConvolutionShape(input: [3, 4, 5, 6], outputs: 7, side: 1, stride: 1, padding: 0),
    ConvolutionShape(input: [2, 5, 5, 4], outputs: 8, side: 1, stride: 2, padding: 0),
    ConvolutionShape(input: [3, 5, 4, 6], outputs: 16, side: 3, stride: 1, padding: 1),
    ConvolutionShape(input: [2, 7, 6, 3], outputs: 24, side: 3, stride: 2, padding: 1),
    ConvolutionShape(input: [2, 9, 9, 3], outputs: 5, side: 7, stride: 2, padding: 3),
    ConvolutionShape(input: [1, 9, 7, 8], outputs: 3, side: 5, stride: 3, padding: 2),
    ConvolutionShape(input: [2, 20, 15, 3], outputs: 17, side: 3, stride: 1, padding: 1),
    ConvolutionShape(input: [1, 4, 4, 200], outputs: 200, side: 3, stride: 1, padding: 1),
    ConvolutionShape(input: [1, 6, 6, 9], outputs: 4, side: 4, stride: 4, padding: 0),
  ]

  private static let image = hashFilled("x", [3, 4, 5, 6])
  private static let pointwise = hashFilled("w", [6, 6, 1, 1], scale: 0.5)
  private static let gain = hashFilled("gain", [6], scale: 0.1, offset: 0.5)
  /// Far enough from the kinks of ReLU and ReLU6, and of hard swish.
  private static let bias = Tensor([3, -8, 2.9, 9, 3.1, -7.5], [6])
  private static let swishBias = Tensor([0.8, -8, 0.5, 9, 1, -7.5], [6])

  /// x, w, gain, bias: a convolution by one, normalised with its own statistics or with others.
  private static func normalized(
    _ inputs: [Variable], _ activation: ChannelActivation, isOwn: Bool = true
  ) -> FeatureMap {
    let map = convolution(FeatureMap(inputs[0]), inputs[1], moments: isOwn)
    return map.normalized(
      statistics: map.moments ?? hashFilled("statistics", [2, 6], scale: 0.2, offset: 1), isOwn: isOwn,
      weight: inputs[2], bias: inputs[3], epsilon: 1e-5
    ).activated(activation)
  }

  private static func normalizing(_ name: String, _ activation: ChannelActivation, isOwn: Bool = true)
    -> Operation
  {
    let bias = if case .hardSwish = activation { swishBias } else { bias }
    return Operation(
      name: "convolution after batch normalisation, \(name)",
      inputs: [image, pointwise, gain, bias, hashFilled("w2", [5, 6, 3, 3], scale: 0.3)], tolerance: 3e-3
    ) { inputs in
      convolution(normalized(inputs, activation, isOwn: isOwn), inputs[4], stride: 2, padding: 1).raw
    }
  }

  /// Numbers that all differ by 0.2 or more, in no order.
  private static func spread(_ shape: Shape) -> Tensor {
    Tensor((0..<shape.count).map { Float($0 * 7919 % shape.count) * 0.2 }, shape)
  }
}
