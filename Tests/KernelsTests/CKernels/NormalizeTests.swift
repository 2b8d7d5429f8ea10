import CEmanateKernels
import EmanateTensors
import TestSupport
import Testing

@Suite struct NormalizingLoops {
  static let shapes = [(1, 3), (2, 16), (5, 17), (7, 48), (3, 192), (64, 33)]

  @Test(arguments: shapes)
  func `layer normalisation and its gradients follow their definitions`(rows: Int, width: Int) {
    let x = hashFilled("x", [rows, width], scale: 2, offset: 0.5).array
    let (gamma, beta) = (
      hashFilled("g", [width], scale: 0.2, offset: 1).array, hashFilled("b", [width]).array
    )
    let dy = hashFilled("dy", [rows, width]).array
    var (y, again, dx) = (x, x, x)
    var (mean, deviation) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
    var (gammaSum, betaSum) = ([Float](repeating: 9, count: width), [Float](repeating: 9, count: width))
    em_layer_norm(x, nil, 0, rows, width, gamma, beta, 1e-6, &y, &mean, &deviation)
    em_layer_norm_again(x, nil, 0, rows, width, gamma, beta, mean, deviation, &again)
    #expect(y == again)
    em_layer_norm_backward(
      dy, x, nil, 0, rows, width, gamma, mean, deviation, &dx, 0, &gammaSum, &betaSum, 0)

    var (gammaOracle, betaOracle) = (
      [Double](repeating: 0, count: width), [Double](repeating: 0, count: width)
    )
    for row in 0..<rows {
      let part = (0..<width).map { Double(x[row * width + $0]) }
      let m = part.reduce(0, +) / Double(width)
      let s = 1 / (part.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(width) + 1e-6).squareRoot()
      let hat = part.map { ($0 - m) * s }
      let upstream = (0..<width).map { Double(dy[row * width + $0]) * Double(gamma[$0]) }
      let mean1 = upstream.reduce(0, +) / Double(width)
      let mean2 = zip(upstream, hat).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
      for i in 0..<width {
        let value = hat[i] * Double(gamma[i]) + Double(beta[i])
        let slope = s * (upstream[i] - mean1 - hat[i] * mean2)
        #expect(abs(Double(y[row * width + i]) - value) < 1e-5)
        #expect(abs(Double(dx[row * width + i]) - slope) < 1e-5 * max(1, s))
        gammaOracle[i] += Double(dy[row * width + i]) * hat[i]
        betaOracle[i] += Double(dy[row * width + i])
      }
    }
    for i in 0..<width {
      #expect(abs(Double(gammaSum[i]) - gammaOracle[i]) < 5e-5)
      #expect(abs(Double(betaSum[i]) - betaOracle[i]) < 2e-5)
    }

    var twice = dx
    let (gammaOnce, betaOnce) = (gammaSum, betaSum)
    em_layer_norm_backward(
      dy, x, nil, 0, rows, width, gamma, mean, deviation, &twice, 1, &gammaSum, &betaSum, 1)
    for i in 0..<width {
      #expect(abs(gammaSum[i] - 2 * gammaOnce[i]) < 1e-4)
      #expect(abs(betaSum[i] - 2 * betaOnce[i]) < 1e-4)
    }
    for i in dx.indices { #expect(abs(twice[i] - 2 * dx[i]) < 1e-5 * max(1, abs(dx[i]))) }
  }

  @Test func `layer normalisation of mapped rows equals that of the rows themselves`() {
    let (width, map) = (20, [Int32](arrayLiteral: 0, 2, 3))
    let x = hashFilled("x", [4, width]).array
    let compact = map.flatMap { row in x[Int(row) * width..<(Int(row) + 1) * width] }
    let (gamma, beta) = (hashFilled("g", [width]).array, hashFilled("b", [width]).array)
    var (mapped, plain) = ([Float](repeating: 0, count: 3 * width), [Float](repeating: 0, count: 3 * width))
    var (mean, deviation) = ([Float](repeating: 0, count: 3), [Float](repeating: 0, count: 3))
    em_layer_norm(x, map, 0, 3, width, gamma, beta, 1e-6, &mapped, &mean, &deviation)
    em_layer_norm(compact, nil, 0, 3, width, gamma, beta, 1e-6, &plain, &mean, &deviation)
    #expect(mapped == plain)
  }

  @Test(arguments: shapes)
  func `rows of length one and their gradient follow the definition`(rows: Int, width: Int) {
    let (x, dy) = (hashFilled("x", [rows, width]).array, hashFilled("dy", [rows, width]).array)
    var (y, dx, norms) = (x, x, [Float](repeating: 0, count: rows))
    em_l2_normalize(x, rows, width, 1e-12, &y, &norms)
    em_l2_normalize_backward(dy, y, norms, 1e-12, rows, width, &dx)
    for row in 0..<rows {
      let part = (0..<width).map { Double(x[row * width + $0]) }
      let length = part.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let dot = (0..<width).reduce(0.0) { $0 + Double(dy[row * width + $1]) * part[$1] / length }
      for i in 0..<width {
        #expect(abs(Double(y[row * width + i]) - part[i] / length) < 1e-6)
        let slope = (Double(dy[row * width + i]) - part[i] / length * dot) / length
        #expect(abs(Double(dx[row * width + i]) - slope) < 1e-5 * max(1, 1 / length))
      }
    }
  }

  @Test func `a row of zeros stays zero and its gradient is finite`() {
    let x = [Float](repeating: 0, count: 16)
    var (y, dx, norms) = (x, x, [Float(0)])
    em_l2_normalize(x, 1, 16, 1e-12, &y, &norms)
    em_l2_normalize_backward([Float](repeating: 1, count: 16), y, norms, 1e-12, 1, 16, &dx)
    #expect(y == x && dx.allSatisfy { $0.isFinite })
  }

  @Test(arguments: shapes)
  func `weight norm's factors and gradients follow equation 3`(rows: Int, width: Int) {
    let (v, dw) = (hashFilled("v", [rows, width]).array, hashFilled("dw", [rows, width]).array)
    let gain = hashFilled("gain", [rows], scale: 0.5, offset: 1).array
    var (factors, gainGradient) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
    em_weight_norm_factors(v, gain, rows, width, &factors)
    var dv = dw.indices.map { dw[$0] * factors[$0 / width] }
    em_weight_norm_backward(&dv, v, gain, rows, width, &gainGradient, nil)
    for row in 0..<rows {
      let part = (0..<width).map { Double(v[row * width + $0]) }
      let upstream = (0..<width).map { Double(dw[row * width + $0]) }
      let length = part.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let dg = zip(part, upstream).reduce(0) { $0 + $1.0 * $1.1 } / length
      let g = Double(gain[row])
      #expect(abs(Double(factors[row]) * length / g - 1) < 1e-6)
      #expect(abs(Double(gainGradient[row]) - dg) < 1e-5)
      for i in 0..<width {
        let expected = g / length * upstream[i] - g * dg / (length * length) * part[i]
        #expect(abs(Double(dv[row * width + i]) - expected) < 1e-5 * max(1, g / length))
      }
    }
    let previous = hashFilled("previous", [rows, width]).array
    var added = dw.indices.map { dw[$0] * factors[$0 / width] }
    em_weight_norm_backward(&added, v, gain, rows, width, nil, previous)
    for i in dv.indices { #expect(abs(added[i] - dv[i] - previous[i]) < 1e-5 * max(1, abs(dv[i]))) }
  }

  @Test func `columns are scaled from one place into another and nothing beside them changes`() {
    let x = hashFilled("x", [3, 40]).array
    let factors = hashFilled("f", [20]).array
    var y = [Float](repeating: 7, count: 3 * 30)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        em_scale_columns(x.baseAddress! + 5, 40, 3, 20, factors, y.baseAddress! + 4, 30)
      }
    }
    let expected = y.indices.map { (place: Int) -> Float in
      let (row, column) = (place / 30, place % 30 - 4)
      return (0..<20).contains(column) ? x[row * 40 + 5 + column] * factors[column] : 7
    }
    #expect(y == expected)
  }
}
