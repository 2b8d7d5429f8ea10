import EmanateImages
import Foundation
import TestSupport
import Testing

/// The seeds and former finds of the fuzz targets for images.
@Suite struct CorpusTests {
  @Test(arguments: ["png", "jpeg"])
  func `every image of the corpus decodes twice to the same pixels or the same words`(folder: String) throws {
    let decoder = ImageDecoder(orientation: .apply, pixelLimit: 1 << 20)
    let files = try corpusFiles(folder)
    #expect(files.count > 10)
    for file in files {
      let bytes = Array(try Data(contentsOf: file))
      let results = (0..<2).map { _ in
        Result<Image, ImageDecodingError> { () throws(ImageDecodingError) in try decoder.decode(bytes) }
      }
      switch (results[0], results[1]) {
      case (.success(let one), .success(let two)):
        #expect(one.width == two.width && one.pixels == two.pixels, "\(file.lastPathComponent)")
        #expect(one.pixels.count == one.width * one.height * 3, "\(file.lastPathComponent)")
      case (.failure(let one), .failure(let two)):
        #expect(one == two && !"\(one)".isEmpty, "\(file.lastPathComponent)")
      default: Issue.record("\(file.lastPathComponent) decodes only sometimes")
      }
    }
  }

  @Test func `every gzip file of the corpus is read twice to the same bytes or the same words`() throws {
    let files = try corpusFiles("gunzip")
    #expect(files.count > 5)
    for file in files {
      let one = readGzipFile(file.path, limit: 1 << 16)
      let two = readGzipFile(file.path, limit: 1 << 16)
      #expect(one == two, "\(file.lastPathComponent)")
      #expect(one.bytes.map { $0.count <= 1 << 16 } ?? !one.reason.isEmpty, "\(file.lastPathComponent)")
    }
  }
}
