import EmanateAutograd
import EmanateKernels
import EmanateNetworks
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

@Suite struct PrecisionTests {
  /// The gradients of a small DINO's loss, and the loss.
  private func gradients(_ precision: Precision, recomputes: Bool = false) -> (ParameterStore, Tensor, Float)
  {
    let scope = ParameterScope()
    let sizes = VisionTransformerSizes(width: 64, depth: 3, heads: 2, patch: 4, side: 32, dropPath: 0.2)
    let encoder = Encoder(
      scope, backbone: VisionTransformer(scope, sizes),
      head: DINOHeadSizes(hidden: 128, bottleneck: 32, prototypes: 256))
    let store = ParameterStore(scope)
    store.initialize(seed: 4)
    let groups = [(16, 64), (32, 16)].map { views, patches in
      hashFilled("views \(patches)", [views, patches, 48], scale: 2)
    }
    let tape = Tape()
    let pass = Pass(
      store, tape: tape, mode: .training, seed: 1, step: 3,
      memory: recomputes ? .recomputesBlocks : .keepsActivations, precision: precision)
    let teacher = encoder([groups[0]], Pass(store, mode: .evaluation, precision: precision)).value
    var criterion = DINOLoss(prototypes: 256)
    let loss = criterion(
      student: encoder(groups, pass), teacher: teacher, globalViews: 2, teacherTemperature: 0.07)
    var flat = Tensor(repeating: 0, store.flatShape)
    tape.backward(from: loss, leavesInto: &flat)
    return (store, flat, loss.scalar)
  }

  @Test func `gradients in bfloat16 point where those in float32 do`() {
    let (store, rounded, loss) = gradients(.bfloat16)
    let (_, plain, expected) = gradients(.float32)
    #expect(loss != expected && abs(loss - expected) < 2e-3)
    for parameter in store.parameters where parameter.isTrained {
      let (a, b) = (rounded[of: parameter].array, plain[of: parameter].array)
      func dot(_ x: [Float], _ y: [Float]) -> Double {
        zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
      #expect(cosine > 0.999, "\(parameter.name): \(cosine)")
      #expect(a != b, "\(parameter.name)")
    }
  }

  @Test func `blocks computed twice give the same bits in bfloat16 too`() {
    #expect(gradients(.bfloat16).1.array == gradients(.bfloat16, recomputes: true).1.array)
  }
}
