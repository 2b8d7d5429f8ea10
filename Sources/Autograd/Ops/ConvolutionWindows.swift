import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// How a square kernel lies over images: sizes, and how they are cut into blocks.
struct ConvolutionGeometry {
  let images, height, width, channels: Int
  let outputs, side, stride, padding: Int
  let outHeight, outWidth: Int

  init(_ input: Shape, outputs: Int, side: Int, stride: Int, padding: Int) {
    (images, height, width, channels) = (input[0], input[1], input[2], input[3])
    (self.outputs, self.side, self.stride, self.padding) = (outputs, side, stride, padding)
    outHeight = (height + 2 * padding - side) / stride + 1
    outWidth = (width + 2 * padding - side) / stride + 1
    precondition(
      height + 2 * padding >= side && width + 2 * padding >= side,
      "convolution: a kernel of side \(side) over images of \(height) x \(width), padded by \(padding)")
  }

  var outShape: Shape { [images, outHeight, outWidth, outputs] }
  var outBlocks: ImageBlocks { ImageBlocks(images: images, height: outHeight, width: outWidth) }
  /// Blocks of outputs as long as the sums of a weight's gradient want them: these are read and written once a block.
  func outBlocks(pixels: Int) -> ImageBlocks {
    ImageBlocks(images: images, height: outHeight, width: outWidth, about: pixels)
  }
  var inBlocks: ImageBlocks { ImageBlocks(images: images, height: height, width: width) }

  /// The part of the padded input that a block of outputs reads.
  func window(_ block: ImageBlock) -> Window {
    Window(
      images: block.images,
      rows: block.rows.lowerBound * stride - padding..<(block.rows.upperBound - 1) * stride - padding + side,
      columns: -padding..<(outWidth - 1) * stride - padding + side, channels: channels)
  }

  /// Where in `window` the inputs of a block's outputs begin, in the outputs' order.
  func places(_ block: ImageBlock, in window: Window) -> [Int32] {
    var places: [Int32] = []
    places.reserveCapacity(block.images.count * block.rows.count * outWidth)
    for image in block.images {
      for y in block.rows {
        let row = window.place(image, y * stride - padding, -padding)
        for x in 0..<outWidth { places.append(Int32(row + x * stride * channels)) }
      }
    }
    return places
  }

  /// What a product over all outputs computes: multiply-adds counted as two.
  func work(products count: Int, isDepthwise: Bool = false) -> Work {
    let depth = side * side * (isDepthwise ? 1 : channels)
    return Work(
      products: count, images * outHeight * outWidth, depth, outputs,
      numbers: count * images * (height * width * channels + outHeight * outWidth * outputs))
  }
}

/// Some rows of one image, or some whole images: what a thread takes at once.
struct ImageBlock {
  let images, rows: Range<Int>
  /// Rows of pixels from the first image's first on.
  let firstPixel, pixels: Int
}

/// Images cut into blocks of about 256 pixels, unless told otherwise; depends on the sizes only.
struct ImageBlocks {
  private let height, width: Int
  /// Images that go together; nil where each is by itself, since rows of two images do not lie together.
  private let images: Blocks?
  private let rows: Blocks
  private let perImage: Int
  /// The number of blocks.
  let count: Int

  init(images: Int, height: Int, width: Int, about pixels: Int = 256) {
    (self.height, self.width) = (height, width)
    if height * width >= pixels * 3 / 4 {
      self.images = nil
      rows = Blocks(height, about: max(1, pixels / width))
    } else {
      self.images = Blocks(images, about: max(1, pixels / (height * width)))
      rows = Blocks(height, about: height)
    }
    perImage = rows.count
    count = perImage * (self.images?.count ?? images)
  }

  subscript(_ index: Int) -> ImageBlock {
    let place = index / perImage
    let (some, rows) = (images?[place] ?? place..<place + 1, rows[index % perImage])
    return ImageBlock(
      images: some, rows: rows, firstPixel: (some.lowerBound * height + rows.lowerBound) * width,
      pixels: some.count * rows.count * width)
  }

  var pixels: [Int] { (0..<count).map { self[$0].pixels } }
}

/// A part of images that may reach beyond them, where there are zeros.
struct Window {
  let images, rows, columns: Range<Int>
  let channels: Int

