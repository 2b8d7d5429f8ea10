import EmanateNetworks
import EmanateTensors
import Foundation
import Testing

/// Computes a graph node by node, each as ONNX's documents define its operator and as plainly as can be: what a runtime
/// should make of it.
struct GraphComputation {
  /// Numbers with the sizes of all axes.
  struct Numbers {
    var sizes: [Int]
    var values: [Float]

    init(_ sizes: [Int], _ values: [Float]) {
      precondition(sizes.reduce(1, *) == values.count, "\(sizes): \(values.count) numbers")
      (self.sizes, self.values) = (sizes, values)
    }

    init(_ tensor: Tensor) { self.init(tensor.shape.array, tensor.array) }
  }

  private let graph: NetworkGraph
  private var known: [String: Numbers] = [:]
  private var integers: [String: [Int]] = [:]

  /// The graph's outputs for images [B, 3, S, S].
  static func outputs(_ graph: NetworkGraph, _ images: Tensor) throws -> [String: Numbers] {
    var computation = GraphComputation(graph)
    computation.known[graph.images.name] = Numbers(images)
    for node in graph.nodes {
      let result = try computation.result(node)
      // Sizes are part of what a graph promises.
      #expect(Array(result.sizes.dropFirst()) == node.output.sizes, "\(node.output.name)")
      computation.known[node.output.name] = result
    }
    return Dictionary(uniqueKeysWithValues: graph.outputs.map { ($0.name, computation.known[$0.name]!) })
  }

  private init(_ graph: NetworkGraph) {
    self.graph = graph
    for (name, constant) in graph.constants {
      switch constant {
      case .numbers(let tensor): known[name] = Numbers(tensor)
      case .integers(let list, _): integers[name] = list
      }
    }
  }

