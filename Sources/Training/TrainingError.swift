/// Why training stopped.
public enum TrainingError: Error, CustomStringConvertible {
  /// The loss became infinite or not a number; the last good checkpoint stays.
  case lossNotFinite(step: Int, value: Double)

  public var description: String {
    switch self {
    case .lossNotFinite(let step, let value):
      "the loss at step \(step) is \(value); nothing was changed by that step, and the last checkpoint stays"
    }
  }
}
