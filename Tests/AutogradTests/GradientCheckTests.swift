import EmanateAutograd
import EmanateTensors
import Foundation
import TestSupport
import Testing

func fixedWeights(_ shape: Shape) -> Tensor { hashFilled("weights", shape) }

@Suite struct GradientCheckTests {
  @Test(arguments: Operation.all)
  func `a rule gives the slope of its operation`(operation: Operation) {
    let check = GradientCheck(
      inputs: operation.inputs, weights: fixedWeights, tracked: operation.tracked, step: operation.step,
      operation.function)
    for (index, error) in zip(operation.tracked, check.errors) {
      #expect(error < operation.tolerance, "input \(index)")
    }
  }

  @Test(arguments: Operation.all)
  func `gradients of an operation used twice add up`(operation: Operation) {
    let once = GradientCheck.gradients(
      inputs: operation.inputs, weights: fixedWeights, tracked: operation.tracked, operation.function)
    let twice = GradientCheck.gradients(
      inputs: operation.inputs, weights: fixedWeights, tracked: operation.tracked
    ) {
      add(operation.function($0), operation.function($0))
    }
    for (a, b) in zip(twice.gradients, once.gradients) {
      #expect(relativeError(a, Tensor(b.array.map { 2 * $0 }, b.shape)) < 1e-5)
    }
  }

  @Test(arguments: Operation.all)
  func `an input's gradient does not depend on who else wants one`(operation: Operation) {
    let all = GradientCheck.gradients(
      inputs: operation.inputs, weights: fixedWeights, tracked: operation.tracked, operation.function)
    for (place, index) in operation.tracked.enumerated() where !operation.dependents.contains(index) {
      let alone = GradientCheck.gradients(
        inputs: operation.inputs, weights: fixedWeights, tracked: [index], operation.function)
      #expect(relativeError(alone.gradients[0], all.gradients[place]) < 1e-6, "input \(index)")
    }
  }

  @Test(arguments: Operation.all)
  func `an operation leaves its inputs and what comes from above as they were`(operation: Operation) {
    let inputs = operation.inputs.map { $0.copied() }
    let tape = Tape()
    let variables = inputs.map { tape.variable($0) }
    let output = operation.function(variables)
    let seed = fixedWeights(output.shape)
    var none = Tensor(repeating: 0, [1])
    tape.backward(from: output, seed: seed, leavesInto: &none)
    #expect(seed.array == fixedWeights(output.shape).array)
    for (a, b) in zip(inputs, operation.inputs) { #expect(a.array == b.array) }
  }

  @Test(arguments: Operation.all)
  func `one, two and three threads give the same bytes`(operation: Operation) {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let result = GradientCheck.gradients(
          inputs: operation.inputs, weights: fixedWeights, tracked: operation.tracked, operation.function)
        return ([result.value] + result.gradients).map { $0.array }
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func `every rule in Sources/Autograd has an operation here that uses it`() throws {
    var used: Set<String> = []
    for operation in Operation.all {
      let tape = Tape()
      _ = operation.function(operation.inputs.map { tape.variable($0) })
      used.formUnion(tape.ruleNames)
    }
    let declared = try ruleNamesInSources()
    #expect(declared.count >= 15)
    #expect(declared.subtracting(used) == [], "rules without a check")
  }

  /// The strings in lines such as `static let name = "linear"`.
  private func ruleNamesInSources() throws -> Set<String> {
    let folder = repositoryRoot().appending(path: "Sources/Autograd")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?
      .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
    var names: Set<String> = []
    for file in files ?? [] {
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        if let match = line.firstMatch(of: /static let name = "(\w+)"/) { names.insert(String(match.1)) }
      }
    }
    return names
  }
}
