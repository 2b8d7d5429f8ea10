import EmanateData
import EmanateEvaluation
import Foundation

/// Features and labels of both parts of a comparison, and how long they took.
struct LabelledFeatures {
  let train, test: Features
  let trainLabels, testLabels: [Int]
  let classes: [String]
  /// To read and prepare the images and take their features.
  let seconds: Double

  var imagesPerSecond: Double { Double(train.count + test.count) / max(seconds, 1e-9) }
  var skipped: [SkippedFile] { train.skipped + test.skipped }

  init(_ folders: LabelledFolders, by source: FeatureSource, name: String) throws {
    let start = ProcessInfo.processInfo.systemUptime
    let progress = CountProgress(name, of: folders.count)
    train = try Features(of: folders.train, by: source) { progress($0) }
    test = try Features(of: folders.test, by: source) { progress(folders.train.count + $0) }
    progress.finish()
    classes = folders.train.classes
    trainLabels = try train.folder.labels()
    testLabels = try test.folder.labels(among: classes)
    seconds = ProcessInfo.processInfo.systemUptime - start
  }
}

/// A file that was left out, as JSON has it.
struct SkippedEntry: Encodable {
  let path, reason: String
  init(_ file: SkippedFile) { (path, reason) = (file.path, file.reason) }
}

/// Lists folders of images, with a warning for every folder inside them that cannot be listed.
func listing(_ roots: String...) throws -> ImageFolder {
  let folder = try ImageFolder(roots)
  warn(ofSkipped: folder.unlisted)
  return folder
}

/// Names up to ten files that were left out on standard error.
func warn(ofSkipped files: [SkippedFile]) {
  for file in files.prefix(10) { StandardError.warn("left out: \(file)") }
  if files.count > 10 { StandardError.warn("left out: \(files.count - 10) files more") }
}
