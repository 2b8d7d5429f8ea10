/// libFuzzer's entry: one text, which need not be UTF-8, to the recipes' reader.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard let text = String(validating: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self) else {
    return -1  // files are read as UTF-8: not for the corpus
  }
  if let broken = brokenProperty(ofRecipe: text) { fatalError(broken) }
  return 0
}
