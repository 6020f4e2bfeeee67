import Datasets
import Kernels
import Transformer

/// The indices of texts that are the same but for case and white space, where there are at least two; the groups in the order of
/// their first texts. Texts without a visible character are not compared.
///
/// - Complexity: O(*n* log *n*); what is kept of a text is a number.
///
/// - Parameter isNear: whether texts are the same also if other characters than letters and digits differ, or links and names of users
package func groupsOfSameTexts(_ texts: [String], isNear: Bool = false, on workers: Workers) -> [[Int]] {
    func key(_ place: Int) -> String {
        let text = comparable(texts[place])
        return isNear ? text.nearlyComparable : text
    }
    let hashes = workers.map(texts.count) { key($0).hashValue }
    let order = texts.indices.sorted { (hashes[$0], $0) < (hashes[$1], $1) }
    var groups: [[Int]] = []
    var rest = order[...]
    while let first = rest.first {
        let run = rest.prefix { hashes[$0] == hashes[first] }
        rest = rest.dropFirst(run.count)
        // Different texts can have the same hash.
        if run.count > 1 {
            groups +=
                Dictionary(grouping: run, by: key)
                .filter { !$0.key.isEmpty && $0.value.count > 1 }.values
        }
    }
    return groups.sorted { $0[0] < $1[0] }
}

extension TrainingData {
    /// What a model is trained with.
    package init(_ data: Dataset, labelMap: [String: String], on workers: Workers) {
        self.init(
            files: data.bySource.map { File(sha256: $0.data.sha256, examples: $0.places.count) }, labelMap: labelMap,
            textHashes: textHashes(of: data, on: workers))
    }

    /// How many texts of each of other data are among those that the model was trained with.
    package func countsOfTexts(in data: [Dataset], on workers: Workers) -> [Int] {
        let hashes = hashes
        return data.map { textHashes(of: $0, on: workers).count(where: hashes.contains) }
    }
}

/// The beginning of the SHA-256 of each text, without what does not count when texts are compared; of texts without a visible character there is none.
private func textHashes(of data: Dataset, on workers: Workers) -> [UInt64] {
    workers.map(data.examples.count) { index -> UInt64? in
        let text = comparable(data.examples[index].input.joined)
        return text.isEmpty ? nil : UInt64(sha256(of: Array(text.utf8)).prefix(16), radix: 16)
    }.compactMap { $0 }
}

extension String {
    /// Its words without links, names of users, entities of HTML, and what is neither a letter nor a digit.
    fileprivate var nearlyComparable: String {
        split(separator: " ").filter { !$0.hasPrefix("http") && !$0.hasPrefix("@") }.map { word in
            // Most words have no entity, and looking for one takes time.
            let text =
                word.utf8.contains(UInt8(ascii: "&")) ? word.replacing(/&[a-z]+;|&#x?[0-9a-f]+;/, with: "") : word
            return String(
                String.UnicodeScalarView(
                    text.unicodeScalars.filter { $0.properties.isAlphabetic || $0.properties.numericType != nil }))
        }.filter { !$0.isEmpty }.joined(separator: " ")
    }
}

/// A text without what does not count when texts are compared.
package func comparable(_ text: String) -> String {
    text.lowercased().unicodeScalars.split(whereSeparator: isWhiteSpace).map(String.init).joined(separator: " ")
}

package func isWhiteSpace(_ scalar: Unicode.Scalar) -> Bool {
    // The table of properties takes most of the time of a report.
    scalar.isASCII ? scalar == " " || (9...13).contains(scalar.value) : scalar.properties.isWhitespace
}
