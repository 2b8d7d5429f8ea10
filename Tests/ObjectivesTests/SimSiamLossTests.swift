import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

@Suite struct SimSiamLossTests {
  private let predictions = hashFilled("predictions", [8, 24])
  private let projections = hashFilled("projections", [8, 24], scale: 0.3)

  @Test func `the loss is the mean of both directions' negative cosines`() {
    func cosine(_ p: Int, _ z: Int) -> Double {
      let a = predictions[rows: p..<p + 1].array.map(Double.init)
      let b = projections[rows: z..<z + 1].array.map(Double.init)
      func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
      return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
    }
    let first = (0..<4).reduce(0.0) { $0 - cosine($1, 4 + $1) / 4 }
    let second = (0..<4).reduce(0.0) { $0 - cosine(4 + $1, $1) / 4 }
    let loss = SimSiamLoss()(Variable(predictions), projections: projections, projectedViews: 2).scalar
    #expect(abs(Double(loss) - (first + second) / 2) < 1e-6)
  }

  @Test func `its gradient is the slope of the loss`() {
    let check = GradientCheck(inputs: [predictions], weights: { Tensor(repeating: 3, $0) }, step: 1e-2) {
      SimSiamLoss()($0[0], projections: projections, projectedViews: 2)
    }
    #expect(check.errors[0] < 2e-3)
  }

  @Test(arguments: [2, 5])
  func `it is BYOL's loss less 4, over 4`(views: Int) {
    let predictions = hashFilled("predictions", [views * 4, 24])
    func result(_ loss: (Variable) -> Variable) -> (value: Tensor, gradients: [Tensor]) {
      GradientCheck.gradients(inputs: [predictions], weights: { Tensor(repeating: 1, $0) }) { loss($0[0]) }
    }
    let simSiam = result { SimSiamLoss()($0, projections: projections, projectedViews: 2) }
    let byol = result { BYOLLoss()($0, targets: projections, targetViews: 2) }
    #expect(abs(simSiam.value.scalar - (byol.value.scalar - 4) / 4) < 1e-6)
    let quarter = Tensor(byol.gradients[0].array.map { $0 / 4 }, predictions.shape)
    #expect(relativeError(simSiam.gradients[0], quarter) < 1e-6)
  }
}
