import ArgumentParser
import EmanateImages
import EmanateInterchange
import EmanateReports

/// The file of `--plot`, whose name says whether charts become an SVG file or a picture.
enum PlotFile {
  /// Refuses a name that says neither.
  static func check(_ path: String?) throws {
    guard let path, !path.hasSuffix(".svg"), !path.hasSuffix(".png") else { return }
    throw ValidationError("--plot: \(path) ends neither in .svg nor in .png")
  }

  /// Writes charts into a file whose name was checked.
  static func write(_ sheet: ChartSheet, to path: String) throws {
    if path.hasSuffix(".svg") {
      try DurableFile.write(sheet.svg, to: path)
    } else {
      try DurableFile.write(PNGEncoder(level: 9).encode(sheet.image), to: path)
    }
  }
}
