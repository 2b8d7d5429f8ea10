import Foundation

/// Where a run's images lie: what `data.json` holds, so that a report can show some of them.
public struct DataPlace: Codable, Sendable, Equatable {
  /// The folders, as whole paths.
  public let folders: [String]

  /// Folders as they were given.
  public init(_ folders: [String]) {
    self.folders = folders.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
  }

  /// What a run's folder says; nil where it says nothing, as older runs do.
  public init?(_ run: RunFolder) {
    guard let data = FileManager.default.contents(atPath: run.data),
      let place = try? JSONDecoder().decode(DataPlace.self, from: data), !place.folders.isEmpty
    else { return nil }
    self = place
  }

  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes]
    return ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}") + "\n"
  }
}
