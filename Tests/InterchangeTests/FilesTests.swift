import EmanateInterchange
import EmanateTensors
import Foundation
import Testing

@Suite("Arrays and features in files")
struct ArrayFileTests {
  private let ramp = Tensor((0..<12).map { (Float($0) - 5) / 3 }, [3, 4])

  @Test("An NPY file is byte for byte what NumPy writes, and is read back")
  func npy() throws {
    try withFolder { folder in
      let path = folder + "/ramp.npy"
      try NPY.write(ramp, to: path)
      #expect(try bytes(path) == bytes(golden("float32.npy")))
      #expect(try NPY.read(path).array == ramp.array)
      #expect(try NPY.read(path).shape == [3, 4])
    }
    let row = try NPY.read(golden("float64.npy"))
    #expect(row.shape == [4])
    #expect(row.array == Array(ramp.array[..<4]))
  }

  @Test("Every cut of an NPY file is refused")
  func truncated() throws {
    let whole = try bytes(golden("float32.npy"))
    try withFolder { folder in
      for count in whole.indices {
        let path = folder + "/cut.npy"
        try Data(whole[..<count]).write(to: URL(filePath: path))
        #expect(throws: NPYError.self) { try NPY.read(path) }
      }
    }
  }

  @Test("Features become a line per image, with awkward paths in quotes and exact numbers")
  func csv() throws {
    try withFolder { folder in
      let path = folder + "/features.csv"
      let features = Tensor([0.1, -2, 1e-20, 3], [2, 2])
      try FeatureCSV.write(paths: ["a/b.png", "say \"hi\", now.png"], features: features, to: path)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text == "path,f0,f1\na/b.png,0.1,-2.0\n\"say \"\"hi\"\", now.png\",1e-20,3.0\n")
    }
  }
}

@Suite("Files that survive a crash")
struct DurableFileTests {
  @Test("A text file is replaced whole, and nothing is left beside it")
  func text() throws {
    try withFolder { folder in
      try DurableFile.write("step-1\n", to: folder + "/last")
      try DurableFile.write("step-2\n", to: folder + "/last")
      #expect(try String(contentsOfFile: folder + "/last", encoding: .utf8) == "step-2\n")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["last"])
      #expect(throws: FileFailure.self) { try DurableFile.write("", to: folder + "/no/last") }
    }
  }

  @Test("A write that breaks off leaves the old file and nothing beside it; a link stays a link")
  func broken() throws {
    struct Stop: Error {}
    try withFolder { folder in
      let (path, link) = (folder + "/features.npy", folder + "/link.npy")
      try DurableFile.write("old", to: path)
      do {
        var writer = try FileWriter(path)
        try writer.write(Array("half of the n".utf8))
        throw Stop()
      } catch is Stop {}
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["features.npy"])
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "features.npy")
      try DurableFile.write("new", to: link)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "features.npy")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    }
  }

  @Test("A folder appears only when it is committed")
  func commit() throws {
    try withFolder { folder in
      let target = folder + "/step-1"
      let new = try AtomicFolder(at: target)
      try DurableFile.write("{}", to: new.partialPath + "/state.json")
      #expect(!FileManager.default.fileExists(atPath: target))
      try new.commit()
      #expect(try FileManager.default.contentsOfDirectory(atPath: target) == ["state.json"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["step-1"])
    }
  }

  @Test("A folder that is not committed goes away, and a killed one's remains are replaced")
  func abandoned() throws {
    try withFolder { folder in
      do { _ = try AtomicFolder(at: folder + "/step-1") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
      try FileManager.default.createDirectory(
        atPath: folder + "/.step-1.partial", withIntermediateDirectories: false)
      try DurableFile.write("old", to: folder + "/.step-1.partial/old")
      let new = try AtomicFolder(at: folder + "/step-1/")
      try new.commit()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/step-1") == [])
    }
  }

  @Test("A folder of the same name is kept, unless replacing is asked for")
  func replacing() throws {
    try withFolder { folder in
      for text in ["first", "second"] {
        let new = try AtomicFolder(at: folder + "/step-1")
        try DurableFile.write(text, to: new.partialPath + "/text")
        try new.commit(replacing: text == "second")
      }
      #expect(throws: FileFailure.self) { try AtomicFolder(at: folder + "/step-1").commit() }
      #expect(try String(contentsOfFile: folder + "/step-1/text", encoding: .utf8) == "second")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["step-1"])
    }
  }
}
