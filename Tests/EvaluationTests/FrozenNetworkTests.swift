import EmanateAugmentations
import EmanateEvaluation
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

@Suite struct FrozenNetworkTests {
  static let architectures: [any Architecture] = [
    ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 12, side: 16),
    ResNetSizes(.bottleneck, [1, 1, 1, 1], stem: .cifar, channels: 8, side: 16),
    MobileNetV2Sizes(side: 32),
  ]

  @Test(arguments: architectures.indices)
  func `convolutions give an image the same bits whatever stands beside it`(index: Int) {
    let architecture = Self.architectures[index]
    let side = architecture.side
    let network = FrozenNetwork(random: architecture, side: side, preparation: .imageNet, seed: 3)
    #expect(network.keepsImagesApart)
    let (images, length) = (13, 3 * side * side)
    let values = hashFilled("images", [images, side * side, 3]).array
    func features(_ order: [Int]) -> [[Float]] {
      let batch = order.flatMap { values[$0 * length..<($0 + 1) * length] }
      let rows = network.features(Tensor(batch, [order.count, side * side, 3])).array
      return order.indices.map { Array(rows[$0 * network.width..<($0 + 1) * network.width]) }
    }
    let expected = features(Array(0..<images))
    let turned = Array((0..<images).reversed())
    #expect(features(turned) == turned.map { expected[$0] })
    #expect(features([5, 0, 12]) == [expected[5], expected[0], expected[12]])
    #expect(features([7]) == [expected[7]])
  }

  @Test func `a fingerprint follows from the numbers and from what is computed with them`() {
    let architecture = Self.architectures[0]
    func print(seed: UInt64, _ preparation: ImagePreparation = .imageNet) -> String {
      FrozenNetwork(random: architecture, side: 16, preparation: preparation, seed: seed).fingerprint
    }
    #expect(print(seed: 1) == print(seed: 1) && print(seed: 1).count == 16)
    #expect(print(seed: 1) != print(seed: 2))
    var other = ImagePreparation.imageNet
    other.normalization = Normalization(mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
    #expect(print(seed: 1) != print(seed: 1, other))
  }
}
