import EmanateAutograd
import EmanateTensors

/// The operators that backbones are drawn with, each checking the sizes of what it is given.
extension NetworkGraph {
  /// x: [B, C, H, W] -> [B, O, H', W'], weight [O, C, S, S] or [C, 1, S, S] channel by channel, with a bias [O] or none.
  public func convolution(
    _ x: Value, _ weight: Parameter, bias: Parameter? = nil, stride: Int = 1, padding: Int = 0
  ) -> Value {
    let (shape, side) = (weight.shape, weight.shape[2])
    let groups = shape[1] == x.sizes[0] ? 1 : x.sizes[0]
    precondition(
      x.sizes.count == 3 && shape[1] * groups == x.sizes[0],
      "NetworkGraph.convolution: \(weight.name) \(shape) of \(x.sizes)")
    let sizes = [shape[0]] + x.sizes.dropFirst().map { ($0 + 2 * padding - side) / stride + 1 }
    return node(
      "Conv", [x.name, self[weight]] + (bias.map { [self[$0]] } ?? []), sizes: sizes,
      [
        ("kernel_shape", .integers([side, side])), ("strides", .integers([stride, stride])),
        ("pads", .integers([padding, padding, padding, padding])), ("group", .integer(groups)),
      ], named: Self.module(weight.name))
  }

  /// x: [N, I] -> [N, O], weight [O, I] and bias [O] given by their constants' names.
  public func linear(_ x: Value, weight: String, bias: String, outputs: Int) -> Value {
    precondition(x.sizes.count == 1, "NetworkGraph.linear: \(weight) of \(x.sizes)")
    return node(
      "Gemm", [x.name, weight, bias], sizes: [outputs], [("transB", .integer(1))], named: Self.module(weight))
  }

  /// The greatest number of each window, x: [B, C, H, W] -> [B, C, H', W']; borders do not count.
  public func maxPool(_ x: Value, side: Int, stride: Int, padding: Int) -> Value {
    let sizes = [x.sizes[0]] + x.sizes.dropFirst().map { ($0 + 2 * padding - side) / stride + 1 }
    return node(
      "MaxPool", [x.name], sizes: sizes,
      [
        ("kernel_shape", .integers([side, side])), ("strides", .integers([stride, stride])),
        ("pads", .integers([padding, padding, padding, padding])),
      ])
  }

  /// The mean of each channel: x [B, C, H, W] -> [B, C, 1, 1].
  public func globalAverageMap(_ x: Value) -> Value {
    node("GlobalAveragePool", [x.name], sizes: [x.sizes[0], 1, 1])
  }

  /// The mean of each channel as rows: x [B, C, H, W] -> [B, C].
  public func globalAverage(_ x: Value) -> Value {
    node("Flatten", [globalAverageMap(x).name], sizes: [x.sizes[0]], [("axis", .integer(1))])
  }

  /// Each number after an activation; the shape stays.
  public func activated(_ x: Value, _ activation: ChannelActivation) -> Value {
    switch activation {
    case .none: x
    case .relu: node("Relu", [x.name], sizes: x.sizes)
    case .relu6: node("Clip", [x.name, scalar(0), scalar(6)], sizes: x.sizes)
    case .hardSwish: node("HardSwish", [x.name], sizes: x.sizes)
    case .hardSigmoid:
      node("HardSigmoid", [x.name], sizes: x.sizes, [("alpha", .number(1 / 6)), ("beta", .number(0.5))])
    }
  }

  /// The exact GELU, x Φ(x) = x (1 + erf(x / √2)) / 2, in the order in which runtimes look for it.
  public func gelu(_ x: Value) -> Value {
    let error = node("Erf", [binary("Div", x, scalar(Float(2).squareRoot())).name], sizes: x.sizes)
    let product = node("Mul", [x.name, binary("Add", error, scalar(1)).name], sizes: x.sizes)
    return binary("Mul", product, scalar(0.5))
  }

  /// x + y of equal sizes.
  public func sum(_ x: Value, _ y: Value) -> Value {
    precondition(x.sizes == y.sizes, "NetworkGraph.sum: \(x.sizes) and \(y.sizes)")
    return node("Add", [x.name, y.name], sizes: x.sizes)
  }

