/// A decoded image as numbers and bytes, for files that keep it.
extension DecodedImage {
  /// Sizes and the places of planes.
  package struct Layout: Sendable, Equatable {
    /// 64-bit words of `encoded`.
    package static let words = 3 + 3 * 5

    let colors: ImagePlanes.Colors?
    let width, height: Int
    let planes: [ImagePlanes.Plane]

    /// Bytes of the levels.
    package var byteCount: Int {
      if colors == nil { return 3 * width * height }
      return planes.map { $0.offset + $0.rowBytes * $0.height }.max() ?? 0
    }

    init(_ image: DecodedImage) {
      (width, height) = (image.width, image.height)
      switch image {
      case .pixels: (colors, planes) = (nil, [])
      case .planes(let image): (colors, planes) = (image.colors, image.planes)
      }
    }

    private static let kinds: [ImagePlanes.Colors?] = [nil, .gray, .rgb, .yCbCr]

    /// The layout in numbers.
    package var encoded: [UInt64] {
      var words = [Self.kinds.firstIndex(of: colors)!, width, height]
      for plane in planes {
        words += [
          plane.width, plane.height, plane.rowBytes, plane.offset,
          (plane.halvesColumns ? 1 : 0) + (plane.halvesRows ? 2 : 0),
        ]
      }
      words += [Int](repeating: 0, count: Self.words - words.count)
      return words.map { UInt64($0) }
    }

    /// Reads `encoded`; nil for numbers that make no image.
    package init?(_ encoded: some Collection<UInt64>) {
      let numbers = encoded.map { Int(truncatingIfNeeded: $0) }
      guard numbers.count == Self.words, Self.kinds.indices.contains(numbers[0]),
        numbers[1...].allSatisfy({ (0...1 << 30).contains($0) }), numbers[1] > 0, numbers[2] > 0
      else { return nil }
      colors = Self.kinds[numbers[0]]
      (width, height) = (numbers[1], numbers[2])
      let count = colors == nil ? 0 : colors == .gray ? 1 : 3
      planes = (0..<count).map {
        let plane = numbers[(3 + 5 * $0)...]
        let first = plane.startIndex
        return ImagePlanes.Plane(
          width: plane[first], height: plane[first + 1], rowBytes: plane[first + 2], offset: plane[first + 3],
          halvesColumns: plane[first + 4] & 1 != 0, halvesRows: plane[first + 4] & 2 != 0)
      }
      let (width, height) = (width, height)
      let isWhole = planes.allSatisfy {
        $0.width == ($0.halvesColumns ? (width + 1) / 2 : width) && $0.rowBytes >= $0.width
          && $0.height == ($0.halvesRows ? (height + 1) / 2 : height)
      }
      guard isWhole else { return nil }
    }
  }

  /// Sizes and the places of planes.
  package var layout: Layout { Layout(self) }

  /// Pixels or planes as they lie in memory, `layout.byteCount` bytes.
  package var levels: [UInt8] {
    switch self {
    case .pixels(let image): image.pixels
    case .planes(let planes): planes.levels
    }
  }

  /// The image of a layout and its levels.
  package init(_ layout: Layout, levels: [UInt8]) {
    precondition(
      levels.count == layout.byteCount, "DecodedImage: \(levels.count) bytes for \(layout.byteCount)")
    if let colors = layout.colors {
      self = .planes(
        ImagePlanes(
          width: layout.width, height: layout.height, colors: colors, planes: layout.planes, levels: levels))
    } else {
      self = .pixels(Image(width: layout.width, height: layout.height, pixels: levels))
    }
  }

  /// The image with its short side cut down to `side` pixels by bicubic resampling in its own mode's arithmetic;
  /// as it is if that side is not longer, or `side` is 0. Planes of luma and chroma become red, green and blue.
  package func reduced(toShortSide side: Int) -> DecodedImage {
    let short = min(width, height)
    guard side > 0, short > side else { return self }
    // The long side truncated, as torchvision's Resize has it.
    let (columns, rows) = (width * side / short, height * side / short)
    switch self {
    case .pixels(let image): return .pixels(image.resized(width: columns, height: rows))
    case .planes(let planes):
      var resampler = FastResampler()
      var result = PlanarImage(width: 1, height: 1)
      resampler.load(planes)
      resampler.resize(
        PixelRectangle(x: 0, y: 0, width: width, height: height), width: columns, height: rows, into: &result)
      return .planes(ImagePlanes(width: columns, height: rows, rgb: result.levels))
    }
  }
}
