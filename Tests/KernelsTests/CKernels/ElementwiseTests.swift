import CEmanateKernels
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct ElementwiseLoops {
  static let counts = [1, 15, 16, 17, 100, 1000]

  @Test func `GELU and its derivative follow the exact definition over the whole range`() {
    let x = stride(from: Float(-12), through: 12, by: 0.01).map { $0 }
    var (value, again, slope) = (x, x, x)
    em_gelu(x, x.count, &value)
    em_gelu_backward(x, Array(repeating: 1, count: x.count), x.count, &slope, &again)
    #expect(value == again)
    for (i, z) in x.map(Double.init).enumerated() {
      let cdf = 0.5 * erfc(-z / 2.0.squareRoot())
      let density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
      #expect(abs(Double(value[i]) - z * cdf) < 1e-6, "gelu(\(z))")
      #expect(abs(Double(slope[i]) - (cdf + z * density)) < 1e-6, "gelu'(\(z))")
    }
  }

  @Test(arguments: counts)
  func `GELU's gradient may take the place of what came from above`(count: Int) {
    let (x, dy) = (hashFilled("x", [count], scale: 3).array, hashFilled("dy", [count]).array)
    var (apart, together, value) = (dy, dy, dy)
    em_gelu_backward(x, dy, count, &apart, &value)
    together.withUnsafeMutableBufferPointer {
      em_gelu_backward(x, $0.baseAddress, count, $0.baseAddress, &value)
    }
    #expect(apart == together)
  }

  @Test(arguments: [(1, 1), (3, 17), (7, 48), (40, 5)])
  func `a bias is added to every row`(rows: Int, width: Int) {
    let (x, bias) = (hashFilled("x", [rows, width]).array, hashFilled("b", [width]).array)
    var y = x
    em_add_bias(&y, bias, rows, width)
    let expected = x.indices.map { (place: Int) -> Float in x[place] + bias[place % width] }
    #expect(y == expected)
  }

  @Test func `a residual sum and a gather reach the mapped rows and no other`() {
    let (width, map) = (19, [Int32](arrayLiteral: 1, 4, 5))
    let (x, branch) = (hashFilled("x", [6, width]).array, hashFilled("branch", [3, width]).array)
    let bias = hashFilled("bias", [width]).array
    var y = Array(repeating: Float(9), count: x.count)
    em_residual(branch, bias, 2, x, map, 0, 3, width, &y)
    for row in 0..<6 {
      for i in 0..<width {
        let place = row * width + i
        if let from = map.firstIndex(of: Int32(row)) {
          let expected: Float = x[place] + 2 * (branch[from * width + i] + bias[i])
          #expect(abs(y[place] - expected) < 1e-6)
        } else {
          #expect(y[place] == 9)
        }
      }
    }
    var rows = Array(repeating: Float(0), count: 2 * width)
    em_gather(x, map, 1, 2, width, 0.5, &rows)
    let expected = x[4 * width..<6 * width].map { 0.5 * $0 }
    #expect(rows == expected)
  }

  @Test(arguments: [(1, 3), (5, 16), (33, 70)])
  func `column sums add the columns, and to what is there if asked`(rows: Int, width: Int) {
    let stride = width + 3
    let x = hashFilled("x", [rows, stride]).array
    var sums = Array(repeating: Float(7), count: width)
    em_column_sums(x, rows, width, stride, &sums, 0)
    let expected = (0..<width).map { i in (0..<rows).reduce(0.0) { $0 + Double(x[$1 * stride + i]) } }
    for (a, b) in zip(sums, expected) { #expect(abs(Double(a) - b) < 1e-5) }
    em_column_sums(x, rows, width, stride, &sums, 1)
    for (a, b) in zip(sums, expected) { #expect(abs(Double(a) - 2 * b) < 2e-5) }
  }

  @Test(arguments: [1, 16, 100, 4096, 4097, 10_000])
  func `the sum of squares keeps seven digits`(count: Int) {
    let x = hashFilled("x", [count]).array
    let expected = x.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(em_sum_of_squares(x, count) / expected - 1) < 1e-6)
    let y = hashFilled("y", [count]).array
    let apart = zip(x, y).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
    #expect(abs(em_sum_of_squared_differences(x, y, count) / apart - 1) < 1e-6)
    #expect(em_sum_of_squared_differences(x, x, count) == 0)
  }

  @Test(arguments: [1, 5, 16, 33, 1000, 4100, 65_536], [Float(1), 0.04])
  func `softmax follows its definition, centered and sharpened`(count: Int, temperature: Float) {
    let (x, center) = (hashFilled("x", [count], scale: 2).array, hashFilled("c", [count], scale: 0.5).array)
    for isCentered in [false, true] {
      var out = x
      em_softmax(x, isCentered ? center : nil, temperature, count, &out)
      let z = x.indices.map { (Double(x[$0]) - (isCentered ? Double(center[$0]) : 0)) / Double(temperature) }
      let top = z.max()!
      let total = z.reduce(0) { $0 + exp($1 - top) }
      for i in x.indices {
        let expected = exp(z[i] - top) / total
        #expect(abs(Double(out[i]) - expected) < 2e-5 * expected + 1e-9)
      }
      let sum = out.reduce(0.0) { $0 + Double($1) }
      #expect(abs(sum - 1) < 1e-5)
    }
  }

  @Test func `softmax of huge, tiny and equal logits stays finite`() {
    for x in [[1e4, -1e4, 0], [-1e5, -1e5, -1e5], [0, 0, 0]] as [[Float]] {
      var out = x
      em_softmax(x, nil, 0.04, 3, &out)
      #expect(out.allSatisfy { $0.isFinite && $0 >= 0 } && abs(out.reduce(0, +) - 1) < 1e-6)
    }
  }

  @Test(arguments: [1, 7, 16, 50, 4097], [Float(1), 2])
  func `the cross-entropy with a soft target and its gradient follow their definitions`(
    count: Int, mass: Float
  ) {
    let (x, temperature) = (hashFilled("x", [count], scale: 3).array, Float(0.1))
    let raw = hashFilled("q", [count], scale: 0.5, offset: 0.5).array
    let sum = raw.reduce(0, +)
    let target = raw.map { $0 / sum * mass }
    var logSum: Float = 0
    let value = em_cross_entropy(x, target, mass, temperature, count, &logSum)
    var gradient = x
    em_cross_entropy_backward(x, target, mass, temperature, logSum, 0.25, count, &gradient)

    let z = x.map { Double($0) / Double(temperature) }
    let top = z.max()!
    let expectedLogSum = top + log(z.reduce(0) { $0 + exp($1 - top) })
    let expected = zip(z, target).reduce(0.0) { $0 - Double($1.1) * ($1.0 - expectedLogSum) }
    #expect(abs(Double(logSum) - expectedLogSum) < 1e-5)
    #expect(abs(value - expected) < 1e-4 * max(1, abs(expected)))
    for i in x.indices {
      let slope = 0.25 / Double(temperature) * (Double(mass) * exp(z[i] - expectedLogSum) - Double(target[i]))
      #expect(abs(Double(gradient[i]) - slope) < 2e-5)
    }
  }
}
