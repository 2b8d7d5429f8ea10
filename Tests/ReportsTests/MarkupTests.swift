import EmanateReports
import Testing

@Suite("Markup")
struct MarkupTests {
  @Test("Text that is put into markup cannot become markup")
  func escapes() {
    let name = "<script>alert('x')</script> & \"quoted\""
    let cell: Markup = "<td title=\"\(name)\">\(name)</td>"
    #expect(cell.text.components(separatedBy: "<").count == 3)
    #expect(cell.text.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;"))
  }

  @Test("Other markup goes in as it is, nothing where there is none, and numbers short")
  func pieces() {
    let inner: Markup = "<b>\(3)</b>"
    let none: Markup? = nil
    let outer: Markup = "<i x=\"\(12.345)\" y=\"\(-0.04)\" z=\"\(-2.5)\">\(inner)\(none)</i>"
    #expect(outer.text == "<i x=\"12.3\" y=\"0\" z=\"-2.5\"><b>3</b></i>")
    #expect(Markup([inner, inner], separator: " ").text == "<b>3</b> <b>3</b>")
  }

  @Test("Control characters and those that turn the direction of writing are spelled out")
  func invisible() {
    let name: Markup = "\("a\u{0}b\u{202E}gnp.exe\u{1B}[31m\u{200B}é漢\u{E000}")"
    #expect(name.text == "a\\0b\\u{202E}gnp.exe\\u{1B}[31m\\u{200B}é漢\\u{E000}")
  }
}
