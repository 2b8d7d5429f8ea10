import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// −mean ln(distance to the nearest other row + 1e-8) of every crop, summed, all pairs tried, in double precision.
private func oracle(_ features: Tensor, crops: Int) -> Double {
  let (batch, width) = (features.shape[0] / crops, features.shape[1])
  let x = (0..<features.shape[0]).map { row -> [Double] in
    let values = features[rows: row..<row + 1].array.map(Double.init)
    let length = max(values.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-8)
    return values.map { $0 / length }
  }
  func distance(_ a: Int, _ b: Int) -> Double {
    (0..<width).reduce(0) { $0 + pow(x[a][$1] - x[b][$1] + 1e-8, 2) }.squareRoot()
  }
  return (0..<crops).reduce(0.0) { total, crop in
    let rows = crop * batch..<(crop + 1) * batch
    return rows.reduce(total) { sum, row in
      sum - log(rows.filter { $0 != row }.map { distance(row, $0) }.min()! + 1e-8) / Double(batch)
    }
  }
}

@Suite struct KoLeoLossTests {
  private func ones(_ shape: Shape) -> Tensor { Tensor(repeating: 1, shape) }

  @Test(arguments: [(crops: 1, batch: 2, width: 3), (2, 12, 40), (3, 7, 17), (2, 150, 24)])
  func `the loss is that of the nearest of all other rows of the crop`(
    sizes: (crops: Int, batch: Int, width: Int)
  ) {
    let features = hashFilled("features", [sizes.crops * sizes.batch, sizes.width], scale: 4)
    let loss = KoLeoLoss()(Variable(features), crops: sizes.crops)
    let expected = oracle(features, crops: sizes.crops)
    #expect(abs(Double(loss.scalar) - expected) < 1e-5 * max(1, abs(expected)))
  }

  @Test(arguments: [(crops: 1, batch: 6, width: 12), (2, 9, 20)])
  func `its gradient is the slope of the loss, for a row and for those whose neighbour it is`(
    sizes: (crops: Int, batch: Int, width: Int)
  ) {
    // Threes in a line, the second nearer to the first than to the third, so that no small step changes a neighbour.
    let (rows, width) = (sizes.crops * sizes.batch, sizes.width)
    let (bases, offsets) = (hashFilled("bases", [rows, width]).array, hashFilled("offsets", [width]).array)
    let features = (0..<rows * width).map { place -> Float in
      let (row, column) = place.quotientAndRemainder(dividingBy: width)
      return bases[row / 3 * width + column] + [0, 0.3, 0.8][row % 3] * offsets[column]
    }
    let check = GradientCheck(
      inputs: [Tensor(features, [rows, width])], weights: { Tensor(repeating: 2, $0) }, step: 4e-3,
      samples: rows * width
    ) { KoLeoLoss()($0[0], crops: sizes.crops) }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `views of one image are not driven apart`() {
    let crop = hashFilled("features", [6, 16]).array
    let once = KoLeoLoss()(Variable(Tensor(crop, [6, 16])), crops: 1).scalar
    let twice = KoLeoLoss()(Variable(Tensor(crop + crop, [12, 16])), crops: 2).scalar
    #expect(abs(twice - 2 * once) < 1e-6)
  }

  @Test(arguments: [2, 3, 8])
  func `equal rows are the square root of the width times 1e-8 apart and give finite gradients`(copies: Int) {
    let features = Tensor((0..<copies).flatMap { _ in hashFilled("row", [25]).array }, [copies, 25])
    let result = GradientCheck.gradients(inputs: [features], weights: ones) { KoLeoLoss()($0[0], crops: 1) }
    #expect(abs(result.value.scalar + Float(log(5e-8 + 1e-8))) < 1e-4)
    #expect(result.gradients[0].array.allSatisfy { $0.isFinite })
  }

  @Test func `features of length 0 give finite numbers`() {
    let result = GradientCheck.gradients(inputs: [Tensor(repeating: 0, [4, 8])], weights: ones) {
      KoLeoLoss()($0[0], crops: 1)
    }
    #expect(result.value.scalar.isFinite && result.gradients[0].array.allSatisfy { $0.isFinite })
  }

  @Test func `features that are not numbers give a loss that is not one`() {
    for features in [Tensor(repeating: .nan, [4, 8]), Tensor([.nan] + hashFilled("x", [31]).array, [4, 8])] {
      #expect(KoLeoLoss()(Variable(features), crops: 1).scalar.isNaN)
    }
  }

  @Test func `one, two and three threads give the same loss and gradient`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let result = GradientCheck.gradients(inputs: [hashFilled("features", [260, 48])], weights: ones) {
          KoLeoLoss()($0[0], crops: 2)
        }
        return [result.value.array, result.gradients[0].array]
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