  var rowLength: Int { columns.count * channels }
  var count: Int { images.count * rows.count * rowLength }

  func place(_ image: Int, _ y: Int, _ x: Int) -> Int {
    ((image - images.lowerBound) * rows.count + y - rows.lowerBound) * rowLength + (x - columns.lowerBound)
      * channels
  }

  /// Copies the part of a map into `to`, finished.
  func fill(from map: SavedMap, into to: UnsafeMutablePointer<Float>, beyond: Float = 0) {
    fill(from: map, into: to, beyond: beyond) { map.read($0, $1, into: $2) }
  }

  /// The same, rounded.
  func fill(from map: SavedMap, into to: UnsafeMutablePointer<UInt16>) {
    fill(from: map, into: to, beyond: 0) { map.readRounded($0, $1, into: $2) }
  }

  /// `read` gives pixels that lie together: so many from the first on.
  private func fill<Number>(
    from map: SavedMap, into to: UnsafeMutablePointer<Number>, beyond: Number,
    _ read: (_ first: Int, _ pixels: Int, UnsafeMutablePointer<Number>) -> Void
  ) {
    let (height, width) = (map.x.shape[1], map.x.shape[2])
    let inside = max(columns.lowerBound, 0)..<min(columns.upperBound, width)
    let (before, after) = (inside.lowerBound - columns.lowerBound, columns.upperBound - inside.upperBound)
    var at = to
    for image in images {
      for y in rows {
        if y < 0 || y >= height {
          at.update(repeating: beyond, count: rowLength)
        } else {
          at.update(repeating: beyond, count: before * channels)
          read((image * height + y) * width + inside.lowerBound, inside.count, at + before * channels)
          (at + (before + inside.count) * channels).update(repeating: beyond, count: after * channels)
        }
        at += rowLength
      }
    }
  }
}

/// A window's numbers, finished, as a convolution's products read them.
struct WindowNumbers {
  let operand: Operand
  /// Keeps the operand's memory.
  let memory: Tensor

  init(_ window: Window, of map: SavedMap, in precision: Precision) {
    switch precision {
    case .float32:
      memory = Tensor(uninitialized: [window.count])
      window.fill(from: map, into: memory.pointer)
      operand = .float32(memory.pointer)
    case .bfloat16:
      // A last row of odd length is read up to one number further.
      let rounded = Tensor(uninitialized: [window.count + 1], as: .bfloat16)
      window.fill(from: map, into: rounded.bfloat16Pointer)
      rounded.bfloat16Pointer[window.count] = 0
      (memory, operand) = Self.multipliable(rounded)
    }
  }

  /// `count` numbers from `from`, for as long as those stay.
  init(_ from: UnsafeMutablePointer<Float>, count: Int, in precision: Precision) {
    switch precision {
    case .float32:
      (memory, operand) = (Tensor(uninitialized: [0]), .float32(from))
    case .bfloat16:
      let rounded = Tensor(uninitialized: [count], as: .bfloat16)
      em_to_bfloat16(from, count, rounded.bfloat16Pointer)
      (memory, operand) = Self.multipliable(rounded)
    }
  }

  /// Where the processor multiplies no pairs, rounded numbers are multiplied as float32.
  private static func multipliable(_ rounded: Tensor) -> (Tensor, Operand) {
    if hasBfloat16Instructions() { return (rounded, .bfloat16(rounded.bfloat16Pointer)) }
    let wide = rounded.float32()
    return (wide, .float32(wide.pointer))
  }
}

extension Operand {
  /// Rows of convolutions, `taps` pieces of `depth` numbers each, times a packed weight: to -> rows of `columns` at `to`
  /// (`em_convolve`).
  func convolve(
    _ from: [Int32], taps: Int, step: Int, depth: Int, _ packed: Tensor, columns: Int,
    into y: UnsafeMutablePointer<Float>, _ to: [Int32]
  ) {
    switch self {
    case .float32(let x):
      em_convolve(x, from, taps, step, depth, packed.pointer, from.count, columns, y, to)
    case .bfloat16(let x):
      em_convolve_bfloat16(x, from, taps, step, depth, packed.bfloat16Pointer, from.count, columns, y, to)
    }
  }
}
