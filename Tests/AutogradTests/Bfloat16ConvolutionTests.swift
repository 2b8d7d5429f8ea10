import EmanateAutograd
import EmanateTensors
import TestSupport
import Testing

@Suite struct Bfloat16ConvolutionTests {
  private func nearest(_ x: Tensor) -> Tensor {
    Tensor(
      x.array.map { Float(bitPattern: ($0.bitPattern &+ 0x7FFF &+ ($0.bitPattern >> 16 & 1)) & 0xFFFF_0000) },
      x.shape)
  }

  @Test(arguments: Operation.shapes)
  func `a convolution rounds the operands of its products and nothing else`(
    shape: Operation.ConvolutionShape
  ) {
    let x = hashFilled("x", shape.input)
    let w = hashFilled("w", [shape.outputs, shape.input[3], shape.side, shape.side], scale: 0.3)
    func run(_ inputs: [Tensor], _ weights: @escaping (Shape) -> Tensor, _ precision: Precision) -> (
      value: Tensor, gradients: [Tensor]
    ) {
      GradientCheck.gradients(inputs: inputs, weights: weights) {
        convolution(
          FeatureMap($0[0]), $0[1], stride: shape.stride, padding: shape.padding, in: precision
        ).raw
      }
    }
    let rounded = run([x, w], fixedWeights, .bfloat16)
    let oracle = run([nearest(x), nearest(w)], { nearest(fixedWeights($0)) }, .float32)
    #expect(relativeError(rounded.value, oracle.value) < 2e-6)
    for (a, b) in zip(rounded.gradients, oracle.gradients) { #expect(relativeError(a, b) < 2e-6) }
    // The test can tell: in float32 the result is another.
    #expect(relativeError(rounded.value, run([x, w], fixedWeights, .float32).value) > 1e-4)
  }

  @Test func `what is pending on a map is done in float32 and rounded after it`() {
    let x = hashFilled("x", [2, 9, 8, 24], scale: 2, offset: 1)
    let (gain, bias) = (hashFilled("gain", [24], scale: 0.5, offset: 1), hashFilled("bias", [24]))
    let weight = Variable(hashFilled("w", [16, 24, 3, 3], scale: 0.1))
    let pending = FeatureMap(Variable(x)).normalized(
      statistics: hashFilled("statistics", [2, 24], scale: 0.2, offset: 1), isOwn: false,
      weight: Variable(gain), bias: Variable(bias), epsilon: 1e-5
    ).activated(.relu6)
    let done = FeatureMap(Variable(nearest(materialized(pending).value)))
    let rounded = convolution(pending, weight, padding: 1, moments: true, in: .bfloat16)
    let oracle = convolution(
      done, Variable(nearest(weight.value)), padding: 1, moments: true, in: .float32)
    #expect(relativeError(rounded.raw.value, oracle.raw.value) < 2e-6)
    #expect(relativeError(rounded.moments!, oracle.moments!) < 1e-5)
  }

  @Test func `the number of threads changes no bit`() {
    let (x, w) = (hashFilled("x", [5, 20, 19, 17]), hashFilled("w", [40, 17, 3, 3], scale: 0.2))
    func run(_ threads: Int) -> [[Float]] {
      withThreads(threads) {
        let found = GradientCheck.gradients(inputs: [x, w], weights: fixedWeights) {
          convolution(FeatureMap($0[0]), $0[1], stride: 2, padding: 1, in: .bfloat16).raw
        }
        return ([found.value] + found.gradients).map(\.array)
      }
    }
    let alone = run(1)
    #expect(run(2) == alone && run(3) == alone)
  }
}
