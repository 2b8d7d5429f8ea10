import EmanateNetworks
import EmanateOptimization
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// What Tests/Golden/optimizers/make_optimizers.py wrote.
private struct GoldenOptimizers: Decodable {
  let rates, decays: [Double]
  let peak: Double
  let shapes: [String: [Int]]
  let cases: [String: [[String: [Double]]]]

  static func read() throws -> GoldenOptimizers {
    try JSONDecoder().decode(
      GoldenOptimizers.self,
      from: Data(contentsOf: URL(fileURLWithPath: goldenPath("optimizers/optimizers.json"))))
  }

  /// The script's weights: made from names, but zero for `zero.weight`.
  func store() -> ParameterStore {
    let scope = ParameterScope()
    for (name, sizes) in shapes.sorted(by: { $0.key < $1.key }) {
      _ = scope.parameter(name, Shape(sizes), .zeros)
    }
    let store = ParameterStore(scope)
    for parameter in store.parameters where parameter.name != "zero.weight" {
      store.set(parameter, to: hashFilled(parameter.name, parameter.shape))
    }
    return store
  }

  /// The script's gradients: made from names, but zero for `still.weight`.
  func gradients(_ store: ParameterStore, step: Int) -> Tensor {
    var flat = Tensor(repeating: .nan, store.flatShape)
    flat.withMutableElements { to in
      for parameter in store.parameters {
        let scale: Float = parameter.name == "still.weight" ? 0 : 1
        let values = hashFilled("\(parameter.name).\(step)", parameter.shape, scale: scale).array
        for (i, value) in values.enumerated() { to[parameter.part.lowerBound + i] = value }
      }
    }
    return flat
  }
}

/// An optimizer of a golden case, and how its gradients are clipped.
private struct Form: Sendable {
  let name: String
  var clipping = GradientClipping.off
  let make: @Sendable (ParameterStore) -> any Optimizer

  static let rules: ParameterRules = {
    var rules = ParameterRules()
    (rules.layerDecay, rules.patchEmbedRate, rules.rates) = (0.9, 0.2, ["last_layer": 0.5])
    (rules.constantRates, rules.undecayed) = (["predictor"], ["cls_token"])
    return rules
  }()

  static func sgd(
    _ momentum: Double = 0.9, nesterov: Bool = false, _ rules: ParameterRules = ParameterRules()
  )
    -> @Sendable (ParameterStore) -> any Optimizer
  {
    var options = SGD.Options()
    (options.momentum, options.isNesterov) = (momentum, nesterov)
    return { [options] in SGD($0, options, rules: rules) }
  }

  static func lars(_ ratio: LARS.Ratio, _ eta: Double, clips: Bool = false, nesterov: Bool = false)
    -> @Sendable (ParameterStore) -> any Optimizer
  {
    var options = LARS.Options()
    (options.ratio, options.trustCoefficient) = (ratio, eta)
    (options.clips, options.isNesterov) = (clips, nesterov)
    return { [options] in LARS($0, options) }
  }

  static let all: [Form] = [
    Form(name: "sgd without momentum", make: sgd(0)), Form(name: "sgd", make: sgd()),
    Form(name: "sgd nesterov", make: sgd(nesterov: true)), Form(name: "sgd rules", make: sgd(0.9, rules)),
    Form(name: "sgd clipped", clipping: .perParameter(norm: 0.5), make: sgd()),
    Form(name: "sgd clipped globally", clipping: .global(norm: 1.5), make: sgd()),
    Form(name: "adamw", make: { AdamW($0) }),
    Form(name: "adamw rules", make: { AdamW($0, rules: rules) }),
    Form(name: "lars", make: { LARS($0) }),
    Form(name: "lars nesterov", make: lars(.update, 0.02, nesterov: true)),
    Form(name: "lars sum", make: lars(.sum, 0.02)),
    Form(name: "lars clip", make: { LARS($0, .soloLearn) }),
    Form(name: "lars clip at the rate", make: lars(.sum, 0.2, clips: true)),
    Form(name: "lars clip nesterov", make: lars(.sum, 0.02, clips: true, nesterov: true)),
    Form(name: "lars clipped", clipping: .perParameter(norm: 0.5), make: { LARS($0) }),
  ]
}

@Suite struct OptimizerGolden {
  /// The greatest difference of any weight after two and after five steps.
  private func difference(_ golden: GoldenOptimizers, _ form: Form, against name: String) throws -> Double {
    let store = golden.store()
    var optimizer = form.make(store)
    let expected = try #require(golden.cases[name])
    var greatest = 0.0
    for step in golden.rates.indices {
      optimizer.step(
        store, gradients: golden.gradients(store, step: step),
        at: StepRates(
          learningRate: golden.rates[step], constantRate: golden.peak, weightDecay: golden.decays[step]),
        clipping: form.clipping, followedBy: nil
      ) { _ in false }
      guard step == 1 || step == 4 else { continue }
      for (parameter, value) in expected[step == 1 ? 0 : 1] {
        let place = try #require(store.parameter(named: parameter))
        for (found, value) in zip(store[place].array, value) {
          greatest = max(greatest, abs(Double(found) - value))
        }
      }
    }
    return greatest
  }

  @Test(arguments: Form.all.indices)
  func `five steps end where PyTorch's and the authors' definitions in double precision do`(index: Int) throws
  {
    let (golden, form) = (try GoldenOptimizers.read(), Form.all[index])
    let difference = try difference(golden, form, against: form.name)
    #expect(difference <= 8e-7, "\(form.name): \(difference)")
    print("optimizer \(form.name): greatest difference \(difference)")
  }

  @Test func `no golden case is left out, and no other one passes for it`() throws {
    let golden = try GoldenOptimizers.read()
    #expect(Set(golden.cases.keys) == Set(Form.all.map { $0.name }))
    for form in Form.all {
      for other in golden.cases.keys where other != form.name {
        #expect(try difference(golden, form, against: other) > 1e-5, "\(form.name) passes for \(other)")
      }
    }
  }
}
