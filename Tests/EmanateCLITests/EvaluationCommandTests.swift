import Foundation
import Testing

@Suite struct EvaluationCommandTests {
  @Test("list prints a line each, and with --json an object of items")
  func list() throws {
    #expect(try Program.run(["list", "architectures"]).output.contains("vit_micro"))
    struct Listing: Decodable { let items: [String] }
    for (kind, item) in [
      ("methods", "dino"), ("recipes", "dino"), ("losses", "dino"), ("keys", "training.batchSize"),
    ] {
      let outcome = try Program.run(["list", kind, "--json"])
      #expect(try JSONDecoder().decode(Listing.self, from: Data(outcome.output.utf8)).items.contains(item))
    }
  }

  @Test(
    "Evaluation's errors say what and why on standard error, with the status of their kind",
    arguments: [
      (["features", "--weights", "random", "--data", ".", "--out", "a.txt"], 64, "a.txt"),
      (["features", "--weights", "nowhere", "--data", "/nowhere", "--out", "a.npy"], 65, "/nowhere"),
      (["knn", "--weights", "random", "--train", "a"], 64, "--test"),
      (["knn", "--weights", "random", "--data", "a", "--test-share", "1"], 64, "--test-share"),
      (["knn", "--weights", "random", "--data", "a", "--k", "0"], 64, "--k"),
      (["linear-probe", "--weights", "random", "--data", "a", "--epochs", "0"], 64, "--epochs"),
      (["dataset", "fashion-mnist", "--out", "a", "--source", "/nowhere"], 74, "/nowhere"),
      (["dataset", "fashion-mnist", "--out", "a", "--limit", "0"], 64, "--limit"),
      (["list", "nonsense"], 64, "nonsense"),
    ] as [([String], Int32, String)])
  func errors(arguments: [String], status: Int32, part: String) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == status)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("emanate: ") && outcome.errors.contains(part))
  }
}
