/// A table of texts, for the terminal and as Markdown; the first column is flush left, the others are flush right.
struct TextTable {
  let header: [String]
  let rows: [[String]]

  /// Columns aligned by spaces.
  var text: String {
    let widths = widths
    return ([header] + rows).map { row in
      let line = zip(row, widths).enumerated().map { place, cell in
        Self.padded(cell.0, to: cell.1, left: place == 0)
      }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  /// A table of Markdown; bars in the cells are escaped.
  var markdown: String {
    let escaped = TextTable(header: header.map(Self.escaped), rows: rows.map { $0.map(Self.escaped) })
    let widths = escaped.widths.map { max(3, $0) }
    func line(_ row: [String]) -> String {
      "| "
        + zip(row, widths).enumerated().map { place, cell in
          Self.padded(cell.0, to: cell.1, left: place == 0)
        }.joined(separator: " | ") + " |"
    }
    let rule = widths.enumerated().map { place, width in
      place == 0
        ? String(repeating: "-", count: width + 2) : String(repeating: "-", count: width + 1) + ":"
    }
    return ([line(escaped.header), "|" + rule.joined(separator: "|") + "|"] + escaped.rows.map(line))
      .joined(separator: "\n")
  }

  private var widths: [Int] {
    header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
  }

  private static func padded(_ text: String, to width: Int, left: Bool) -> String {
    let spaces = String(repeating: " ", count: width - text.count)
    return left ? text + spaces : spaces + text
  }

  private static func escaped(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}
