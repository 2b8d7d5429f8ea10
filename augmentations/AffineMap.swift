import EmanateImages
import EmanateKernels

/// Where each pixel of the result comes from: (a x + b y + c, d x + e y + f), x and y taken at pixel centres.
struct AffineMap {
  var (a, b, c) = (1.0, 0.0, 0.0)
  var (d, e, f) = (0.0, 1.0, 0.0)

  /// Nothing moves.
  init() {}

  /// Turns about the centre, counterclockwise, as Pillow's `Image.rotate` does; right angles are exact.
  init(rotation degrees: Double, width: Int, height: Int) {
    let turn = degrees - 360 * (degrees / 360).rounded(.down)
    let angle = -turn * (Double.pi / 180)
    // Pillow rounds to 15 digits, so that a right angle has a cosine of 0.
    func rounded(_ x: Double) -> Double { (x * 1e15).rounded() / 1e15 }
    (a, b) = (rounded(cosine(angle)), rounded(sine(angle)))
    (d, e) = (rounded(-sine(angle)), rounded(cosine(angle)))
    let (x, y) = (Double(width) / 2, Double(height) / 2)
    c = (a * -x + b * -y) + x
    f = (d * -x + e * -y) + y
  }

  /// Moves the view's pixels, the nearest one each; black comes in from outside.
  ///
  /// In 16.16 fixed point, as Pillow's `Image.transform` with `AFFINE` and `NEAREST` (src/libImaging,
  /// Geometry.c): bit for bit for views below 32,768 pixels.
  func apply(to view: inout PlanarImage) {
    let (width, height) = (view.width, view.height)
    func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
    let (ax, bx, cx) = (fixed(a), fixed(b), fixed(c + a * 0.5 + b * 0.5))
    let (ay, by, cy) = (fixed(d), fixed(e), fixed(f + d * 0.5 + e * 0.5))
    let count = view.count
    view.withScratch(3 * count) { levels, source in
      source.update(from: levels, count: 3 * count)
      for row in 0..<height {
        var (x, y) = (cx + row * bx, cy + row * by)
        for column in 0..<width {
          let place = row * width + column
          let (fromX, fromY) = (x >> 16, y >> 16)
          let isInside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height
          let from = isInside ? fromY * width + fromX : 0
          for plane in 0..<3 {
            levels[plane * count + place] = isInside ? source[plane * count + from] : 0
          }
          x += ax
          y += ay
        }
      }
    }
  }
}
