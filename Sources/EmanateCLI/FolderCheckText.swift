import EmanateData

/// A folder's check as a person reads it: a summary, then what to look at, the worst first.
struct FolderCheckText {
  private let check: FolderCheck
  /// Lines of each list; `--json` has them all.
  private let limit = 20

  /// Whether near duplicates were looked for.
  private let looksNear: Bool

  init(_ check: FolderCheck, near: Bool) { (self.check, looksNear) = (check, near) }

  var text: String { (summary + unreadable + duplicates + blank).joined(separator: "\n") }

  private var summary: [String] {
    let formats = check.formats.map { "\($1) \($0.rawValue.uppercased())" }.sorted().joined(separator: ", ")
    var lines = ["\(Self.count(check.images, "image")) (\(formats)), \(check.unreadable.count) unreadable."]
    if check.images == 0 { lines = ["No image can be read, \(check.unreadable.count) unreadable."] }
    if let sizes = check.sizes {
      let (least, median, greatest) = (
        Self.text(sizes.least), Self.text(sizes.median), Self.text(sizes.greatest)
      )
      lines.append("Sizes, by number of pixels: least \(least), median \(median), greatest \(greatest).")
    }
    let sorted = zip(check.folder.classes, check.classes).sorted { $0.1 < $1.1 }
    if sorted.count > 1, let least = sorted.first, let most = sorted.last {
      lines.append(
        "\(Self.count(sorted.count, "class", "classes")): from \(least.1) (\(least.0.printable)) to "
          + "\(most.1) (\(most.0.printable)) images.")
    }
    let counts = FolderCheck.Likeness.allCases.map { likeness in
      check.duplicates.count { $0.likeness == likeness }
    }
    lines.append(
      "Files that repeat another: \(counts[0]) byte for byte, \(counts[1]) pixel for pixel"
        + (looksNear ? ", \(counts[2]) nearly." : "."))
    let leaks = check.duplicates.count { $0.isAcrossFolders }
    if leaks > 0 { lines.append("LEAKAGE, repeated from another of the folders: \(leaks).") }
    let confused = check.duplicates.count { $0.isAcrossClasses }
    if confused > 0 { lines.append("Repeated under another class: \(confused).") }
    if check.blank.count > 0 {
      lines.append(
        "\(Self.count(check.blank.count, "image")) of one colour throughout, alpha dropped; --set data.alpha=over lays drawings over white."
      )
    }
    return lines
  }

  private var unreadable: [String] {
    section(
      "Unreadable", check.unreadable.map { "  \($0.path.printable): \($0.reason.printable)" })
  }

  private var blank: [String] {
    section("Of one colour", check.blank.map { "  " + check.folder.entries[$0].path.printable })
  }

  /// A picture's first file and, indented, what repeats it.
  private var duplicates: [String] {
    let heaps = Dictionary(grouping: check.duplicates) { $0.first }.sorted { a, b in
      let (one, other) = (Self.rank(a.value), Self.rank(b.value))
      return one != other ? one < other : a.key < b.key
    }
    return section(
      "Repeated",
      heaps.flatMap { first, others in
        ["  " + check.folder.entries[first].path.printable]
          + others.map { other in
            let notes =
              (other.isAcrossFolders ? ", another folder" : "")
              + (other.isAcrossClasses ? ", another class" : "")
            return "    \(check.folder.entries[other.row].path.printable) (\(other.likeness)\(notes))"
          }
      })
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    if lines.isEmpty { return [] }
    let more = lines.count - limit
    return ["", "\(title):"] + lines.prefix(limit)
      + (more > 0 ? ["  and \(more) lines more; --json lists all"] : [])
  }

  private static func rank(_ duplicates: [FolderCheck.Duplicate]) -> Int {
    duplicates.contains { $0.isAcrossFolders } ? 0 : duplicates.contains { $0.isAcrossClasses } ? 1 : 2
  }

  private static func text(_ size: FolderCheck.Size) -> String { "\(size.width) x \(size.height)" }

  private static func count(_ count: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count) \(count == 1 ? one : many ?? one + "s")"
  }
}
