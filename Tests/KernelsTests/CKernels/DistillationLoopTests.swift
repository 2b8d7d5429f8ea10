import CEmanateKernels
import EmanateKernels
import EmanateTensors
import TestSupport
import Testing

@Suite struct DistillationLoops {
  private func values(_ name: String, _ count: Int) -> [Double] {
    hashFilled(name, [count]).array.map(Double.init)
  }

  @Test(arguments: LossLoops.counts, [(0.0, 1.0), (0.3, 0.25), (-2, 30)])
  func `softmax and its logarithm are right to twelve digits`(
    count: Int, scaling: (shift: Double, factor: Double)
  ) {
    let x = hashFilled("x", [count], scale: 3).array
    var (logs, shares) = (Array(repeating: 0.0, count: count), Array(repeating: 0.0, count: count))
    em_log_softmax(x, scaling.shift, scaling.factor, count, &logs, &shares)
    let z = x.map { (Double($0) - scaling.shift) * scaling.factor }
    let top = z.max()!
    let sum = z.reduce(0) { $0 + exponential($1 - top) }
    for i in x.indices {
      #expect(abs(logs[i] - (z[i] - top - logarithm(sum))) < 1e-12 * max(1, abs(logs[i])))
      #expect(abs(shares[i] - exponential(z[i] - top) / sum) < 1e-12)
    }
  }

  @Test(arguments: [1, 7, 8, 9, 100])
  func `differences of angles and their slopes follow their definitions`(count: Int) {
    func numbers(_ side: String) -> [[Double]] {
      ["products", "vertex", "inverses"].map { values("\(side).\($0)", count) }
    }
    let (a, b) = (numbers("a"), numbers("b"))
    var (byProduct, byFirst) = (Array(repeating: 1.0, count: count), Array(repeating: 2.0, count: count))
    var (byCosine, sums) = (Array(repeating: 3.0, count: count), Array(repeating: 9.0, count: 3))
    func arm(_ x: [[Double]], _ rest: Double, _ inverse: Double, _ body: (em_angles) -> Void) {
      x[0].withUnsafeBufferPointer { products in
        x[1].withUnsafeBufferPointer { vertex in
          x[2].withUnsafeBufferPointer { inverses in
            body(
              em_angles(
                products: products.baseAddress, vertex: vertex.baseAddress, inverses: inverses.baseAddress,
                rest: rest, inverse: inverse))
          }
        }
      }
    }
    arm(a, 0.4, 1.7) { s in
      arm(b, -0.2, 1.1) { t in
        em_angle_differences(s, t, count, &byProduct, &byFirst, &byCosine, &sums)
      }
    }
    var expected = [0.0, 0.0, 0.0]
    for k in 0..<count {
      let scale = 1.7 * a[2][k]
      let cosine = (a[0][k] - a[1][k] + 0.4) * scale
      let d = cosine - (b[0][k] - b[1][k] - 0.2) * 1.1 * b[2][k]
      let (value, slope) = abs(d) < 1 ? (0.5 * d * d, d) : (abs(d) - 0.5, d < 0 ? -1 : 1)
      expected[0] += value
      expected[1] += slope * scale
      expected[2] += slope * cosine
      #expect(abs(byProduct[k] - 1 - slope * scale) < 1e-12)
      #expect(abs(byFirst[k] - 2 - slope * scale) < 1e-12)
      #expect(abs(byCosine[k] - 3 - slope * cosine) < 1e-12)
    }
    for (found, wanted) in zip(sums, expected) { #expect(abs(found - wanted) < 1e-11) }
  }
}
