import CEmanateKernels
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct OptimizingLoops {
  @Test(arguments: [1, 15, 16, 17, 1000])
  func `three AdamW updates follow algorithm 2 in double precision`(count: Int) {
    var w = hashFilled("w", [count]).array
    var (m, v) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    var (wide, first, second) = (w.map(Double.init), m.map(Double.init), v.map(Double.init))
    let (rate, decay, clip) = (1e-3, 0.1, 0.5)
    for step in 1...3 {
      let gradient = hashFilled("g\(step)", [count]).array
      let (correction1, correction2) = (1 - pow(0.9, Double(step)), 1 - pow(0.999, Double(step)))
      em_adamw(
        &w, gradient, &m, &v, count, Float(clip), Float(rate), Float(decay), 0.999, 0.1, 0.001, 1e-8,
        Float(correction1), Float(correction2))
      for i in 0..<count {
        let g = Double(gradient[i]) * clip
        first[i] = 0.9 * first[i] + 0.1 * g
        second[i] = 0.999 * second[i] + 0.001 * g * g
        let step = first[i] / correction1 / ((second[i] / correction2).squareRoot() + 1e-8)
        wide[i] = wide[i] * (1 - rate * decay) - rate * step
      }
    }
    for i in 0..<count {
      #expect(abs(Double(w[i]) - wide[i]) < 5e-7)
      #expect(abs(Double(m[i]) - first[i]) < 1e-6 && abs(Double(v[i]) - second[i]) < 1e-7)
    }
  }

  @Test func `a zero gradient moves a weight by its decay alone`() {
    var (w, m, v) = (
      [Float](repeating: 2, count: 20), [Float](repeating: 0, count: 20), [Float](repeating: 0, count: 20)
    )
    em_adamw(
      &w, [Float](repeating: 0, count: 20), &m, &v, 20, 1, 0.1, 0.5, 0.999, 0.1, 0.001, 1e-8, 0.1, 0.001)
    #expect(w.allSatisfy { abs($0 - 1.9) < 1e-6 })
  }

  @Test(arguments: [1, 15, 16, 17, 1000])
  func `three steps with momentum follow PyTorch's definition in double precision`(count: Int) {
    for (own, past) in [(0.0, 1.0), (1.0, 0.9)] {
      var w = hashFilled("w", [count]).array
      var b = [Float](repeating: 0, count: count)
      var (wide, direction) = (w.map(Double.init), b.map(Double.init))
      for step in 1...3 {
        let gradient = hashFilled("g\(step)", [count]).array
        em_sgd(&w, gradient, &b, count, 0.5, 0.1, 0.3, 0.2, 0.9, Float(own), Float(past))
        for i in 0..<count {
          let g = (Double(gradient[i]) * 0.5 + 0.1 * wide[i]) * 0.3
          direction[i] = 0.9 * direction[i] + g
          wide[i] -= 0.2 * (own * g + past * direction[i])
        }
      }
      for i in 0..<count {
        #expect(abs(Double(w[i]) - wide[i]) < 5e-7 && abs(Double(b[i]) - direction[i]) < 5e-7)
      }
    }
  }

  @Test(arguments: [1, 16, 17, 4096, 9001])
  func `the squares of a decayed gradient add up`(count: Int) {
    let (w, g) = (hashFilled("w", [count]).array, hashFilled("g", [count]).array)
    let expected = zip(w, g).reduce(0.0) { $0 + pow(0.5 * Double($1.1) + 0.1 * Double($1.0), 2) }
    var weights = 0.0
    #expect(abs(em_squares_with_decay(w, g, count, 0.5, 0.1, &weights) / expected - 1) < 1e-6)
    #expect(weights == em_sum_of_squares(w, count))
  }

  @Test(arguments: [1, 17, 500])
  func `the teacher's average is a weighted mean`(count: Int) {
    let (before, student) = (hashFilled("t", [count]).array, hashFilled("s", [count]).array)
    var teacher = before
    em_ema(&teacher, student, count, 0.996, 0.004)
    for i in 0..<count {
      let expected = 0.996 * Double(before[i]) + 0.004 * Double(student[i])
      #expect(abs(Double(teacher[i]) - expected) < 1e-7)
    }
  }
}
