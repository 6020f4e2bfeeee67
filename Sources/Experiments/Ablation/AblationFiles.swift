import Foundation
import Reports
import Transformer

/// The files of a report: a page, each picture, and all numbers as CSV.
package struct AblationFiles {
    private let page: Report
    private let tables: [(name: String, text: String)]

    package init(_ results: AblationResults) {
        page = results.report
        var tables = [("signals.csv", results.signalsTable), ("range.csv", Self.table(results.range))]
        tables.append(("results.csv", Self.table(results.results)))
        tables.append(("losses.csv", Self.losses(results.range + results.results)))
        self.tables = tables.filter { $0.1.contains("\n") }.map { (name: $0.0, text: $0.1 + "\n") }
    }

    package init(_ lesions: LesionStudy) {
        page = lesions.report
        let rows = lesions.results.map { one in
            "\(one.lesion.layer + 1),\(one.lesion.step.rawValue),\(one.lesion.target.rawValue),\(one.accuracy),\(one.onlyWhole),\(one.onlyLesioned),\(one.p)"
        }
        tables = [
            (
                "lesions.csv",
                (["layer,step,target,accuracy,only_whole,only_lesioned,p"] + rows).joined(separator: "\n") + "\n"
            )
        ]
    }

    /// Checks, before any work is done, that the files can be written.
    ///
    /// - Throws: ``AblationFilesError`` if one is there already, and `overwrite` is false.
    package static func check(_ folder: URL, overwrite: Bool) throws {
        let files = FileManager.default
        var isDirectory = false
        if files.fileExists(atPath: folder.path, isDirectory: &isDirectory) {
            guard isDirectory else { throw AblationFilesError("\(folder.path): is no folder; choose another --output") }
            if files.fileExists(atPath: folder.appending(path: "index.html").path) && !overwrite {
                throw AblationFilesError(
                    "\(folder.path): an index.html is there already; choose another --output, or replace it with --overwrite"
                )
            }
        }
        do {
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw AblationFilesError("\(folder.path): cannot be made: \(error.localizedDescription)")
        }
    }

    /// Writes all files, each whole or not at all.
    ///
    /// - Throws: ``AblationFilesError`` that says what the file system said.
    package func write(to folder: URL) throws {
        let files =
            [(name: "index.html", text: page.html)] + tables + page.pictures.map { (name: $0.name, text: $0.svg) }
        for (name, text) in files {
            let file = folder.appending(path: name)
            do {
                try replaceFile(at: file, with: Data(text.utf8))
            } catch {
                throw AblationFilesError("\(file.path): cannot be written: \(error.localizedDescription)")
            }
        }
    }

    private static func table(_ outcomes: [AblationOutcome]) -> String {
        let rows = outcomes.map { one in
            let cell = one.cell
            return
                "\(cell.variant),\(cell.depth),\(cell.learningRate),\(cell.warmupRatio),\(cell.seed),\(cell.steps),\(one.outcome.rawValue),"
                + "\(one.finalLoss.map { "\($0)" } ?? ""),\(one.accuracy.map { "\($0)" } ?? ""),\(one.run)"
        }
        return (["variant,layers,learning_rate,warmup_ratio,seed,steps,outcome,final_loss,accuracy,run"] + rows)
            .joined(separator: "\n")
    }

    private static func losses(_ outcomes: [AblationOutcome]) -> String {
        let rows = outcomes.flatMap { one in
            one.losses.enumerated().map { "\(one.run),\($0 + 1),\($1)" }
        }
        return (["run,step,loss"] + rows).joined(separator: "\n")
    }
}

extension AblationResults {
    fileprivate var signalsTable: String {
        let rows = signals.flatMap { one in
            one.layers.enumerated().map { layer, signal in
                "\(one.variant),\(one.depth),\(layer + 1),\(signal.gradientNorm),\(signal.hiddenGradientNorm),\(signal.variance),\(signal.cosine)"
            }
        }
        return (["variant,layers,layer,gradient_norm,hidden_gradient_norm,variance,cosine"] + rows).joined(
            separator: "\n")
    }
}

/// Why a report cannot be written.
package struct AblationFilesError: LocalizedError, CustomStringConvertible {
    package let description: String
    package var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}
