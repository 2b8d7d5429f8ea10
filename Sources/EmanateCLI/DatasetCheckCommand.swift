import ArgumentParser
import EmanateData
import Foundation

/// `emanate dataset check`: what a run would skip, and what is there twice.
struct DatasetCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Decodes every file of folders and says what is unreadable, and what is there twice.",
    discussion: """
      A file repeats an earlier one byte for byte, pixel for pixel (as decoded, without alpha), or nearly: the same
      picture resized or stored with loss. Of several folders, training images first, those of a later one that repeat
      one of an earlier one are named before all others. Nothing is changed.
      """,
    examples: [
      "emanate dataset check labelled/train labelled/test"
    ])

  @OptionGroup var reading: SweepOptions
  @Flag(name: .customLong("no-near"), help: "Look for files that are the same only, not for those nearly so.")
  var noNear = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let start = ProcessInfo.processInfo.systemUptime
    let check = try reading.sweep { FolderCheck($0, near: !noNear) }
    let seconds = ProcessInfo.processInfo.systemUptime - start
    output.result(
      Report(check, near: !noNear, seconds: seconds), text: FolderCheckText(check, near: !noNear).text)
  }

  private struct Report: Encodable {
    struct Repetition: Encodable {
      let path, repeats: String
      let likeness: FolderCheck.Likeness
      let across_folders, across_classes: Bool
    }

    let images, unreadable: Int
    let files: [SkippedEntry]
    let duplicates: [Repetition]
    let near: Bool
    let across_folders, across_classes: Int
    let blank: [String]
    let formats, classes: [String: Int]
    let sizes: [String: [Int]]
    let seconds: Double

    init(_ check: FolderCheck, near: Bool, seconds: Double) {
      let entries = check.folder.entries
      images = check.images
      unreadable = check.unreadable.count
      files = check.unreadable.map(SkippedEntry.init)
      duplicates = check.duplicates.map {
        Repetition(
          path: entries[$0.row].path, repeats: entries[$0.original].path, likeness: $0.likeness,
          across_folders: $0.isAcrossFolders, across_classes: $0.isAcrossClasses)
      }
      across_folders = check.duplicates.count { $0.isAcrossFolders }
      across_classes = check.duplicates.count { $0.isAcrossClasses }
      blank = check.blank.map { entries[$0].path }
      formats = Dictionary(uniqueKeysWithValues: check.formats.map { ($0.rawValue, $1) })
      classes = Dictionary(uniqueKeysWithValues: zip(check.folder.classes, check.classes))
      sizes =
        check.sizes.map {
          ["least": $0.least, "median": $0.median, "greatest": $0.greatest].mapValues {
            [$0.width, $0.height]
          }
        } ?? [:]
      (self.near, self.seconds) = (near, seconds)
    }
  }
}