  private func result(_ node: NetworkGraph.Node) throws -> Numbers {
    let inputs = node.inputs.compactMap { known[$0] }
    let lists = node.inputs.compactMap { integers[$0] }
    try #require(
      inputs.count + lists.count == node.inputs.count, "\(node.output.name) reads what is not there")
    let x = try #require(inputs.first)
    func list(_ name: String) -> [Int] {
      if case .integers(let list)? = node.attributes.first(where: { $0.name == name })?.value { return list }
      return []
    }
    func integer(_ name: String) -> Int {
      if case .integer(let value)? = node.attributes.first(where: { $0.name == name })?.value { return value }
      return 0
    }
    func number(_ name: String) -> Float {
      if case .number(let value)? = node.attributes.first(where: { $0.name == name })?.value { return value }
      return 0
    }
    func each(_ body: (Float) -> Float) -> Numbers { Numbers(x.sizes, x.values.map(body)) }
    switch node.operation {
    case "Conv":
      return Self.convolution(
        x, inputs[1], bias: inputs.count > 2 ? inputs[2].values : nil, stride: list("strides")[0],
        padding: list("pads")[0], groups: integer("group"))
    case "MaxPool":
      return Self.maxPool(
        x, side: list("kernel_shape")[0], stride: list("strides")[0], padding: list("pads")[0])
    case "BatchNormalization":
      let (places, epsilon) = (x.sizes[2] * x.sizes[3], number("epsilon"))
      return Numbers(
        x.sizes,
        x.values.indices.map { index in
          let channel = index / places % x.sizes[1]
          let deviation = (inputs[4].values[channel] + epsilon).squareRoot()
          return (x.values[index] - inputs[3].values[channel]) / deviation * inputs[1].values[channel]
            + inputs[2].values[channel]
        })
    case "LayerNormalization":
      return Self.rows(x) { row in
        let mean = row.reduce(0, +) / Float(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(row.count)
        let scale = 1 / (variance + number("epsilon")).squareRoot()
        return zip(row.indices, row).map { place, value in
          (value - mean) * scale * inputs[1].values[place] + inputs[2].values[place]
        }
      }
    case "Softmax":
      return Self.rows(x) { row in
        let powers = row.map { exp($0 - row.max()!) }
        return powers.map { $0 / powers.reduce(0, +) }
      }
    case "Gemm":
      try #require(integer("transB") == 1)
      return Self.product(x, Self.transposed(inputs[1], [1, 0]), plus: inputs[2].values)
    case "MatMul": return Self.product(x, inputs[1])
    case "GlobalAveragePool":
      let places = x.sizes[2] * x.sizes[3]
      let means = stride(from: 0, to: x.values.count, by: places).map { start in
        x.values[start..<start + places].reduce(0, +) / Float(places)
      }
      return Numbers([x.sizes[0], x.sizes[1], 1, 1], means)
    case "Flatten": return Numbers([x.sizes[0], x.values.count / x.sizes[0]], x.values)
    case "Reshape":
      let rest = lists[0].dropFirst().reduce(1, *)
      return Numbers([x.values.count / rest] + lists[0].dropFirst(), x.values)
    case "Transpose": return Self.transposed(x, list("perm"))
    case "Gather":
      let (axis, place) = (integer("axis"), lists[0][0])
      let (inner, length) = (x.sizes[(axis + 1)...].reduce(1, *), x.sizes[axis])
      let outer = x.values.count / (inner * length)
      var sizes = x.sizes
      sizes.remove(at: axis)
      return Numbers(
        sizes,
        (0..<outer).flatMap { x.values[($0 * length + place) * inner..<($0 * length + place + 1) * inner] })
    case "Pad":
      // Rows of zeros before those of axis 1.
      let (rows, row) = (lists[0][1], x.sizes[2])
      try #require(lists[0] == [0, rows, 0, 0, 0, 0])
      let size = x.sizes[1] * row
      return Numbers(
        [x.sizes[0], x.sizes[1] + rows, row],
        (0..<x.sizes[0]).flatMap {
          Array(repeating: 0, count: rows * row) + x.values[$0 * size..<($0 + 1) * size]
        })
    case "Relu": return each { max($0, 0) }
    case "Clip": return each { min(max($0, inputs[1].values[0]), inputs[2].values[0]) }
    case "HardSigmoid": return each { min(max(number("alpha") * $0 + number("beta"), 0), 1) }
    case "HardSwish": return each { $0 * min(max($0 / 6 + 0.5, 0), 1) }
    case "Erf": return each { erf($0) }
    case "Add": return Self.broadcast(x, inputs[1], +)
    case "Sub": return Self.broadcast(x, inputs[1], -)
    case "Mul": return Self.broadcast(x, inputs[1], *)
    case "Div": return Self.broadcast(x, inputs[1], /)
    default:
      Issue.record("no operator \(node.operation) is known here")
      return x
    }
  }

  private static func rows(_ x: Numbers, _ body: ([Float]) -> [Float]) -> Numbers {
    let width = x.sizes.last!
    return Numbers(
      x.sizes,
      stride(from: 0, to: x.values.count, by: width).flatMap { body(Array(x.values[$0..<$0 + width])) })
  }

  private static func broadcast(
    _ x: Numbers, _ y: Numbers, _ body: (Float, Float) -> Float
  ) -> Numbers {
    let sizes = Array(repeating: 1, count: x.sizes.count - y.sizes.count) + y.sizes
    var strides = Array(repeating: 0, count: sizes.count)
    var step = 1
    for axis in sizes.indices.reversed() {
      strides[axis] = sizes[axis] == 1 ? 0 : step
      step *= sizes[axis]
    }
    return Numbers(
      x.sizes,
      x.values.indices.map { index in
        var (rest, place) = (index, 0)
        for axis in x.sizes.indices.reversed() {
          place += rest % x.sizes[axis] * strides[axis]
          rest /= x.sizes[axis]
        }
        return body(x.values[index], y.values[place])
      })
  }

