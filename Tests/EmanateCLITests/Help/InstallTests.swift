import EmanateCLI
import Foundation
import TestSupport
import Testing

@Suite struct InstallTests {
  /// The files below a folder, by their paths in it.
  private static func files(_ folder: URL) -> Set<String> {
    let all = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return Set(
      all.filter { path in
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: folder.appending(path: path).path, isDirectory: &isFolder)
        return !isFolder.boolValue
      })
  }

  @Test
  func `make install puts program, manual and completions where they are looked for, uninstall removes them`()
    throws
  {
    let place = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    func make(_ target: String) throws {
      let made = try Program.run(
        [
          "make", "-C", repositoryRoot().path, target, "DESTDIR=\(place.path)", "PREFIX=/usr",
          "EMANATE=\(Program.executable.path)",
        ], by: URL(filePath: "/usr/bin/env"))
      #expect(made.status == 0, "\(made.errors)")
    }
    try make("install")
    let pages = CommandDump.program().all.map {
      "usr/share/man/man1/" + $0.words.joined(separator: "-") + ".1"
    }
    let others = [
      "usr/bin/emanate", "usr/share/bash-completion/completions/emanate",
      "usr/share/zsh/site-functions/_emanate",
      "usr/share/fish/vendor_completions.d/emanate.fish",
    ]
    #expect(Self.files(place) == Set(pages + others))
    for path in Self.files(place) {
      let attributes = try FileManager.default.attributesOfItem(atPath: place.appending(path: path).path)
      let mode = try #require(attributes[.posixPermissions] as? NSNumber).intValue
      #expect(mode == (path == "usr/bin/emanate" ? 0o755 : 0o644), "\(path)")
      #expect(attributes[.size] as? UInt64 ?? 0 > 1000, "\(path)")
    }
    try make("uninstall")
    #expect(Self.files(place).isEmpty)
  }
}
