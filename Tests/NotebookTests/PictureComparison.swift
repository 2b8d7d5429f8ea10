import Emanate
import Foundation

/// Whether two files show the same picture: PNG files up to a mean distance of their levels, others (SVG) as outputs are
/// compared. Returns what differs, or nil.
func difference(_ drawn: Data, _ expected: Data, name: String, tolerance: Double?) -> String? {
  if drawn == expected { return nil }
  guard name.hasSuffix(".png") else {
    func lines(_ data: Data) -> [String] {
      String(decoding: data, as: UTF8.self).components(separatedBy: "\n")
    }
    return isSameOutput(lines(drawn), lines(expected), tolerance: tolerance) ? nil : "its numbers differ"
  }
  do {
    let decoder = ImageDecoder()
    let (a, b) = (try decoder.decode([UInt8](drawn)), try decoder.decode([UInt8](expected)))
    guard (a.width, a.height) == (b.width, b.height) else {
      return "\(a.width) x \(a.height) pixels in place of \(b.width) x \(b.height)"
    }
    let sum = zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    let mean = Double(sum) / Double(a.pixels.count)
    return mean <= tolerance ?? 0 ? nil : "levels differ by \(mean) on average"
  } catch {
    return "\(error)"
  }
}
