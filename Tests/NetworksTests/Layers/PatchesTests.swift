import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

@Suite struct PatchesTests {
  @Test func `patches run row by row, and each is a flattened convolution window`() {
    let images = Tensor((0..<2 * 3 * 4 * 4).map(Float.init), [2, 3, 4, 4])
    let rows = patchRows(of: images, patch: 2)
    #expect(rows.shape == [2, 4, 12])
    // Sample 1, patch 1 (upper right): channels 0, 1, 2 start at 48, 64, 80.
    #expect(rows.array[5 * 12..<6 * 12] == [50, 51, 54, 55, 66, 67, 70, 71, 82, 83, 86, 87])
  }

  @Test func `every pixel is in one patch`() {
    let images = Tensor((0..<3 * 36).map(Float.init), [1, 3, 6, 6])
    #expect(patchRows(of: images, patch: 3).array.sorted() == images.array)
  }
}
