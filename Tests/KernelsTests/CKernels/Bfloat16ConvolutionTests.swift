import CEmanateKernels
import EmanateKernels
import Testing

@Suite struct Bfloat16ConvolutionTests {
  private static func numbers(_ count: Int, _ seed: Int) -> [Float] {
    var generator = KeyedGenerator(seed: 5, purpose: .split, seed)
    return (0..<count).map { _ in Float(generator.uniform(-1, 1)) }
  }

  private static func rounded(_ x: [Float]) -> [UInt16] {
    var out = [UInt16](repeating: 0, count: x.count)
    em_to_bfloat16_portable(x, x.count, &out)
    return out
  }

  private static func widened(_ x: [UInt16]) -> [Double] {
    x.map { Double(Float(bitPattern: UInt32($0) << 16)) }
  }

  /// Rows of outputs, and a convolution over a window that holds their inputs.
  struct Case: Sendable, CustomStringConvertible {
    let rows, inputs, outputs, side, stride: Int
    var description: String { "\(rows) rows, \(inputs) to \(outputs) by \(side), stride \(stride)" }
    var depth: Int { side * inputs }
    var rowLength: Int { ((rows - 1) * stride + side) * inputs }
    var from: [Int32] { (0..<rows).map { Int32($0 * stride * inputs) } }
    /// Outputs stand in another order, with gaps.
    var to: [Int32] { (0..<rows).map { Int32(($0 * 5 % 256) * (outputs + 3)) } }
  }

  /// Odd and even depths, columns of every number of panels with and without a rest, rows of every height of a tile, and
  /// depths that are cut.
  static let cases = [
    Case(rows: 1, inputs: 1, outputs: 1, side: 1, stride: 1),
    Case(rows: 7, inputs: 3, outputs: 64, side: 7, stride: 2),
    Case(rows: 13, inputs: 5, outputs: 16, side: 3, stride: 1),
    Case(rows: 23, inputs: 16, outputs: 24, side: 3, stride: 1),
    Case(rows: 31, inputs: 24, outputs: 48, side: 1, stride: 1),
    Case(rows: 17, inputs: 33, outputs: 130, side: 1, stride: 3),
    Case(rows: 11, inputs: 300, outputs: 100, side: 3, stride: 1),
    Case(rows: 14, inputs: 1601, outputs: 33, side: 1, stride: 1),
  ]

  @Test(arguments: cases)
  func `convolutions equal those of the rounded operands in every form`(shape: Case) {
    let kernel = shape.side * shape.side
    let x = Self.rounded(Self.numbers(shape.side * shape.rowLength, 1)) + [0]
    let weight = Self.numbers(shape.outputs * shape.inputs * kernel, 2)
    let (wide, w) = (Self.widened(x), Self.widened(Self.rounded(weight)))
    let all = em_taps(first: 0, step: 1, count: shape.side)
    let pieces = (shape.depth + 1) / 2 * 2
    let columns = (shape.outputs + 15) / 16 * 16
    var packed = [UInt16](repeating: 0x7fc0, count: columns * shape.side * pieces)
    em_pack_convolution_bfloat16(
      weight, shape.outputs, shape.inputs, shape.side, all, all, 0, 0, columns, &packed)
    let (from, to) = (shape.from, shape.to)
    for form in Self.forms.map(\.convolve) {
      var y = [Float](repeating: .nan, count: 256 * (shape.outputs + 3))
      form(x, from, shape.side, shape.rowLength, shape.depth, packed, shape.rows, shape.outputs, &y, to)
      var (worst, written) = (0.0, Set<Int>())
      for row in 0..<shape.rows {
        for o in 0..<shape.outputs {
          var sum = 0.0
          for tap in 0..<kernel {
            for i in 0..<shape.inputs {
              let place = tap / shape.side * shape.rowLength + tap % shape.side * shape.inputs + i
              sum += wide[Int(from[row]) + place] * w[(o * shape.inputs + i) * kernel + tap]
            }
          }
          written.insert(Int(to[row]) + o)
          worst = max(worst, abs(Double(y[Int(to[row]) + o]) - sum))
        }
      }
      #expect(worst < 1e-5 * Double(shape.depth * shape.side).squareRoot())
      #expect(y.indices.allSatisfy { written.contains($0) || y[$0].isNaN }, "nothing else is written")
    }
  }

