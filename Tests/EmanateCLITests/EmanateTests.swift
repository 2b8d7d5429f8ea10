import Foundation
import Testing

@Suite struct EmanateTests {
  @Test func `commands and options there are none of are refused with the nearest one`() throws {
    for (words, message) in [
      (["pretrian", "--data", "photos"], "there is no command `pretrian`; did you mean `pretrain`?"),
      (["dataset", "chek", "photos"], "there is no command `chek`; did you mean `check`?"),
      (["nosuch"], "there is no command `nosuch`"),
      (["pretrain", "--dat", "photos"], "`emanate pretrain` has no option `--dat`; did you mean `--data`?"),
      (
        ["knn", "--wieghts=x", "--data", "y"],
        "`emanate knn` has no option `--wieghts`; did you mean `--weights`?"
      ),
      (["pretrain", "--data", "photos"], "Missing expected argument '--out <out>': the run's folder"),
    ] {
      let refused = try Program.run(words)
      #expect(refused.status == 64 && refused.errors.hasPrefix("emanate: \(message)\n"), "\(refused.errors)")
    }
  }

  @Test func `in a file that takes both outputs, results and messages stand in the order they were said`()
    throws
  {
    try TwoClasses.inFolder(testing: 1) { folder in
      let command =
        #""$0" pretrain --data train --out run --dry-run --config pretrain/dino-resnet-fashion "#
        + "--set network.channels=2 --set head.prototypes=16 --set head.hidden=8 --set head.bottleneck=8 "
        + "--set training.batchSize=4 --set training.steps=3 2>&1"
      let tried = try Program.run(
        ["-c", command, Program.executable.path], in: folder, by: URL(filePath: "/bin/bash"))
      #expect(tried.status == 0, "\(tried.output)")
      let places = ["20 images, 5 steps of 4 an epoch", "some steps are tried", "Nothing was written."].map {
        tried.output.range(of: $0)?.lowerBound
      }
      #expect(places.allSatisfy { $0 != nil }, "\(tried.output)")
      #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
      #expect(!FileManager.default.fileExists(atPath: folder + "/run"))
    }
  }
}
