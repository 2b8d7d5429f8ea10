import EmanateTensors
import Foundation
import Testing
import TestSupport

/// The numbers that Swift and Python must agree on before any golden value means something.
struct HashFillTests {
  struct Agreed: Decodable {
    struct Parameter: Decodable {
      let shape: [Int]
      let values: [Float]
    }
    let filled: [String: [Float]]
    let parameters: [String: Parameter]
    let placesOf192: [String: [Int]]
  }

  let agreed: Agreed

  init() throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appending(path: "Golden/parity/hash_fill.json")
    agreed = try JSONDecoder().decode(Agreed.self, from: Data(contentsOf: file))
  }

  @Test("A name gives the numbers that Python gives it")
  func numbers() {
    #expect(agreed.filled.count == 3)
    for (name, values) in agreed.filled { #expect(hashFilled(name, [4]).array == values, "\(name)") }
  }

  @Test("A parameter's scale and offset follow from its name and shape as in Python")
  func parameters() {
    #expect(agreed.parameters.count == 8)
    for (name, parameter) in agreed.parameters {
      #expect(hashFilledParameter(name, Shape(parameter.shape)).array == parameter.values, "\(name)")
    }
  }

  @Test("The places kept of a large tensor are those that Python keeps")
  func places() {
    for (name, places) in agreed.placesOf192 {
      #expect(hashedPlaces(name, count: 192, places: places.count) == places, "\(name)")
    }
  }
}