  @Test(arguments: cases, [false, true])
  func `weights' gradients equal those of the rounded operands in every form`(
    shape: Case, accumulates: Bool
  ) {
    let x = Self.rounded(Self.numbers(shape.side * shape.rowLength, 3))
    let dy = Self.rounded(Self.numbers(shape.rows * shape.outputs, 4))
    let (wide, upstream) = (Self.widened(x), Self.widened(dy))
    let size = shape.side * shape.depth
    let before = Self.numbers(shape.outputs * size, 5)
    let from = shape.from
    for form in Self.forms.map(\.gradient) {
      var dw = accumulates ? before : [Float](repeating: .nan, count: before.count)
      var scratch = [Float](repeating: .nan, count: em_convolution_weight_gradient_scratch())
      form(
        dy, x, from, shape.rows, shape.outputs, shape.outputs, shape.side, shape.rowLength, shape.depth, &dw,
        accumulates ? 1 : 0, &scratch)
      var worst = 0.0
      // All of the small ones, and some of the large.
      for place in stride(from: 0, to: dw.count, by: max(1, dw.count / 5000)) {
        let (o, piece) = (place / size, place % size)
        let at = piece / shape.depth * shape.rowLength + piece % shape.depth
        let sum = (0..<shape.rows).reduce(accumulates ? Double(before[place]) : 0) {
          $0 + upstream[$1 * shape.outputs + o] * wide[Int(from[$1]) + at]
        }
        worst = max(worst, abs(Double(dw[place]) - sum))
      }
      #expect(worst < 1e-5 * Double(shape.rows).squareRoot())
    }
  }

  private static var forms: [(convolve: Convolve, gradient: Gradient)] {
    [(em_convolve_bfloat16_wide_plain, em_convolution_weight_gradient_bfloat16_wide_plain)]
      + (hasBfloat16Instructions() ? [(em_convolve_bfloat16, em_convolution_weight_gradient_bfloat16)] : [])
  }

  private typealias Convolve = (
    UnsafePointer<UInt16>?, UnsafePointer<Int32>?, Int, Int, Int, UnsafePointer<UInt16>?, Int, Int,
    UnsafeMutablePointer<Float>?, UnsafePointer<Int32>?
  ) -> Void
  private typealias Gradient = (
    UnsafePointer<UInt16>?, UnsafePointer<UInt16>?, UnsafePointer<Int32>?, Int, Int, Int, Int, Int,
    Int, UnsafeMutablePointer<Float>?, Int32, UnsafeMutablePointer<Float>?
  ) -> Void

  /// Depths of more than one part, odd and even, outputs and inputs as columns, some taps backwards as a stride has them.
  @Test(arguments: [(20, 5, 3), (7, 33, 3), (40, 48, 1), (3, 64, 5)], [false, true])
  func `packing a weight rounds it and puts two rows side by side`(
    shape: (Int, Int, Int), isTransposed: Bool
  ) {
    let (outputs, inputs, side) = shape
    let weight = Self.numbers(outputs * inputs * side * side, 6)
    let down = em_taps(first: 0, step: 1, count: side)
    let across = em_taps(first: side - 1, step: -2, count: (side + 1) / 2)
    let (columns, rows) = isTransposed ? (inputs, outputs) : (outputs, inputs)
    let (pieces, panels) = (across.count * rows, (columns + 15) / 16)
    var packed = [UInt16](repeating: 0xffff, count: panels * 16 * side * (pieces + pieces % 2))
    em_pack_convolution_bfloat16(
      weight, outputs, inputs, side, down, across, isTransposed ? 1 : 0, 0, panels * 16, &packed)
    var wide = [Float](repeating: 0, count: panels * 16 * side * pieces)
    em_pack_convolution(
      weight, outputs, inputs, side, down, across, isTransposed ? 1 : 0, 0, panels * 16, &wide)
    let expected = Self.rounded(wide)
    var at = 0
    for line in 0..<panels * side {
      for piece in stride(from: 0, to: pieces, by: 2) {
        for lane in 0..<16 {
          for next in 0..<2 {
            let wanted = piece + next < pieces ? expected[(line * pieces + piece + next) * 16 + lane] : 0
            #expect(packed[at] == wanted)
            at += 1
          }
        }
      }
    }
  }

  @Test(arguments: [(1, 1), (3, 17), (40, 64), (2, 2049), (1, 5000)])
  func `a normalised map is rounded after it is normalised`(shape: (Int, Int)) {
    let (rows, channels) = shape
    let x = Self.numbers(rows * channels, 7).map { $0 * 9 }
    let (scale, shift) = (Self.numbers(channels, 8), Self.numbers(channels, 9))
    for activation in [EM_IDENTITY, EM_RELU, EM_RELU6, EM_HARD_SWISH, EM_HARD_SIGMOID].map(Int32.init) {
      for isNormalized in [false, true] {
        var (wide, out) = (x, [UInt16](repeating: 0, count: x.count))
        scale.withUnsafeBufferPointer { scale in
          shift.withUnsafeBufferPointer { shift in
            let (a, b) = isNormalized ? (scale.baseAddress, shift.baseAddress) : (nil, nil)
            em_normalize_channels(x, rows, channels, a, b, nil, nil, nil, activation, &wide)
            em_normalize_channels_bfloat16(x, rows, channels, a, b, activation, &out)
          }
        }
        var expected = [UInt16](repeating: 0, count: x.count)
        em_to_bfloat16(wide, wide.count, &expected)
        #expect(out == expected)
      }
    }
  }

  @Test func `rounding in place keeps the nearest bfloat16`() {
    let x = Self.numbers(1000, 10)
    var rounded = x
    em_round_to_bfloat16(&rounded, rounded.count)
    #expect(rounded.map(Double.init) == Self.widened(Self.rounded(x)))
  }
}
