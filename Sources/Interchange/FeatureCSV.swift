import EmanateTensors

/// Writes features as comma-separated text: a line per image, its path first (RFC 4180).
public enum FeatureCSV {
  /// features: [N, D], paths: N of them. The columns are `path`, `f0`, `f1`, ...
  ///
  /// Each number has as many digits as it takes to read back the same float32. Lines end with a newline
  /// alone.
  public static func write(
    paths: [String], features: Tensor, to path: String, synchronized: Bool = false
  ) throws(FileFailure) {
    precondition(
      features.shape.rank == 2 && features.shape[0] == paths.count,
      "FeatureCSV: \(paths.count) paths for features of shape \(features.shape)")
    let width = features.shape[1]
    var writer = try FileWriter(path)
    try writer.write("path" + (0..<width).map { ",f\($0)" }.joined() + "\n")
    for (row, name) in paths.enumerated() {
      let numbers = features[rows: row..<row + 1].array
      try writer.write(quoted(name) + numbers.map { ",\($0)" }.joined() + "\n")
    }
    try writer.close(synchronized: synchronized)
  }

  /// A field as RFC 4180 wants it: in quotes, with inner quotes doubled, if it holds a comma, a quote or a
  /// line end.
  public static func quoted(_ field: String) -> String {
    let needsQuotes = field.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
    return needsQuotes ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
  }
}
