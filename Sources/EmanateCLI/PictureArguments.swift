import ArgumentParser
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateReports
import Foundation

/// Images to draw pictures of, and the folder for these.
struct PictureArguments: ParsableArguments {
  @Argument(help: "PNG and JPEG files, or folders of them.", completion: CompletionOffers.images)
  var images: [String]

  @Option(
    help: "The folder for the pictures; it is made where there is none, and pictures of before are replaced.",
    completion: .directory)
  var out: String

  /// An image as the network reads it.
  struct Picture {
    let path: String
    /// What its files are called by; no two alike.
    let name: String
    let fitted: FittedImage
  }

  /// All images are decoded before anything is drawn, so there may not be more.
  static let most = 500

  /// The images at the network's short side. One that is named must be readable; one that a folder holds is left out
  /// otherwise, with a warning.
  func read(for network: FrozenNetwork) throws -> [Picture] {
    var pictures: [Picture] = []
    var names: Set<String> = []
    for source in try sources() {
      do {
        let image = try network.decoder.decode(contentsOf: source.file)
        let patch = network.architecture.patch
        guard let fitted = FittedImage(image, side: network.side, patch: patch) else {
          throw ImageDecodingError(
            path: source.file.description,
            reason: .unsupported(
              "\(image.width) x \(image.height) pixels are more than \(FittedImage.longest) times as long as wide"
            ))
        }
        let name = Self.unused(Self.stem(source.file.description), &names)
        pictures.append(Picture(path: source.file.description, name: name, fitted: fitted))
      } catch let error as ImageDecodingError {
        if source.isNamed { throw CommandFailure(.data, error.description) }
        StandardError.warn("left out: \(error)")
      }
    }
    if pictures.isEmpty {
      throw CommandFailure(.data, "\(images.joined(separator: ", ")): none of the images can be read")
    }
    return pictures
  }

  /// Makes the folder.
  func makeFolder() throws {
    do {
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    } catch {
      throw FileFailure(path: out, action: "create the folder", reason: error.localizedDescription)
    }
    if access(out, W_OK) != 0 {
      throw FileFailure(path: out, action: "write to", reason: String(cString: strerror(errno)))
    }
  }

  /// Writes a picture into the folder; gives its path. There may be dozens, and each can be drawn again: none is waited for
  /// until it is on the disk.
  func write(_ picture: Image, _ name: String) throws -> String {
    let path = (out as NSString).appendingPathComponent(name + ".png")
    do throws(ImageWritingError) { try PNGEncoder().write(picture, to: path) } catch {
      throw FileFailure(path: error.path, action: "write", reason: error.reason)
    }
    return path
  }

  private func sources() throws -> [(file: FilePath, isNamed: Bool)] {
    var sources: [(file: FilePath, isNamed: Bool)] = []
    for path in images {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw CommandFailure(.files, "\(path): there is no such file or folder")
      }
      if isFolder.boolValue {
        sources += try listing(path).entries.map { ($0.file, false) }
      } else {
        sources.append((FilePath(path), true))
      }
    }
    if sources.count > Self.most {
      throw CommandFailure(
        .usage,
        "\(sources.count) images were given; at most \(Self.most) are drawn at a time, so name some of them")
    }
    return sources
  }

  private static func stem(_ path: String) -> String {
    let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    return name.isEmpty ? "image" : name.printable
  }

  /// `name`, or `name-2` and so on. Some file systems do not tell capitals from small letters.
  private static func unused(_ name: String, _ names: inout Set<String>) -> String {
    var (candidate, number) = (name, 1)
    while !names.insert(candidate.lowercased()).inserted {
      number += 1
      candidate = "\(name)-\(number)"
    }
    return candidate
  }
}

extension WeightsOptions {
  /// The network that pictures are drawn of; `pixels` have none.
  func pictured(seed: UInt64) throws -> FrozenNetwork {
    switch choice {
    case .rawPixels:
      throw CommandFailure(.usage, "--weights raw-pixels: there is no network to look into")
    case .random: try randomNetwork(seed: seed)
    case .stored: try storedNetwork()!
    }
  }
}

extension ColorMap: ExpressibleByArgument {}
