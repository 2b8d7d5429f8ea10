import Emanate
import Foundation
import TestSupport
import Testing

/// The pages of the library's documentation name what there is, and nothing else.
@Suite struct DocumentationTests {
  private static let catalog = "Sources/Emanate/Emanate.docc"

  private struct Page {
    let name, text: String
    /// What stands between two backticks.
    var spans: [Substring] { text.matches(of: /`([^`\n]+)`/).map { $0.1 } }
  }

  private static func pages() throws -> [Page] {
    let folder = repositoryRoot().appending(path: catalog)
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "md" }.map {
      Page(name: $0.lastPathComponent, text: try String(contentsOf: $0, encoding: .utf8))
    }
  }

  @Test func `every method, term, family and augmentation is named on a page`() throws {
    let pages = try Self.pages()
    #expect(pages.count > 10)
    let spans = Set(pages.flatMap(\.spans))
    for name in MethodRegistry.all.map(\.name) {
      #expect(spans.contains("method: \(name)"), "no page has `method: \(name)`")
    }
    let terms = TermRegistry.all.map(\.name)
    let augmentations = AugmentationRegistry.all.map { $0.name } + AugmentationRegistry.mixing.map { $0.name }
    for name in terms + augmentations { #expect(spans.contains(name[...]), "no page has `\(name)`") }
    let text = pages.map(\.text).joined()
    for family in DistillationFamily.all {
      #expect(text.firstMatch(of: try Regex("\\b\(family.name)\\b")) != nil, "no page names \(family.name)")
    }
  }

  @Test func `every key that a page names is a setting`() throws {
    let paths = Setting.all.map(\.path)
    let sections = Set(paths.compactMap { $0.contains(".") ? $0.split(separator: ".").first : nil })
    var found = 0
    for page in try Self.pages() {
      for span in page.spans {
        guard let key = span.prefixMatch(of: /[a-z][A-Za-z0-9]*(\.[a-zA-Z0-9]+)+/)?.output.0,
          sections.contains(key.prefix { $0 != "." })
        else { continue }
        found += 1
        let isKnown = paths.contains { $0 == key || $0.hasPrefix(key + ".") }
        #expect(isKnown, "\(page.name): there is no key `\(key)`")
      }
    }
    #expect(found > 50)
  }

  @Test func `every --set and --config of a page is accepted`() throws {
    var (settings, files) = (0, 0)
    for page in try Self.pages() {
      for match in page.text.matches(of: /--set (?:'([^'\n]+)'|([^\s'`]+))/) {
        let setting = String(match.1 ?? match.2 ?? "")
        // What a guide adds is its own.
        if setting.contains("feature-prediction") || setting.contains("noisy")
          || setting.contains("patch_bag")
        {
          continue
        }
        var configuration = ExperimentConfiguration()
        #expect(throws: Never.self, "\(page.name): --set \(setting)") { try configuration.set(setting) }
        settings += 1
      }
      for match in page.text.matches(of: /--config ([\w\/-]+)/) {
        #expect(throws: Never.self, "\(page.name): \(match.0)") {
          _ = try ExperimentConfiguration.load(files: [String(match.1)])
        }
        files += 1
      }
    }
    #expect(settings > 20 && files > 10)
  }
}
