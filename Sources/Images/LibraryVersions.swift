import CEmanateCodecs

/// The versions of libpng, libdeflate and libjpeg that read and write images.
package func imageLibraryVersions() -> String {
  var text = [CChar](repeating: 0, count: Int(EMANATE_MESSAGE_BYTES))
  emanate_codec_versions(&text)
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
