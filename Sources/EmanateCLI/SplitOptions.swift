import ArgumentParser
import EmanateData

/// Two labelled folders, or one that is split: `--train DIR --test DIR` or `--data DIR --test-share 0.2`.
struct SplitOptions: ParsableArguments {
  @Option(
    help: "The labelled folder to learn from; its first folder level names the class.",
    completion: .directory)
  var train: String?

  @Option(help: "The labelled folder to test on, of the same classes.", completion: .directory)
  var test: String?

  @Option(help: "One labelled folder for both, instead of --train and --test.", completion: .directory)
  var data: String?

  @Option(help: "The share of each class of --data that is tested on, between 0 and 1.")
  var testShare = 0.2

  func validate() throws {
    let (two, one) = (train != nil && test != nil, data != nil)
    if one && (train != nil || test != nil) { throw ValidationError("--data excludes --train and --test") }
    if !one && !two { throw ValidationError("give --train DIR and --test DIR, or --data DIR") }
    if !(testShare > 0 && testShare < 1) {
      throw ValidationError("--test-share: \(testShare) is not between 0 and 1")
    }
  }

  /// The images of a comparison, listed before any work.
  func folders(seed: UInt64) throws -> LabelledFolders {
    if let data {
      let folder = try listing(data)
      let split = Split(labels: try folder.labels(), testShare: testShare, seed: seed)
      if split.test.isEmpty {
        throw CommandFailure(.data, "\(data): no class has two images, so none can be tested on")
      }
      return LabelledFolders(train: folder.selecting(split.train), test: folder.selecting(split.test))
    }
    let (train, test) = (try listing(self.train!), try listing(self.test!))
    _ = try train.labels()
    _ = try test.labels(among: train.classes)
    return LabelledFolders(train: train, test: test)
  }
}

/// What is learnt from and what is tested on; every image has a label among `train.classes`.
struct LabelledFolders {
  let train, test: ImageFolder
  var count: Int { train.count + test.count }
}
