import ArgumentParser
import EmanateData
import Foundation

/// `DIR...` and how their files are read, for commands that look at every image once.
struct SweepOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Folders of PNG and JPEG files, flat or nested.", valueName: "dir"),
    completion: .directory)
  var folders: [String]

  @Option(
    help: "The most pixels of an image; a larger one is not decoded (configuration key `data.pixelLimit`).")
  var pixelLimit = 100_000_000

  @OptionGroup var threading: ThreadOptions

  func validate() throws {
    if pixelLimit < 1 { throw ValidationError("--pixel-limit: \(pixelLimit); at least 1") }
  }

  /// Does `work` with a sweep over the folders that shows its progress; an interrupt ends the command.
  func sweep<Outcome>(_ work: (FolderSweep) throws -> Outcome?) throws -> Outcome {
    threading.apply()
    let interruption = Interruption(answer: "stopping; once more ends it at once")
    var sweep = FolderSweep(try ImageFolder(folders))
    let progress = CountProgress("images", of: sweep.folder.count)
    defer { progress.finish() }
    sweep.decoder.pixelLimit = pixelLimit
    sweep.progress = { progress($0) }
    sweep.shouldStop = { interruption.isAsked }
    guard let outcome = try work(sweep) else { throw ExitCode(CommandFailure.Code.interrupted.rawValue) }
    return outcome
  }
}
