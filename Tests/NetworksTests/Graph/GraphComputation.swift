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
      let places: Int = x.sizes[2] * x.sizes[3]
      var values = x.values
      for index in values.indices {
        let channel = index / places % x.sizes[1]
        let deviation: Float = (inputs[4].values[channel] + number("epsilon")).squareRoot()
        let plain: Float = (values[index] - inputs[3].values[channel]) / deviation
        values[index] = plain * inputs[1].values[channel] + inputs[2].values[channel]
      }
      return Numbers(x.sizes, values)
    case "LayerNormalization":
      return Self.rows(x) { row in
        let mean: Float = row.reduce(0, +) / Float(row.count)
        let differences: [Float] = row.map { $0 - mean }
        let squares: Float = differences.reduce(0) { $0 + $1 * $1 }
        let deviation: Float = (squares / Float(row.count) + number("epsilon")).squareRoot()
        var result = differences
        for place in result.indices {
          result[place] = result[place] / deviation * inputs[1].values[place] + inputs[2].values[place]
        }
        return result
      }
    case "Softmax":
      return Self.rows(x) { row in
        let greatest: Float = row.max() ?? 0
        let powers: [Float] = row.map { exp($0 - greatest) }
        let sum: Float = powers.reduce(0, +)
        return powers.map { $0 / sum }
      }
    case "Gemm":
      try #require(integer("transB") == 1)
      return Self.product(x, Self.transposed(inputs[1], [1, 0]), plus: inputs[2].values)
    case "MatMul": return Self.product(x, inputs[1])
    case "GlobalAveragePool":
      let places: Int = x.sizes[2] * x.sizes[3]
      var means: [Float] = []
      for start in stride(from: 0, to: x.values.count, by: places) {
        let sum: Float = x.values[start..<start + places].reduce(0, +)
        means.append(sum / Float(places))
      }
      return Numbers([x.sizes[0], x.sizes[1], 1, 1], means)
    case "Flatten": return Numbers([x.sizes[0], x.values.count / x.sizes[0]], x.values)
    case "Reshape":
      var sizes: [Int] = lists[0]
      let rest: Int = sizes.dropFirst().reduce(1, *)
      sizes[0] = x.values.count / rest
      return Numbers(sizes, x.values)
    case "Transpose": return Self.transposed(x, list("perm"))
    case "Gather":
      let (axis, place) = (integer("axis"), lists[0][0])
      var sizes = x.sizes
      let length = sizes.remove(at: axis)
      let inner: Int = x.sizes[(axis + 1)...].reduce(1, *)
      var values: [Float] = []
      for start in stride(from: place * inner, to: x.values.count, by: length * inner) {
        values += x.values[start..<start + inner]
      }
      return Numbers(sizes, values)
    case "Pad":
      // Rows of zeros before those of axis 1.
      let (rows, row) = (lists[0][1], x.sizes[2])
      try #require(lists[0] == [0, rows, 0, 0, 0, 0])
      let size: Int = x.sizes[1] * row
      var values: [Float] = []
      for start in stride(from: 0, to: x.values.count, by: size) {
        values += [Float](repeating: 0, count: rows * row)
        values += x.values[start..<start + size]
      }
      return Numbers([x.sizes[0], x.sizes[1] + rows, row], values)
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
    let width: Int = x.sizes.last ?? 1
    var values: [Float] = []
    for start in stride(from: 0, to: x.values.count, by: width) {
      values += body(Array(x.values[start..<start + width]))
    }
    return Numbers(x.sizes, values)
  }

  private static func broadcast(
    _ x: Numbers, _ y: Numbers, _ body: (Float, Float) -> Float
  ) -> Numbers {
    let sizes: [Int] = Array(repeating: 1, count: x.sizes.count - y.sizes.count) + y.sizes
    var steps = sizes
    var step = 1
    for axis in sizes.indices.reversed() {
      steps[axis] = sizes[axis] == 1 ? 0 : step
      step *= sizes[axis]
    }
    var values = x.values
    for index in values.indices {
      values[index] = body(values[index], y.values[place(index, sizes: x.sizes, steps: steps)])
    }
    return Numbers(x.sizes, values)
  }

  /// Where a number stands that is number `index` of an array of these sizes and has these steps along its axes.
  private static func place(_ index: Int, sizes: [Int], steps: [Int]) -> Int {
    var (rest, place) = (index, 0)
    for axis in sizes.indices.reversed() {
      place += rest % sizes[axis] * steps[axis]
      rest /= sizes[axis]
    }
    return place
  }

  private static func transposed(_ x: Numbers, _ order: [Int]) -> Numbers {
    var steps = [Int](repeating: 1, count: x.sizes.count)
    for axis in x.sizes.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * x.sizes[axis + 1] }
    let sizes: [Int] = order.map { x.sizes[$0] }
    let moved: [Int] = order.map { steps[$0] }
    var values = x.values
    for index in values.indices { values[index] = x.values[place(index, sizes: sizes, steps: moved)] }
    return Numbers(sizes, values)
  }

  /// [..., M, K] and [..., K, N], or [K, N] for all -> [..., M, N].
  private static func product(_ x: Numbers, _ y: Numbers, plus bias: [Float]? = nil) -> Numbers {
    let (rows, depth): (Int, Int) = (x.sizes[x.sizes.count - 2], x.sizes[x.sizes.count - 1])
    let columns: Int = y.sizes[y.sizes.count - 1]
    let count: Int = x.values.count / (rows * depth)
    var result = [Float](repeating: 0, count: count * rows * columns)
    x.values.withUnsafeBufferPointer { a in
      y.values.withUnsafeBufferPointer { b in
        for index in 0..<count {
          let start: Int = y.sizes.count == 2 ? 0 : index * depth * columns
          for row in 0..<rows {
            let at: Int = (index * rows + row) * columns
            for column in 0..<columns { result[at + column] = bias?[column] ?? 0 }
            for k in 0..<depth {
              let factor: Float = a[(index * rows + row) * depth + k]
              let from: Int = start + k * columns
              for column in 0..<columns { result[at + column] += factor * b[from + column] }
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
    var result = [Float](repeating: 0, count: batch * outputs * h * w)
    x.values.withUnsafeBufferPointer { a in
      weight.values.withUnsafeBufferPointer { b in
        for image in 0..<batch {
          for output in 0..<outputs {
            let at = (image * outputs + output) * h * w
            for place in at..<at + h * w { result[place] = bias?[output] ?? 0 }
            for inner in 0..<channels / groups {
              let channel: Int = output / (outputs / groups) * (channels / groups) + inner
              let from: Int = (image * channels + channel) * height * width
              let kernel: Int = (output * (channels / groups) + inner) * side * side
              for dy in 0..<side {
                for dx in 0..<side {
                  let factor: Float = b[kernel + dy * side + dx]
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
    var values: [Float] = []
    for map in 0..<x.sizes[0] * x.sizes[1] {
      for row in 0..<h {
        for column in 0..<w {
          var greatest = -Float.infinity
          for y in max(row * stride - padding, 0)..<min(row * stride - padding + side, height) {
            for x0 in max(column * stride - padding, 0)..<min(column * stride - padding + side, width) {
              greatest = max(greatest, x.values[(map * height + y) * width + x0])
            }
          }
          values.append(greatest)
        }
      }
    }
    return Numbers([x.sizes[0], x.sizes[1], h, w], values)
  }
}
