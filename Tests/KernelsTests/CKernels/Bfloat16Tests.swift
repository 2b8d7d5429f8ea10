import CEmanateKernels
import EmanateKernels
import Testing

@Suite struct Bfloat16Tests {
  /// The nearer of the two neighbours, the even one where both are equally far.
  private static func rounded(_ x: Float) -> UInt16 {
    let below = UInt16(x.bitPattern >> 16)
    if x.isNaN { return below | 0x40 }
    if x.isInfinite { return below }
    // Infinity counts as the power of two that would follow the largest number.
    func value(_ bits: UInt16) -> Double {
      let infinite = Float(bitPattern: UInt32(bits) << 16).isInfinite
      return infinite ? 0x1p128 : Double(Float(bitPattern: UInt32(bits & 0x7fff) << 16))
    }
    let (low, high) = (value(below), value(below + 1))
    let size = Double(x.magnitude)
    if size - low == high - size { return below.isMultiple(of: 2) ? below : below + 1 }
    return size - low < high - size ? below : below + 1
  }

  private static func widened(_ x: UInt16) -> Float { Float(bitPattern: UInt32(x) << 16) }

  private typealias Rounding = (UnsafePointer<Float>?, Int, UnsafeMutablePointer<UInt16>?) -> Void

  private static func toBfloat16(_ x: [Float], by round: Rounding = em_to_bfloat16_portable) -> [UInt16] {
    var out = [UInt16](repeating: 0xffff, count: x.count)
    round(x, x.count, &out)
    return out
  }

  private static func numbers(_ count: Int, _ seed: Int) -> [Float] {
    var generator = KeyedGenerator(seed: 4, purpose: .split, seed)
    return (0..<count).map { _ in Float(generator.uniform(-1, 1)) }
  }

