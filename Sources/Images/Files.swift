import CEmanateCodecs

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Why a whole file could not be read.
package enum FileReadingError: Error {
  case system(String)
  case tooLarge(Int)
}

/// The system's words for the error a call just left.
package func systemErrorText(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

/// All bytes of the regular file at `path`, or of the content a link leads to.
package func readFile(_ path: FilePath, limit: Int) throws(FileReadingError) -> [UInt8] {
  // Not blocking: a named pipe must not hold the program up.
  let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
  guard descriptor >= 0 else { throw .system(systemErrorText()) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw .system(systemErrorText()) }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw .system(status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file")
  }
  let size = Int(status.st_size)
  guard size <= limit else { throw .tooLarge(size) }
  var failure: Int32 = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
    while filled < size {
      let got = read(descriptor, buffer.baseAddress! + filled, size - filled)
      if got < 0 && errno == EINTR { continue }
      if got < 0 { failure = errno }
      if got <= 0 { break }
      filled += got
    }
  }
  guard failure == 0 else { throw .system(systemErrorText(failure)) }
  return bytes
}

/// Writes `bytes` as the whole content of the file at `path`; nil when done, else the system's words.
package func writeFile(_ bytes: [UInt8], to path: String) -> String? {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { return systemErrorText() }
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, bytes.count - written) }
    if count < 0 && errno == EINTR { continue }
    if count <= 0 {
      let text = systemErrorText()
      close(descriptor)
      return text
    }
    written += count
  }
  return close(descriptor) == 0 ? nil : systemErrorText()
}

/// The content of a gzip file, or of a plain file as it is; nil and a reason where it cannot be had.
package func readGzipFile(_ path: String, limit: Int) -> (bytes: [UInt8]?, reason: String) {
  var out = emanate_encoded()
  defer { emanate_encoded_free(&out) }
  guard emanate_gunzip(path, limit, &out) == EMANATE_CODEC_DONE else {
    return (nil, messageText(out.message))
  }
  return (Array(UnsafeBufferPointer(start: out.bytes, count: out.count)), "")
}
