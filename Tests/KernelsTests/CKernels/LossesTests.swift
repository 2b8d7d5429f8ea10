import CEmanateKernels
import EmanateTensors
import TestSupport
import Testing

@Suite struct LossLoops {
  static let counts = [1, 3, 15, 16, 17, 100, 4097]

  private func values(_ name: String, _ count: Int) -> [Double] {
    hashFilled(name, [count]).array.map(Double.init)
  }

  @Test(arguments: [(1, 3), (5, 16), (33, 70)])
  func `weighted sums of columns and of rows follow their definitions`(rows: Int, width: Int) {
    let stride = width + 3
    let x = hashFilled("x", [rows, stride]).array
    let (u, v) = (values("u", rows), values("v", width))
    var columns = Array(repeating: 7.0, count: width)
    em_weighted_column_sums(x, rows, width, stride, u, &columns)
    for i in 0..<width {
      let expected = (0..<rows).reduce(0.0) { $0 + u[$1] * Double(x[$1 * stride + i]) }
      #expect(abs(columns[i] - expected) < 1e-12)
    }
    let expected = (0..<width).reduce(0.0) { $0 + v[$1] * Double(x[$1]) }
    #expect(abs(em_weighted_sum(x, v, width) - expected) < 1e-12)
  }

  @Test(arguments: counts)
  func `scaling each number keeps double precision until the end`(count: Int) {
    let (x, factors) = (hashFilled("x", [count]).array, values("f", count))
    var y = x
    em_scale_each(&y, factors, 1e30, count)
    for i in x.indices { #expect(y[i] == Float(Double(x[i]) * (1e30 * factors[i]))) }
  }

  @Test(arguments: counts, [Float(1), 0.05])
  func `an exponential below the greatest is at most 1`(count: Int, temperature: Float) {
    let x = hashFilled("x", [count], scale: 2).array
    var y = x
    #expect(em_exp_below_greatest(x, temperature, count, &y) == x.max())
    #expect(y.max() == 1)
    let z = x.map { (Double($0) - Double(x.max()!)) / Double(temperature) }
    for i in x.indices where z[i] > -87 {
      #expect(abs(Double(y[i]) / exponentialOf(z[i]) - 1) < 1e-5)
    }
  }

  /// e^z as the 1,024th power of a short series.
  private func exponentialOf(_ z: Double) -> Double {
    let t = z / 1024
    var power = 1.0
    for k in [5.0, 4, 3, 2, 1] { power = 1 + t / k * power }
    for _ in 0..<10 { power *= power }
    return power
  }

  @Test(arguments: counts)
  func `a cosine's gradient may take the place of the row, and is right at a cut norm`(count: Int) {
    let (x, y) = (hashFilled("x", [count]).array, hashFilled("y", [count]).array)
    var (apart, together) = (x, x)
    let cosine = em_cosine(x, y, 1e-6, 0.5, count, &apart)
    together.withUnsafeMutableBufferPointer {
      #expect(em_cosine($0.baseAddress, y, 1e-6, 0.5, count, $0.baseAddress) == cosine)
    }
    #expect(apart == together)
    #expect(em_cosine(x, y, 1e-6, 0.5, count, nil) == cosine)
    let squares = x.reduce(0.0) { $0 + Double($1) * Double($1) }
    let dot = zip(x, y).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    #expect(abs(Double(cosine) - dot / squares.squareRoot()) < 1e-5)
    for i in x.indices {
      let slope = (Double(y[i]) - dot / squares * Double(x[i])) / squares.squareRoot()
      #expect(abs(Double(apart[i]) - 0.5 * slope) < 1e-5)
    }
    var cut = x
    #expect(abs(Double(em_cosine(x, y, 1e3, 2, count, &cut)) - dot / 1e3) < 1e-6)
    for i in x.indices { #expect(abs(cut[i] - 2 * y[i] / 1e3) < 1e-8) }
  }

  @Test(arguments: counts)
  func `a distance adds epsilon to every difference, and its gradient goes both ways`(count: Int) {
    let (a, b) = (hashFilled("a", [count]).array, hashFilled("b", [count]).array)
    let expected = zip(a, b).reduce(0.0) {
      $0 + (Double($1.0) - Double($1.1) + 0.5) * (Double($1.0) - Double($1.1) + 0.5)
    }
    #expect(abs(Double(em_distance(a, b, 0.5, count)) / expected.squareRoot() - 1) < 1e-5)
    var (da, db) = (a, b)
    em_distance_backward(a, b, 0.5, 2, count, &da, &db)
    for i in a.indices {
      let part = 2 * (a[i] - b[i] + 0.5)
      #expect(abs(da[i] - (a[i] + part)) < 1e-5 && abs(db[i] - (b[i] - part)) < 1e-5)
    }
  }

  @Test(arguments: counts)
  func `the squared distance of probabilities and its gradient follow their definitions`(count: Int) {
    func probabilities(_ name: String) -> [Float] {
      let raw = hashFilled(name, [count], scale: 0.5, offset: 0.5).array
      return raw.map { $0 / raw.reduce(0, +) }
    }
    let (p, q) = (probabilities("p"), probabilities("q"))
    var gradient = p
    let distance = gradient.withUnsafeMutableBufferPointer {
      em_softmax_distance($0.baseAddress, q, 3, count, $0.baseAddress)
    }
    let differences = zip(p, q).map { Double($0) - Double($1) }
    let mean = zip(p, differences).reduce(0.0) { $0 + Double($1.0) * $1.1 }
    let expected = differences.reduce(0) { $0 + $1 * $1 }
    #expect(abs(Double(distance) - expected) < 1e-5 * expected + 1e-12)
    #expect(em_softmax_distance(p, q, 3, count, nil) == distance)
    for i in p.indices {
      #expect(abs(Double(gradient[i]) - 6 * Double(p[i]) * (differences[i] - mean)) < 1e-7)
    }
  }
}
