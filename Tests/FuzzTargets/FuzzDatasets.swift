import Datasets

/// Reads a labelled file twice: once every wrong row is an error, once such rows are skipped.
func fuzzTable(_ bytes: [UInt8], _ format: Layout.Format) {
    let strict = try? Dataset(bytes, path: "fuzz", format: format, layout: Layout(), labels: .detected)
    let lenient = try? Dataset(
        bytes, path: "fuzz", format: format, layout: Layout(onBadRow: .skip), labels: .detected)
    for data in [strict, lenient].compactMap({ $0 }) { check(data, bytes) }
    if let strict {
        precondition(strict.sources[0].badRows.count == 0, "a bad row was no error")
        precondition(
            lenient?.examples == strict.examples, "rows that are good are read otherwise if bad ones are skipped")
    }
}

/// Reads unlabelled lines.
func fuzzLines(_ bytes: [UInt8]) {
    guard let data = try? Dataset(bytes, path: "fuzz", format: .lines, layout: Layout(), labels: .none) else { return }
    check(data, bytes)
    if bytes.starts(with: [0x1F, 0x8B]) { return }
    let ends = bytes.count { $0 == UInt8(ascii: "\n") }
    precondition(data.examples.count == ends + (bytes.last == UInt8(ascii: "\n") ? 0 : 1), "a line is no text")
    precondition(data.examples.map(\.line).elementsEqual(1...data.examples.count), "a line has another number")
}

/// Inflates gzip data, which need not begin as such data must.
func fuzzGzip(_ bytes: [UInt8]) {
    fuzzLines([0x1F, 0x8B] + bytes)
    fuzzTable([0x1F, 0x8B] + bytes, .tsv)
}

private func check(_ data: Dataset, _ bytes: [UInt8]) {
    precondition(!data.examples.isEmpty, "data without examples is an error")
    precondition(data.sha256.utf8.count == 64, "no hash")
    let lines = data.examples.map(\.line)
    precondition(lines.allSatisfy { $0 >= 1 }, "lines are counted from 1")
    precondition(zip(lines, lines.dropFirst()).allSatisfy(<), "an example does not begin after the one before it")
}
