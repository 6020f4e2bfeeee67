import ArgumentParser
import Datasets
import Foundation
import Transformer

/// How input files are read.
struct LayoutOptions: ParsableArguments {
    @Option(
        help: """
            The format of the input: columns between tabs (tsv) or commas (csv), a JSON object on each line (jsonl), a folder \
            for each label with a file for each text (folder), or one text on each line (lines). What is compressed with gzip \
            is inflated. (default: folder if it is one, else by the ending, before .gz if there is that: .tsv, .csv, .jsonl or \
            .ndjson, else lines)
            """)
    var format: Layout.Format?

    @Option(
        help: ArgumentHelp(
            """
            The column of the text: a name of the header, a number from 1, or a key of JSON. Given several times, the columns \
            are joined with a space. (default: text, sentence, review or content; without a header, the first of a TSV file)
            """, valueName: "column"))
    var textColumn: [Layout.Column] = []

    @Option(
        help: ArgumentHelp(
            """
            The column of a second text that is read together with the first, as a hypothesis or an answer is. (default: text_pair, \
            if there is one)
            """, valueName: "column"))
    var textPairColumn: Layout.Column?

    @Option(
        help: ArgumentHelp(
            """
            The column of the label, in the same way. (default: label, sentiment, class or category; without a header, the \
            second of a TSV file)
            """, valueName: "column"))
    var labelColumn: Layout.Column?

    @Option(
        help: ArgumentHelp(
            """
            New names for labels: 1=bad,2=bad,5=good. Rows whose label gets an empty name (3=) are left out; of a text with \
            several labels, only that label. Can be given several times.
            """, valueName: "old=new,…"))
    var labelMap: [LabelMap] = []

    @Option(
        help: """
            What becomes of a row that is wrong: it is an error, or it is skipped and counted (skip), or, of 'predict', it is answered by \
            what is wrong (keep), so that every row has its answer.
            """)
    var onBadRow = BadRowPolicy.error

    var layout: Layout {
        Layout(
            format: format, textColumns: textColumn, textPairColumn: textPairColumn, labelColumn: labelColumn,
            labelMap: Dictionary(labelMap.flatMap(\.names)) { first, _ in first }, onBadRow: onBadRow)
    }

    /// How texts are read for a model, which may read pairs or may not.
    ///
    /// - Throws: an error if the options say otherwise.
    func layout(for model: InferenceSettings) throws -> Layout {
        var layout = model.readsPairs == false ? try layoutOfSingleTexts(for: "The model was trained with") : layout
        if model.readsPairs == true { layout.secondText = .needed }
        return layout
    }

    /// How single texts are read; a second text beside them is passed over.
    ///
    /// - Parameter reader: who reads these, for the error
    /// - Throws: an error if the options say otherwise.
    func layoutOfSingleTexts(for reader: String) throws -> Layout {
        if textPairColumn != nil { throw ValidationError("\(reader) single texts: leave --text-pair-column out.") }
        var layout = layout
        layout.secondText = .ignored
        return layout
    }

    func validate() throws {
        var seen: Set<String> = []
        for (old, _) in labelMap.flatMap(\.names) where !seen.insert(old).inserted {
            throw ValidationError("--label-map has the label '\(old)' twice.")
        }
    }
}

/// New names of labels, as a user writes them: `old=new,…`
struct LabelMap: ExpressibleByArgument {
    let names: [(old: String, new: String)]

    init?(argument: String) {
        var names: [(old: String, new: String)] = []
        for entry in argument.split(separator: ",", omittingEmptySubsequences: false) {
            // The last sign, because a label can have one.
            guard let sign = entry.lastIndex(of: "=") else { return nil }
            let old = entry[..<sign].trimmingCharacters(in: .whitespaces)
            if old.isEmpty { return nil }
            names.append((old, entry[entry.index(after: sign)...].trimmingCharacters(in: .whitespaces)))
        }
        self.names = names
    }
}

extension Layout.Format: ExpressibleByArgument {}
extension BadRowPolicy: ExpressibleByArgument {}
extension Layout.Column: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
