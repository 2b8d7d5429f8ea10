import EmanateConfiguration
import EmanateImages
import Foundation

// Pictures, files and settings of a report's page.

extension InspectionPage {
  func pictureSection(_ number: Int) -> Markup? {
    guard let pictures = pictures[number] else { return nil }
    let name = records.count == 1 ? "" : " of \(records[number].name)"
    var parts: [Markup] = []
    if !pictures.views.isEmpty {
      parts.append(
        "<h2>Views\(name)</h2>\n<p class=\"faint\">An image, then what training sees of it in its first epoch.</p>"
      )
      parts += pictures.views.map(row)
    }
    if !pictures.neighbors.isEmpty {
      parts.append(
        """
        <h2>Nearest neighbours\(name)</h2>
        <p class="faint">An image, then those of \(NumberText.grouped(pictures.candidates)) images whose features are \
        nearest, with the cosine.</p>
        """)
      parts += pictures.neighbors.map(row)
    }
    parts += pictures.notes.map { note -> Markup in
      "<p class=\"faint\">\(name.isEmpty ? note : "\(records[number].name): \(note)")</p>"
    }
    return Markup(parts)
  }

  private func row(_ pictures: RunPictures.Row) -> Markup {
    let cells = pictures.map { picture -> Markup in
      let bytes = Data(PNGEncoder(level: 9).encode(picture.image)).base64EncodedString()
      return """
        <div class="picture" title="\(picture.details)"><img alt="\(picture.details)" width="\(picture.image.width)" \
        height="\(picture.image.height)" src="data:image/png;base64,\(Markup(made: bytes))">\(picture.caption)</div>
        """
    }
    return "<div class=\"row\">\n\(Markup(cells))\n</div>"
  }

  var skipped: Markup? {
    let lists = records.filter { $0.skippedCount > 0 }.map { record -> Markup in
      let rows = record.skipped.map { file -> Markup in
        "<tr><td>\(NumberText.grouped(file.step))</td><td><code>\(file.path)</code></td><td>\(file.reason)</td></tr>"
      }
      let more = record.skippedCount - record.skipped.count
      return """
        <details\(record.skippedCount <= 10 ? " open" : "")><summary>\(record.name): \
        \(NumberText.grouped(record.skippedCount)) files</summary>
        <div class="wide"><table><tr><th>step</th><th>file</th><th>reason</th></tr>
        \(Markup(rows))
        </table></div>
        \(more > 0 ? moreFiles(more) : nil)
        </details>
        """
    }
    return lists.isEmpty ? nil : "<h2>Files left out</h2>\n\(Markup(lists))"
  }

  private func moreFiles(_ count: Int) -> Markup? {
    "<p class=\"faint\">and \(NumberText.grouped(count)) more in skipped.jsonl.</p>"
  }

  /// What differs from the defaults in any run, side by side, then each run's whole file.
  var settings: Markup {
    let defaults = ExperimentConfiguration()
    let differing = records.map { Set($0.settings.differences(from: defaults).map(\.path)) }
    let paths = Setting.all.filter { setting in differing.contains { $0.contains(setting.path) } }
    let heads = records.map { record -> Markup in "<th>\(record.name)</th>" }
    let rows = paths.map { setting -> Markup in
      let values = records.map { setting($0.settings).description }
      let isSame = Set(values).count == 1
      let cells = values.map { value -> Markup in isSame ? "<td>\(value)</td>" : "<td><b>\(value)</b></td>" }
      return """
        <tr title="\(setting.summary)"><td><code>\(setting.path)</code></td>\(Markup(cells, separator: ""))\
        <td class="faint">\(setting(defaults).description)</td></tr>
        """
    }
    let files = records.map { record -> Markup in
      let text = record.configuration ?? "This run has no config.yaml; the defaults were taken in its place."
      return "<details><summary>Every setting of \(record.name)</summary><pre>\(text)</pre></details>"
    }
    let note = records.count > 1 ? " Where runs differ, values stand in bold." : ""
    return """
      <h2>Settings</h2>
      <p class="faint">What differs from the defaults.\(note)</p>
      <div class="wide"><table><tr><th>setting</th>\(Markup(heads, separator: ""))<th>default</th></tr>
      \(Markup(rows))
      </table></div>
      \(Markup(files))
      """
  }
}
