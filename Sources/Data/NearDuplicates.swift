import EmanateImages

/// What a picture looks like from afar, to find its copies that were resized or stored with loss.
package struct Sketch: Sendable {
  /// The picture at 18 x 16 pixels, whatever its shape: [16, 18, 3].
  let levels: [UInt8]
  /// The difference hash (Krawetz 2013, "Kind of Like That"): of 9 x 8 grey cells, whether each is darker than its
  /// right neighbour. Differences of up to two levels count as none, our choice: noise on an even ground would decide.
  package let hash: UInt64
  /// Width over height.
  let aspect: Double
  /// The root mean square distance of `levels` from each channel's mean.
  let contrast: Double

  static let (width, height) = (18, 16)

  package init(_ image: Image) {
    let small = image.resized(width: Self.width, height: Self.height, filter: .bilinear)
    levels = small.pixels
    aspect = Double(image.width) / Double(image.height)
    contrast = Self.contrast(of: levels)
    hash = Self.hash(of: levels)
  }

  /// The root mean square distance of the levels, 0...255, if the two look nearly the same; nil if they do not.
  ///
  /// Their shapes may differ by 3 %, their levels by 4 and by a tenth of the picture's contrast, and nowhere by more
  /// than 24: a smile turned round is little of a face, but much where it is. The limits are ours, found on clip art,
  /// photographs and copies of both: of those resized to a third or stored as JPEG of quality 50 they find more than
  /// nine in ten, but few of pictures of 32 pixels, whose copies differ more.
  package func distance(to other: Sketch) -> Double? {
    guard abs(aspect / other.aspect - 1) < 0.03 else { return nil }
    let limit = min(4, 0.1 * min(contrast, other.contrast))
    var square = 0
    // A row of pixels at a time: most pictures with like hashes differ in the first ones.
    for row in stride(from: 0, to: levels.count, by: 3 * Self.width) {
      var most = 0
      for place in row..<row + 3 * Self.width {
        let difference = abs(Int(levels[place]) - Int(other.levels[place]))
        square += difference * difference
        most = max(most, difference)
      }
      if most > 24 || Double(square) > limit * limit * Double(levels.count) { return nil }
    }
    return (Double(square) / Double(levels.count)).squareRoot()
  }

  private static func hash(of levels: [UInt8]) -> UInt64 {
    // Luma in thousandths (ITU-R BT.601), summed over the 2 x 2 pixels of each cell.
    var cells = [Int](repeating: 0, count: 9 * 8)
    for y in 0..<height {
      for x in 0..<width {
        let place = 3 * (y * width + x)
        cells[y / 2 * 9 + x / 2] +=
          299 * Int(levels[place]) + 587 * Int(levels[place + 1]) + 114 * Int(levels[place + 2])
      }
    }
    var hash: UInt64 = 0
    for y in 0..<8 {
      for x in 0..<8 { hash = hash << 1 | (cells[y * 9 + x + 1] - cells[y * 9 + x] > 2 * 4 * 1000 ? 1 : 0) }
    }
    return hash
  }

  private static func contrast(of levels: [UInt8]) -> Double {
    let pixels = width * height
    var variance = 0.0
    for channel in 0..<3 {
      var (sum, square) = (0, 0)
      for place in stride(from: channel, to: levels.count, by: 3) {
        sum += Int(levels[place])
        square += Int(levels[place]) * Int(levels[place])
      }
      variance += Double(pixels * square - sum * sum) / Double(pixels * pixels)
    }
    return (variance / 3).squareRoot()
  }
}

/// Finds the pictures that look nearly the same as an earlier one.
///
/// Each picture is compared with the earlier ones that repeat none themselves, so a row of pictures that change little
/// by little does not become one heap. Candidates are those whose hashes differ in at most seven bits: one of the four
/// bands of sixteen bits then differs in at most one, so a table of each band finds them without comparing all pairs
/// (multi-index hashing, Norouzi, Punjani and Fleet 2012).
package struct NearDuplicates {
  private struct Candidate {
    let hash: UInt64
    let row: Int
  }

  /// The candidates by the value of each band of their hashes.
  private var tables = [[[Candidate]]](repeating: [[Candidate]](repeating: [], count: 1 << 16), count: 4)
  private let sketches: [Sketch?]

  /// The earlier row that each row looks like; rows without a sketch are left out.
  package static func originals(_ sketches: [Sketch?]) -> [Int: Int] {
    var search = NearDuplicates(sketches: sketches)
    var originals: [Int: Int] = [:]
    for (row, sketch) in sketches.enumerated() {
      guard let sketch else { continue }
      if let original = search.nearest(to: sketch) {
        originals[row] = original
      } else {
        search.add(row, sketch)
      }
    }
    return originals
  }

  private init(sketches: [Sketch?]) { self.sketches = sketches }

  private mutating func add(_ row: Int, _ sketch: Sketch) {
    for band in 0..<4 {
      tables[band][Self.band(band, of: sketch.hash)].append(Candidate(hash: sketch.hash, row: row))
    }
  }

  private func nearest(to sketch: Sketch) -> Int? {
    var nearest: (distance: Double, row: Int)?
    for band in 0..<4 {
      let value = Self.band(band, of: sketch.hash)
      for change in [0] + (0..<16).map({ 1 << $0 }) {
        for candidate in tables[band][value ^ change] {
          let bits = candidate.hash ^ sketch.hash
          // One that differs as little in an earlier band was met there.
          if bits.nonzeroBitCount > 7
            || (0..<band).contains(where: { (bits & Self.mask($0)).nonzeroBitCount <= 1 })
          {
            continue
          }
          if let distance = sketch.distance(to: sketches[candidate.row]!),
            nearest.map({ (distance, candidate.row) < $0 }) ?? true
          {
            nearest = (distance, candidate.row)
          }
        }
      }
    }
    return nearest?.row
  }

  /// Every fourth bit, so that each band sees the whole picture.
  private static func mask(_ band: Int) -> UInt64 { 0x1111_1111_1111_1111 << UInt64(band) }

  /// The bits of a band side by side.
  private static func band(_ band: Int, of hash: UInt64) -> Int {
    (0..<16).reduce(0) { $0 << 1 | Int(hash >> UInt64(4 * $1 + band) & 1) }
  }
}
