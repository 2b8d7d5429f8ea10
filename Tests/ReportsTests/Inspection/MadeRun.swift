import Foundation

/// A run's folder made up for a test, removed with the value.
final class MadeRun {
  let path: String

  /// A healthy DINO run of so many steps, or what `line` makes of each.
  init(
    steps: Int, settings: String = "head: {prototypes: 64}\n", name: String = "run",
    line: (Int) -> String = MadeRun.healthy
  ) throws {
    path = NSTemporaryDirectory() + "emanate-\(UUID().uuidString)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try write((0..<steps).map { line($0) + "\n" }.joined(), "metrics.jsonl")
    try write(settings, "config.yaml")
    try write(
      "{\"step\":49,\"steps\":50,\"seconds\":10,\"waitingSeconds\":3,\"imagesPerSecond\":320}\n",
      "times.jsonl")
  }

  deinit { try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent) }

  func write(_ text: String, _ name: String) throws {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
  }

  static func healthy(_ step: Int) -> String {
    let fall = 4.2 / (1 + 0.01 * Double(step))
    let isLook = step % 50 == 0
    let layers =
      isLook ? "{\"stem\":0.1,\"blocks.0\":0.2,\"blocks.10\":0.4,\"blocks.2\":0.3,\"head\":1}" : "null"
    return """
      {"step":\(step),"epoch":0,"loss":\(fall),"gradientNorm":1.5,"learningRate":0.001,"weightDecay":0.04,\
      "teacherMomentum":0.996,"teacherTemperature":0.04,"teacherEntropy":\(0.8 * fall),"meanTargetEntropy":4.1,\
      "teacherStudentKL":\(0.2 * fall),"lossOverLogPrototypes":0.5,"prototypesUsed":0.9,\
      "studentDeviation":\(isLook ? "0.6" : "null"),"studentRank":\(isLook ? "9" : "null"),\
      "collapse":\(isLook ? step < 100 ? "\"notStarted\"" : "\"healthy\"" : "null"),"layerGradientNorms":\(layers),\
      "teacherDistance":\(isLook ? "0.01" : "null"),"knnTop1":\(isLook ? "\(40 + Double(step) / 100)" : "null")}
      """
  }

  /// A run whose watch says the same thing from step 50 on.
  static func collapsed(_ verdict: String) -> (Int) -> String {
    { step in
      healthy(step).replacing(
        "\"collapse\":\"\(step < 100 ? "notStarted" : "healthy")\"", with: "\"collapse\":\"\(verdict)\"")
    }
  }
}
