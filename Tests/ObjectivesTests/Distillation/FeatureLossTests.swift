import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Hints, attention transfer and variational information against their formulas written out.
@Suite struct FeatureLossTests {
  @Test(arguments: [[4], [3, 5], [2, 3, 3, 7], [5, 70, 70]] as [Shape])
  func `a hint is the mean squared difference of all elements`(shape: Shape) {
    let (x, y) = (hashFilled("student", shape), hashFilled("teacher", shape))
    let expected = mean(zip(x.array, y.array).map { pow(Double($0) - Double($1), 2) })
    #expect(isNear(HintLoss()(student: Variable(x), teacher: y).scalar, expected))
  }

  /// The attention of one image's map [H, W, C], averaged over windows, of length 1.
  private func attention(_ x: Tensor, _ image: Int, to small: (Int, Int)) -> [Double] {
    let (H, W, C) = (x.shape[1], x.shape[2], x.shape[3])
    let places = doubles(x)[image * H * W..<(image + 1) * H * W].map { dot($0, $0) }
    #expect(places.count == H * W && C > 0)
    let (down, across) = (H / small.0, W / small.1)
    return unit(
      (0..<small.0 * small.1).map { place in
        let (row, column) = place.quotientAndRemainder(dividingBy: small.1)
        return mean(
          (0..<down * across).map { places[(row * down + $0 / across) * W + column * across + $0 % across] })
      })
  }

  @Test(
    arguments: [
      ([3, 4, 4, 5], [3, 4, 4, 2]), ([2, 2, 3, 4], [2, 6, 3, 7]), ([2, 8, 4, 3], [2, 2, 2, 6]),
    ] as [(Shape, Shape)])
  func `attention transfer is the mean distance of normalised attention, the larger map pooled`(
    shapes: (student: Shape, teacher: Shape)
  ) {
    let (x, y) = (hashFilled("student", shapes.student), hashFilled("teacher", shapes.teacher))
    let small = (min(x.shape[1], y.shape[1]), min(x.shape[2], y.shape[2]))
    let expected = mean(
      (0..<x.shape[0]).map { image in
        let (q, r) = (attention(x, image, to: small), attention(y, image, to: small))
        return zip(q, r).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
      })
    let loss = AttentionTransferLoss()
    #expect(isNear(loss(student: Variable(x), teacher: y).scalar, expected))
    let check = GradientCheck(
      inputs: [x], weights: { Tensor(repeating: 1, $0) }, step: 1e-2, samples: x.count
    ) { loss(student: $0[0], teacher: y) }
    #expect(check.errors[0] < 1e-3)
  }

  @Test func `maps can be compared where one is a whole multiple of the other`() {
    func can(_ a: Shape, _ b: Shape) -> Bool { AttentionTransferLoss.canCompare(a, b) }
    #expect(can([2, 4, 4, 3], [2, 4, 4, 9]) && can([2, 4, 8, 3], [2, 2, 2, 9]))
    #expect(can([2, 2, 2, 9], [2, 4, 8, 3]) && can([2, 9], [2, 9]))
    #expect(!can([2, 4, 4, 3], [3, 4, 4, 3]) && !can([2, 4, 4, 3], [2, 3, 3, 3]))
    #expect(!can([2, 4, 2, 3], [2, 2, 4, 3]) && !can([2, 9], [2, 16]) && !can([2, 16], [2, 4, 4, 1]))
  }

  @Test(arguments: [[6, 5], [2, 3, 4, 5], [700, 3]] as [Shape])
  func `variational information is the teacher's density with a variance for each channel`(shape: Shape) {
    let (x, y) = (hashFilled("student", shape), hashFilled("teacher", shape))
    let alpha = hashFilled("alpha", [shape[-1]], scale: 4)
    let expected = mean(
      zip(doubles(x), doubles(y)).flatMap { row in
        zip(zip(row.0, row.1), alpha.array).map { pair, a in
          let variance = log(1 + exp(Double(a))) + 1e-5
          return 0.5 * (pow(pair.1 - pair.0, 2) / variance + log(variance))
        }
      })
    let loss = VariationalInformationLoss()
    #expect(isNear(loss(mean: Variable(x), alpha: Variable(alpha), teacher: y).scalar, expected))
  }

  @Test func `its gradients by means and alphas are the slopes of the loss, each alone too`() {
    let inputs = [hashFilled("student", [6, 5]), hashFilled("alpha", [5], scale: 2)]
    let teacher = hashFilled("teacher", [6, 5])
    for tracked in [[0, 1], [0], [1]] {
      let check = GradientCheck(
        inputs: inputs, weights: { Tensor(repeating: 3, $0) }, tracked: tracked, step: 1e-2
      ) { VariationalInformationLoss()(mean: $0[0], alpha: $0[1], teacher: teacher) }
      for error in check.errors { #expect(error < 1e-3) }
    }
  }

  @Test func `far alphas and equal features give finite numbers`() {
    let y = hashFilled("teacher", [4, 3])
    let result = GradientCheck.gradients(
      inputs: [y, Tensor([-200, 0, 200], [3])], weights: { Tensor(repeating: 1, $0) }
    ) { VariationalInformationLoss()(mean: $0[0], alpha: $0[1], teacher: y) }
    #expect(result.value.scalar.isFinite)
    #expect(result.gradients[0].array.allSatisfy { $0 == 0 })
    #expect(result.gradients[1].array.allSatisfy { $0.isFinite })
  }

  @Test(arguments: [Float(0.01), 1, 5, 50])
  func `an alpha gives the variance it was asked for`(variance: Float) {
    let alpha = Double(VariationalInformationLoss.alpha(variance: variance))
    #expect(abs(log(1 + exp(alpha)) + 1e-5 - Double(variance)) < 1e-6 * Double(variance))
  }

  @Test func `one, two and three threads give the same bits of variational information`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let result = GradientCheck.gradients(
          inputs: [hashFilled("student", [900, 7]), hashFilled("alpha", [7])],
          weights: { Tensor(repeating: 1, $0) }
        ) {
          VariationalInformationLoss()(
            mean: $0[0], alpha: $0[1], teacher: hashFilled("teacher", [900, 7]))
        }
        return result.value.array + result.gradients.flatMap { $0.array }
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
