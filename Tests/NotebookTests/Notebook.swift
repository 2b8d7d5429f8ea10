import Foundation

/// A Markdown file whose `swift` and `bash` blocks can be run, whose `text` blocks say what they print, and whose pictures
/// they draw.
struct Notebook {
  enum Language: String { case swift, bash }

  /// A block to run, and the block right below it that holds its output, if there is one.
  struct Block {
    let language: Language
    let code: [String]
    /// The file's line of the first line of code, from 1.
    let line: Int
    /// The lines of the output block, fences left out, as places in `lines`.
    var output: Range<Int>?
    /// How far a number may be from the one in the file, relative to the larger of 1 and its size; nil: same text.
    var tolerance: Double?
  }

  /// A picture that the file shows.
  struct Picture {
    /// Where it lies beside the file, and where the blocks draw it.
    let path: String
    /// How far the levels of a pixel, or a number of an SVG file, may be from the picture beside the file: the mean of all
    /// pixels' distances, each number; nil: the same picture.
    let tolerance: Double?
  }

  let file: URL
  let lines: [String]
  let blocks: [Block]
  let pictures: [Picture]

  init(_ file: URL) throws {
    self.file = file
    lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
    var blocks: [Block] = []
    var pictures: [Picture] = []
    var at = 0
    while at < lines.count {
      guard lines[at].hasPrefix("```"), let end = lines[(at + 1)...].firstIndex(of: "```") else {
        pictures += Self.pictures(lines[at], below: at > 0 ? lines[at - 1] : "")
        at += 1
        continue
      }
      let words = lines[at].dropFirst(3).split(separator: " ").map(String.init)
      if let language = words.first.flatMap(Language.init) {
        blocks.append(Block(language: language, code: Array(lines[at + 1..<end]), line: at + 2))
      } else if words.first == "text", let last = blocks.indices.last, blocks[last].output == nil,
        Self.isRightBelow(at, blocks[last], lines)
      {
        blocks[last].output = at + 1..<end
        blocks[last].tolerance = words.dropFirst().first.flatMap { Double($0.dropFirst()) }  // ±1e-4
      }
      at = end + 1
    }
    (self.blocks, self.pictures) = (blocks, pictures)
  }

  /// The pictures of a line, `![words](pictures/name.png)`, below `<!-- ±4 -->` or another line.
  private static func pictures(_ line: String, below: String) -> [Picture] {
    let words = below.split(separator: " ")
    let tolerance =
      words.count == 3 && words[0] == "<!--" && words[1].hasPrefix("±") ? Double(words[1].dropFirst()) : nil
    return line.matches(of: /!\[[^\]]*\]\((pictures\/[^)\s]+)\)/).map {
      Picture(path: String($0.output.1), tolerance: tolerance)
    }
  }

  private static func isRightBelow(_ fence: Int, _ block: Block, _ lines: [String]) -> Bool {
    lines[(block.line + block.code.count)..<fence].allSatisfy {
      $0.trimmingCharacters(in: .whitespaces).isEmpty
    }
  }

  /// What the file says that block `index` prints.
  func expectedOutput(_ index: Int) -> [String]? { blocks[index].output.map { Array(lines[$0]) } }

  /// The file's text with what the blocks printed in place of what it said.
  func text(withOutputs outputs: [[String]]) -> String {
    var lines = lines
    for (block, output) in zip(blocks, outputs).reversed() {
      if let range = block.output { lines.replaceSubrange(range, with: output) }
    }
    return lines.joined(separator: "\n")
  }
}

/// Whether two outputs are the same, numbers up to a tolerance.
func isSameOutput(_ printed: [String], _ expected: [String], tolerance: Double?) -> Bool {
  guard let tolerance else { return printed == expected }
  func words(_ lines: [String]) -> [Substring] {
    lines.joined(separator: "\n").split { " \n,:;()[]".contains($0) }
  }
  let (a, b) = (words(printed), words(expected))
  return a.count == b.count
    && zip(a, b).allSatisfy { a, b in
      if a == b { return true }
      guard let x = Double(a), let y = Double(b) else { return false }
      return abs(x - y) <= tolerance * max(1, abs(y))
    }
}
