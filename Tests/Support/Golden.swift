import EmanateTensors
import Foundation

/// The path of a file below Tests/Golden.
public func goldenPath(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Golden").appendingPathComponent(name).path
}

/// ‖a − b‖ / ‖b‖ over all elements, in double precision; ‖a‖ where b is zero.
public func relativeError(_ a: Tensor, _ b: Tensor) -> Double {
  precondition(a.count == b.count, "relativeError: shapes \(a.shape) and \(b.shape)")
  var (difference, size) = (0.0, 0.0)
  for (x, y) in zip(a.array, b.array) {
    difference += (Double(x) - Double(y)) * (Double(x) - Double(y))
    size += Double(y) * Double(y)
  }
  return size == 0 ? difference.squareRoot() : (difference / size).squareRoot()
}

/// The greatest |a − b|.
public func greatestDifference(_ a: Tensor, _ b: Tensor) -> Double {
  zip(a.array, b.array).map { abs(Double($0) - Double($1)) }.max() ?? 0
}
