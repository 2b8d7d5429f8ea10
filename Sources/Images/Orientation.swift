extension Image {
  /// The image as it should be seen when stored under an EXIF orientation (1...8; EXIF 2.32, tag 0x0112).
  ///
  /// 1 is upright, 2 mirrored, 3 turned by 180°, 4 flipped, 5 transposed, 6 to be turned 90° clockwise, 7
  /// transposed over the other diagonal, 8 to be turned 90° counterclockwise; any other number counts as 1.
  public func oriented(_ orientation: Int) -> Image {
    guard (2...8).contains(orientation) else { return self }
    let isTransposed = orientation >= 5
    // The stored place that the result's (x, y) shows: x and y swapped where transposed, then mirrored.
    let mirrorsX = [2, 3, 7, 8].contains(orientation)
    let mirrorsY = [3, 4, 6, 7].contains(orientation)
    let (newWidth, newHeight) = isTransposed ? (height, width) : (width, height)
    var turned = [UInt8](repeating: 0, count: pixels.count)
    pixels.withUnsafeBufferPointer { source in
      turned.withUnsafeMutableBufferPointer { target in
        var at = 0
        for y in 0..<newHeight {
          for x in 0..<newWidth {
            let (column, row) = isTransposed ? (y, x) : (x, y)
            let from =
              3 * ((mirrorsY ? height - 1 - row : row) * width + (mirrorsX ? width - 1 - column : column))
            target[at] = source[from]
            target[at + 1] = source[from + 1]
            target[at + 2] = source[from + 2]
            at += 3
          }
        }
      }
    }
    return Image(width: newWidth, height: newHeight, pixels: turned)
  }
}
