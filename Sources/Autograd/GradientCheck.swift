import EmanateTensors

/// Compares the gradient rule of an operation with finite differences of its values.
///
/// Five points, f'(x) ≈ (8 (f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))) / 12 h: the error of the formula is
/// of order h⁴, so h can be wide enough for float32 values to differ in many digits.
package struct GradientCheck {
  /// The relative error ‖rule − differences‖ / ‖differences‖ of each input that wants a gradient, over the sampled
  /// elements and one direction through all of them.
  package let errors: [Double]

  /// Checks `operation` at `inputs`.
  ///
  /// - Parameters:
  ///   - weights: The output is compared through the sum of its elements times these.
  ///   - tracked: Which inputs want a gradient; the others are constants.
  ///   - step: h, for inputs of about size 1.
  ///   - samples: How many elements of each input are moved one by one.
  package init(
    inputs: [Tensor], weights: (Shape) -> Tensor, tracked: [Int]? = nil, step: Double = 2e-2,
    samples: Int = 32,
    _ operation: ([Variable]) -> Variable
  ) {
    let wanted = tracked ?? Array(inputs.indices)
    let (output, gradients) = Self.gradients(inputs: inputs, weights: weights, tracked: wanted, operation)
    let factors = weights(output.shape).array

    // The weighted output with `offsets` added to one input.
    func value(_ index: Int, _ offsets: [(place: Int, offset: Double)]) -> Double {
      var moved = inputs
      moved[index] = moved[index].copied()
      moved[index].withMutableElements { x in
        for (place, offset) in offsets { x[place] = Float(Double(x[place]) + offset) }
      }
      let y = operation(moved.map { Variable($0) }).value
      return zip(y.array, factors).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    func slope(_ index: Int, _ direction: [(place: Int, offset: Double)]) -> Double {
      func at(_ times: Double) -> Double {
        value(index, direction.map { ($0.place, $0.offset * times * step) })
      }
      return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    }

    errors = zip(wanted, gradients).map { index, gradient in
      let rule = gradient.array.map(Double.init)
      var (difference, size) = (0.0, 0.0)
      func compare(_ a: Double, _ b: Double) {
        difference += (a - b) * (a - b)
        size += b * b
      }
      let places = rule.count <= samples ? Array(rule.indices) : (0..<samples).map { $0 * 7919 % rule.count }
      for place in places { compare(rule[place], slope(index, [(place, 1)])) }
      // A direction near the gradient, so that its slope is large and errors of any element show.
      let length = (rule.reduce(0) { $0 + $1 * $1 } / Double(rule.count)).squareRoot()
      let direction = rule.indices.map {
        ($0, (length == 0 ? 0 : rule[$0] / length) * 0.5 + ($0 % 3 == 0 ? 0.5 : -0.25))
      }
      compare(direction.reduce(0) { $0 + $1.1 * rule[$1.0] }, slope(index, direction))
      return size == 0 ? difference.squareRoot() : (difference / size).squareRoot()
    }
  }

  /// An operation's value, and the gradients of its weighted sum by the inputs named in `tracked`.
  package static func gradients(
    inputs: [Tensor], weights: (Shape) -> Tensor, tracked: [Int]? = nil, _ operation: ([Variable]) -> Variable
  ) -> (value: Tensor, gradients: [Tensor]) {
    let wanted = tracked ?? Array(inputs.indices)
    let tape = Tape()
    let variables = inputs.enumerated().map {
      wanted.contains($0.offset) ? tape.variable($0.element) : Variable($0.element)
    }
    let output = operation(variables)
    var none = Tensor(repeating: 0, [1])
    tape.backward(from: output, seed: weights(output.shape), leavesInto: &none)
    return (
      output.value,
      wanted.map { tape.gradient(of: variables[$0]) ?? Tensor(repeating: 0, inputs[$0].shape) }
    )
  }
}