  private static func transposed(_ x: Numbers, _ order: [Int]) -> Numbers {
    var steps = Array(repeating: 1, count: x.sizes.count)
    for axis in x.sizes.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * x.sizes[axis + 1] }
    let sizes = order.map { x.sizes[$0] }
    return Numbers(
      sizes,
      x.values.indices.map { index in
        var (rest, place) = (index, 0)
        for axis in sizes.indices.reversed() {
          place += rest % sizes[axis] * steps[order[axis]]
          rest /= sizes[axis]
        }
        return x.values[place]
      })
  }

  /// [..., M, K] and [..., K, N], or [K, N] for all -> [..., M, N].
  private static func product(_ x: Numbers, _ y: Numbers, plus bias: [Float]? = nil) -> Numbers {
    let (rows, depth) = (x.sizes[x.sizes.count - 2], x.sizes.last!)
    let columns = y.sizes.last!
    let count = x.values.count / (rows * depth)
    var result = Array(repeating: Float(0), count: count * rows * columns)
    x.values.withUnsafeBufferPointer { a in
      y.values.withUnsafeBufferPointer { b in
        for index in 0..<count {
          let start = y.sizes.count == 2 ? 0 : index * depth * columns
          for row in 0..<rows {
            let at = (index * rows + row) * columns
            for column in 0..<columns { result[at + column] = bias?[column] ?? 0 }
            for k in 0..<depth {
              let factor = a[(index * rows + row) * depth + k]
              for column in 0..<columns { result[at + column] += factor * b[start + k * columns + column] }
            }
          }
        }
      }
    }
    return Numbers(x.sizes.dropLast() + [columns], result)
  }

  private static func convolution(
    _ x: Numbers, _ weight: Numbers, bias: [Float]?, stride: Int, padding: Int, groups: Int
  ) -> Numbers {
    let (batch, channels, height, width) = (x.sizes[0], x.sizes[1], x.sizes[2], x.sizes[3])
    let (outputs, side) = (weight.sizes[0], weight.sizes[2])
    let (h, w) = ((height + 2 * padding - side) / stride + 1, (width + 2 * padding - side) / stride + 1)
    var result = Array(repeating: Float(0), count: batch * outputs * h * w)
    x.values.withUnsafeBufferPointer { a in
      weight.values.withUnsafeBufferPointer { b in
        for image in 0..<batch {
          for output in 0..<outputs {
            let at = (image * outputs + output) * h * w
            for place in at..<at + h * w { result[place] = bias?[output] ?? 0 }
            for inner in 0..<channels / groups {
              let channel = output / (outputs / groups) * (channels / groups) + inner
              let from = (image * channels + channel) * height * width
              for dy in 0..<side {
                for dx in 0..<side {
                  let factor = b[((output * (channels / groups) + inner) * side + dy) * side + dx]
                  for row in 0..<h {
                    let y = row * stride + dy - padding
                    if y < 0 || y >= height { continue }
                    for column in 0..<w {
                      let x = column * stride + dx - padding
                      if x < 0 || x >= width { continue }
                      result[at + row * w + column] += factor * a[from + y * width + x]
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
    return Numbers([batch, outputs, h, w], result)
  }

  private static func maxPool(_ x: Numbers, side: Int, stride: Int, padding: Int) -> Numbers {
    let (height, width) = (x.sizes[2], x.sizes[3])
    let (h, w) = ((height + 2 * padding - side) / stride + 1, (width + 2 * padding - side) / stride + 1)
    let maps = x.sizes[0] * x.sizes[1]
    let values = (0..<maps * h * w).map { index in
      let (row, column) = (index / w % h * stride - padding, index % w * stride - padding)
      let (rows, columns) = (
        max(row, 0)..<min(row + side, height), max(column, 0)..<min(column + side, width)
      )
      let start = index / (h * w) * height * width
      return rows.map { y in columns.map { x.values[start + y * width + $0] }.max()! }.max()!
    }
    return Numbers([x.sizes[0], x.sizes[1], h, w], values)
  }
}
