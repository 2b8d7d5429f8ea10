import EmanateMethods
import EmanateOptimization

/// How long each layer's gradient was at a step, and how far the student then lay from its teacher.
public struct LayerMeasures: Sendable {
  /// The norm of each layer's gradient before clipping, by `BackboneLayers.part(of:)`, in the order of the network.
  public let gradientNorms: [(layer: String, norm: Double)]
  /// ‖student − teacher‖ / ‖student‖ over all weights; nil for a method without a moving average.
  public let teacherDistance: Double?
}

extension TrainingStep {
  /// The measures of the last step: a sweep over its gradients, and one over both networks' weights.
  func layerMeasures(_ now: Moment) -> LayerMeasures {
    var squares: [(layer: String, square: Double)] = []
    let parameters = method.student.parameters
    for (parameter, length) in zip(parameters, GradientClipping.lengths(gradients, parameters)) {
      let layer = BackboneLayers.part(of: parameter.name)
      if let place = squares.firstIndex(where: { $0.layer == layer }) {
        squares[place].square += length * length
      } else {
        squares.append((layer, length * length))
      }
    }
    return LayerMeasures(
      gradientNorms: squares.map { ($0.layer, $0.square.squareRoot()) },
      teacherDistance: method.movingAverage(now).map { $0.store.relativeDistance(from: method.student) })
  }
}

extension Trainer {
  /// The measures' keys, the same in every line of a run; `null` where nothing was measured.
  func measured(_ layers: LayerMeasures?, _ now: Moment) -> [(String, JSONValue)] {
    if configuration.logging.layersEverySteps == .off { return [] }
    let distance: [(String, JSONValue)] =
      step.method.movingAverage(now) == nil
      ? [] : [("teacherDistance", .number(layers?.teacherDistance ?? .nan))]
    let norms = layers.map { JSONValue.numbers($0.gradientNorms.map { ($0.layer, $0.norm) }) }
    return [("layerGradientNorms", norms ?? .number(.nan))] + distance
  }
}
