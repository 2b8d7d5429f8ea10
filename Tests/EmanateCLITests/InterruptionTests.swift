import Foundation
import Testing

/// `emanate pretrain` as a process that is told to stop, or killed, and goes on.
@Suite(.serialized) struct InterruptionTests {
  private let folder: URL
  private let steps = 60

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    let quickstart = try Program.run(
      [
        "dataset", "fashion-mnist", "--source", try Self.sample(in: folder), "--out", "images", "--limit",
        "40",
      ],
      in: folder.path)
    try #require(quickstart.status == 0, "\(quickstart.errors)")
  }

  /// Two IDX pairs of forty 28 x 28 images, uncompressed, under the names of the Debian package.
  private static func sample(in folder: URL) throws -> String {
    let source = folder.appending(path: "idx")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    func bigEndian(_ numbers: [Int]) -> [UInt8] {
      numbers.flatMap { n in [24, 16, 8, 0].map { UInt8(n >> $0 & 255) } }
    }
    for part in ["train", "t10k"] {
      let images =
        bigEndian([0x803, 40, 28, 28]) + (0..<40 * 784).map { UInt8(($0 &* 2_654_435_761) >> 7 & 255) }
      let labels = bigEndian([0x801, 40]) + (0..<40).map { UInt8($0 % 10) }
      try Data(images).write(to: source.appending(path: "\(part)-images-idx3-ubyte.gz"))
      try Data(labels).write(to: source.appending(path: "\(part)-labels-idx1-ubyte.gz"))
    }
    return source.path
  }

  private func arguments(_ run: String, _ more: [String] = []) -> [String] {
    let settings = [
      "network.width=32", "network.depth=2", "network.heads=2", "head.hidden=32", "head.bottleneck=16",
      "head.prototypes=64", "training.batchSize=8", "training.steps=\(steps)",
      "training.checkpointEverySteps=10",
      "network.dropPath=0.2",
    ]
    return ["pretrain", "--data", "images/train", "--out", run, "--config", "pretrain/dino-fashion"]
      + settings.flatMap { ["--set", $0] } + more
  }

  /// Starts a run, waits until `lines` steps are logged, sends the signal, and gives the exit status.
  private func interrupt(_ run: String, after lines: Int, with signal: Int32) throws -> Int32 {
    let process = Process()
    process.executableURL = Program.executable
    process.arguments = arguments(run)
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    let metrics = folder.appending(path: "\(run)/metrics.jsonl")
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline, process.isRunning,
      ((try? String(contentsOf: metrics, encoding: .utf8))?.split(separator: "\n").count ?? 0) < lines
    { usleep(2000) }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    return process.terminationStatus
  }

  private func contents(_ run: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in ["metrics.jsonl", "skipped.jsonl", "config.yaml", "recipe.yaml"] {
      files[name] = try Data(contentsOf: folder.appending(path: "\(run)/\(name)"))
    }
    let last = folder.appending(path: "\(run)/checkpoints/step-\(steps)")
    for name in try FileManager.default.contentsOfDirectory(atPath: last.path) {
      files[name] = try Data(contentsOf: last.appending(path: name))
    }
    return files
  }

  @Test func `a run that is terminated or killed and resumed equals one that is not, byte for byte`() throws {
    #expect(try Program.run(arguments("whole"), in: folder.path).status == 0)
    let whole = try contents("whole")
    #expect(whole.count >= 9)

    #expect(try interrupt("terminated", after: 17, with: SIGTERM) == 130)
    let saved = try String(contentsOf: folder.appending(path: "terminated/checkpoints/last"), encoding: .utf8)
    #expect(saved != "step-\(steps)\n" && saved != "step-10\n", "it saved where it stopped: \(saved)")

    _ = try interrupt("killed", after: 25, with: SIGKILL)
    for run in ["terminated", "killed"] {
      let resumed = try Program.run(arguments(run, ["--resume"]), in: folder.path)
      #expect(resumed.status == 0, "\(resumed.errors)")
      let files = try contents(run)
      #expect(Set(files.keys) == Set(whole.keys))
      for (name, bytes) in whole { #expect(files[name] == bytes, "\(run): \(name)") }
    }
    let again = try Program.run(arguments("killed", ["--resume"]), in: folder.path)
    #expect(again.status == 0 && again.output.contains("All \(steps) steps were done already"), "\(again)")
    #expect(try contents("killed") == whole)
  }

  @Test func `what cannot be done is said in one line with the right exit status`() throws {
    let missing = try Program.run(["pretrain", "--data", "nowhere", "--out", "run"], in: folder.path)
    #expect(missing.status == 65 && missing.errors.contains("nowhere"), "\(missing)")
    let key = try Program.run(arguments("run", ["--set", "training.batchsize=3"]), in: folder.path)
    #expect(key.status == 64 && key.errors.contains("training.batchSize"), "\(key)")
    let small = try Program.run(arguments("run", ["--set", "training.batchSize=4000"]), in: folder.path)
    #expect(small.status == 65 && small.errors.contains("4000"), "\(small)")
    #expect(
      !FileManager.default.fileExists(atPath: folder.appending(path: "run").path), "nothing was written")
  }
}