  @Test func `numbers round to the nearest bfloat16, ties to the even one`() {
    var bits: [UInt32] = []
    for upper in stride(from: UInt32(0), through: 0xffff, by: 1) {
      for lower: UInt32 in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] { bits.append(upper << 16 | lower) }
    }
    let x = bits.map(Float.init(bitPattern:))
    let out = Self.toBfloat16(x)
    let wrong = x.indices.filter { !x[$0].isNaN && out[$0] != Self.rounded(x[$0]) }
    #expect(wrong.isEmpty, "first wrong: \(wrong.first.map { String(bits[$0], radix: 16) } ?? "")")
  }

  @Test func `a processor's own rounding differs in subnormal numbers only, which it takes for zero`() {
    let x = (UInt32(0)...0xffff).flatMap { upper in
      [UInt32(0), 1, 0x7fff, 0x8000, 0x8001, 0xffff].map { Float(bitPattern: upper << 16 | $0) }
    }
    let (own, portable) = (Self.toBfloat16(x, by: em_to_bfloat16), Self.toBfloat16(x))
    let wrong = x.indices.filter {
      own[$0] != portable[$0] && !((x[$0].isSubnormal || x[$0] == 0) && own[$0] & 0x7fff == 0)
    }
    #expect(wrong.isEmpty, "first wrong: \(wrong.first.map { "\(x[$0])" } ?? "")")
    // Loops over vectors end in loops over numbers.
    for count in 1...33 {
      let some = Array(x[180_000..<180_000 + count])
      #expect(Self.toBfloat16(some, by: em_to_bfloat16) == Self.toBfloat16(some))
    }
  }

  @Test func `special numbers keep their kind`() {
    let signalling = Float(bitPattern: 0x7f80_0001)  // its upper half alone would be infinite
    let cases: [(Float, UInt16)] = [
      (0, 0), (-0.0, 0x8000), (1, 0x3f80), (.infinity, 0x7f80), (-.infinity, 0xff80),
      (.greatestFiniteMagnitude, 0x7f80), (-.greatestFiniteMagnitude, 0xff80), (.nan, 0x7fc0),
      (signalling, 0x7fc0), (Float(bitPattern: 0xffff_ffff), 0xffff), (.leastNonzeroMagnitude, 0),
      (Float(bitPattern: 0x0000_8001), 1), (Float(bitPattern: 0x7f7f_7fff), 0x7f7f),
    ]
    for count in [1, cases.count] {
      // Once alone and once among others: loops over vectors end in loops over numbers.
      for start in stride(from: 0, to: cases.count, by: count) {
        let some = cases[start..<start + count]
        #expect(Self.toBfloat16(some.map(\.0)) == some.map(\.1))
      }
    }
  }

  @Test func `every bfloat16 survives the way to float32 and back`() {
    let all = (0...UInt16.max).map { $0 }
    var wide = [Float](repeating: 0, count: all.count)
    em_from_bfloat16(all, all.count, &wide)
    #expect(zip(all, wide).allSatisfy { Self.widened($0).bitPattern == $1.bitPattern })
    let back = Self.toBfloat16(wide)
    #expect(zip(all, back).allSatisfy { $1 == (Self.widened($0).isNaN ? $0 | 0x40 : $0) })
  }

  @Test(arguments: [(1, 16), (2, 16), (15, 32), (16, 16), (33, 48), (192, 80)], [false, true])
  func `packing puts two steps of sixteen columns side by side`(shape: (Int, Int), isTransposed: Bool) {
    let (depth, columns) = shape
    let stride = (isTransposed ? depth : columns) + 3
    let x = Self.numbers(stride * (isTransposed ? columns : depth), 1)
    let even = depth + depth % 2
    var expected = [UInt16](repeating: 0, count: columns * even)
    for p in 0..<depth {
      for j in 0..<columns {
        let place = j / 16 * 16 * even + p / 2 * 32 + j % 16 * 2 + p % 2
        expected[place] = Self.rounded(isTransposed ? x[j * stride + p] : x[p * stride + j])
      }
    }
    for pack in [em_pack_bfloat16, em_pack_bfloat16_portable, em_pack_bfloat16_wide_plain] {
      var out = [UInt16](repeating: 0xffff, count: columns * even)
      pack(x, stride, isTransposed ? 1 : 0, depth, columns, &out)
      #expect(out == expected)
    }
  }

  private static let shapes = [
    (1, 16, 1), (5, 16, 7), (6, 48, 192), (13, 64, 255), (20, 80, 300), (100, 256, 513), (7, 144, 1000),
    (193, 64, 31), (11, 208, 771),
  ]

  @Test(arguments: shapes, [false, true])
  func `products equal those of the rounded operands in every form`(
    shape: (Int, Int, Int), accumulates: Bool
  ) {
    let (rows, columns, depth) = shape
    let (stride, far) = (depth + depth % 2 + 2, columns + 5)
    // Behind a row of odd depth stands a zero; what follows it must not be read into the sums.
    var a = [UInt16](repeating: 0x7fc0, count: rows * stride)
    let w = Self.numbers(columns * depth, 2)
    let rounded = Self.toBfloat16(Self.numbers(rows * depth, 1))
    for row in 0..<rows {
      for p in 0..<depth { a[row * stride + p] = rounded[row * depth + p] }
      if depth % 2 == 1 { a[row * stride + depth] = 0 }
    }
    var b = [UInt16](repeating: 0xffff, count: columns * (depth + depth % 2))
    em_pack_bfloat16(w, depth, 1, depth, columns, &b)
    let (left, right) = (rounded.map(Self.widened), Self.toBfloat16(w).map(Self.widened))
    let (before, bias) = (Self.numbers(rows * far, 3), Self.numbers(columns, 4))
    let forms = [
      em_packed_product_bfloat16, em_packed_product_bfloat16_portable, em_packed_product_bfloat16_wide_plain,
    ]
    for hasBias in [false, true] {
      var expected = before.map(Double.init)
      for row in 0..<rows {
        for column in 0..<columns {
          let start =
            accumulates ? Double(before[row * far + column]) : hasBias ? Double(bias[column]) : 0
          expected[row * far + column] = (0..<depth).reduce(start) {
            $0 + Double(left[row * depth + $1]) * Double(right[column * depth + $1])
          }
        }
      }
      for (number, form) in forms.enumerated() {
        var c = before
        bias.withUnsafeBufferPointer {
          form(
            a, stride, b, rows, columns, depth, hasBias ? $0.baseAddress : nil, &c, far, accumulates ? 1 : 0)
        }
        let worst = zip(c, expected).map { abs(Double($0) - $1) }.max() ?? 0
        #expect(
          worst < 1e-6 * Double(depth).squareRoot() * 8, "form \(number), bias \(hasBias): \(worst)")
      }
    }
  }

  @Test func `a widened product is bit by bit the float32 product of the rounded operands`() {
    let (rows, columns, depth) = (50, 144, 192)
    let a = Self.toBfloat16(Self.numbers(rows * depth, 5))
    let w = Self.toBfloat16(Self.numbers(columns * depth, 6)).map(Self.widened)
    var b = [UInt16](repeating: 0, count: columns * depth)
    em_pack_bfloat16(w, columns, 0, depth, columns, &b)
    var wide = [Float](repeating: 0, count: columns * depth)
    em_pack(w, columns, 0, depth, columns, &wide)
    var (c, expected) = (
      [Float](repeating: .nan, count: rows * columns), [Float](repeating: .nan, count: rows * columns)
    )
    em_packed_product_bfloat16_portable(a, depth, b, rows, columns, depth, nil, &c, columns, 0)
    em_packed_product(a.map(Self.widened), depth, wide, rows, columns, depth, nil, &expected, columns, 0)
    #expect(c == expected)
  }

  private static let gradients = [
    (1, 1, 1), (6, 16, 5), (7, 17, 200), (192, 192, 96), (200, 250, 193), (80, 400, 104), (13, 64, 385),
    (5, 80, 577),
  ]

  @Test(arguments: gradients, [false, true])
  func `a weight's gradient equals that of the rounded operands in every form`(
    shape: (Int, Int, Int), accumulates: Bool
  ) {
    let (outputs, inputs, rows) = shape
    let dy = Self.toBfloat16(Self.numbers(rows * outputs, 7))
    let x = Self.toBfloat16(Self.numbers(rows * inputs, 8))
    let (left, right) = (dy.map(Self.widened), x.map(Self.widened))
    let before = Self.numbers(outputs * inputs, 9)
    let expected = (0..<outputs * inputs).map { place in
      (0..<rows).reduce(accumulates ? Double(before[place]) : 0) {
        $0 + Double(left[$1 * outputs + place / inputs]) * Double(right[$1 * inputs + place % inputs])
      }
    }
    let forms = [
      em_weight_gradient_bfloat16, em_weight_gradient_bfloat16_portable,
      em_weight_gradient_bfloat16_wide_plain,
    ]
    for (number, form) in forms.enumerated() {
      var dw = accumulates ? before : [Float](repeating: .nan, count: outputs * inputs)
      var scratch = [UInt16](repeating: 0x7fc0, count: em_weight_gradient_bfloat16_scratch())
      form(dy, x, rows, outputs, inputs, &dw, accumulates ? 1 : 0, &scratch)
      let worst = zip(dw, expected).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(worst < 1e-6 * Double(rows).squareRoot() * 8, "form \(number): \(worst)")
    }
  }

  @Test func `the instruction is used only beside wide registers`() {
    #expect(em_has_bfloat16_instructions() == 0 || em_has_wide_registers() == 1)
  }
}