  /// `Add`, `Sub`, `Mul` or `Div` with a constant that is broadcast and does not change the shape.
  public func binary(_ operation: String, _ x: Value, _ constant: String) -> Value {
    node(operation, [x.name, constant], sizes: x.sizes)
  }

  /// The same numbers as [N, sizes...]; as many numbers go to one N as fill the sizes.
  public func reshaped(_ x: Value, _ sizes: [Int]) -> Value {
    node("Reshape", [x.name, list([-1] + sizes)], sizes: sizes)
  }

  /// The axes in another order, in which the first stays: axis `order[i]` of x becomes axis i.
  public func transposed(_ x: Value, _ order: [Int]) -> Value {
    precondition(
      order.first == 0 && order.sorted() == Array(0...x.sizes.count),
      "NetworkGraph.transposed: \(order) of \(x.sizes)")
    return node(
      "Transpose", [x.name], sizes: order.dropFirst().map { x.sizes[$0 - 1] }, [("perm", .integers(order))])
  }

  /// The part at one place of an axis, which is 1 or a later one; the axis goes.
  public func part(_ x: Value, at place: Int, ofAxis axis: Int) -> Value {
    precondition(
      (0..<x.sizes[axis - 1]).contains(place), "NetworkGraph.part: \(place) of axis \(axis) of \(x.sizes)")
    var sizes = x.sizes
    sizes.remove(at: axis - 1)
    return node("Gather", [x.name, self.place(place)], sizes: sizes, [("axis", .integer(axis))])
  }

  /// Matrix products of the last two axes: [B, ..., M, K] and [B, ..., K, N] -> [B, ..., M, N].
  public func product(_ x: Value, _ y: Value) -> Value {
    precondition(x.sizes.last == y.sizes.dropLast().last, "NetworkGraph.product: \(x.sizes), \(y.sizes)")
    return node("MatMul", [x.name, y.name], sizes: x.sizes.dropLast() + [y.sizes.last!])
  }

  /// The probabilities of logits along the last axis.
  public func softmax(_ x: Value) -> Value {
    node("Softmax", [x.name], sizes: x.sizes, [("axis", .integer(-1))])
  }

  /// What the layer of a parameter is called: `layer1.0.conv1` of `layer1.0.conv1.weight`.
  static func module(_ parameter: String) -> String {
    parameter.split(separator: ".").dropLast().joined(separator: ".")
  }
}

extension Convolution {
  /// x: [B, C, H, W] -> [B, O, H', W'] as a node, with a bias or none.
  func callAsFunction(_ x: NetworkGraph.Value, bias: Parameter? = nil, _ graph: NetworkGraph)
    -> NetworkGraph.Value
  {
    graph.convolution(x, weight, bias: bias, stride: stride, padding: padding)
  }
}

extension BatchNorm {
  /// x: [B, C, H, W] -> the same, by the running statistics.
  func callAsFunction(
    _ x: NetworkGraph.Value, _ graph: NetworkGraph, _ activation: ChannelActivation = .none
  ) -> NetworkGraph.Value {
    guard let affine else { preconditionFailure("NetworkGraph: a normalisation without gains is not drawn") }
    let normalized = graph.node(
      "BatchNormalization",
      [x.name, graph[affine.weight], graph[affine.bias], graph[runningMean], graph[runningVariance]],
      sizes: x.sizes, [("epsilon", .number(epsilon))], named: NetworkGraph.module(affine.weight.name))
    return graph.activated(normalized, activation)
  }
}

extension Linear {
  /// x: [N, I] -> [N, O], scaled by gains [O] where there are any.
  func callAsFunction(
    _ x: NetworkGraph.Value, _ graph: NetworkGraph, scaled scale: Parameter? = nil
  ) -> NetworkGraph.Value {
    let y = graph.linear(x, weight: graph[weight], bias: graph[bias], outputs: weight.shape[0])
    return scale.map { graph.binary("Mul", y, graph[$0]) } ?? y
  }
}

extension LayerNorm {
  /// x: [..., D] -> [..., D].
  func callAsFunction(_ x: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    graph.node(
      "LayerNormalization", [x.name, graph[weight], graph[bias]], sizes: x.sizes,
      [("axis", .integer(-1)), ("epsilon", .number(Self.epsilon))], named: NetworkGraph.module(weight.name))
  }
}
