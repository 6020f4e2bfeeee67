import Evaluation
import Testing

@Suite struct ClassificationReportTests {
    /// What scikit-learn's `classification_report` and `confusion_matrix` say of the same ids, to all digits. The third label
    /// is never predicted, the fourth never occurs.
    @Test func figuresAreThoseOfScikitLearn() {
        let actual = [0, 0, 0, 0, 1, 1, 1, 2, 2, 0]
        let predicted = [0, 0, 1, 0, 1, 0, 1, 1, 0, 0]
        let report = ClassificationReport(
            actual: .one(actual), predicted: .one(predicted), names: ["a", "b", "c", "d"])
        #expect(report.labels.map(\.label) == ["a", "b", "c"])
        #expect(report.labels.map(\.support) == [5, 3, 2])
        #expect(report.confusion == .pairs([[4, 1, 0], [1, 2, 0], [1, 1, 0]]))
        func equal(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-12 }
        #expect(equal(report.accuracy, 0.6))
        #expect(equal(report.labels[0].precision, 0.6666666666666666))
        #expect(equal(report.labels[0].recall, 0.8))
        #expect(equal(report.labels[0].f1, 0.7272727272727273))
        #expect(equal(report.labels[1].f1, 0.5714285714285714))
        #expect(equal(report.labels[2].precision, 0) && equal(report.labels[2].f1, 0))
        #expect(equal(report.macroF1, 0.43290043290043284))
        #expect(equal(report.weightedF1, 0.535064935064935))
    }
}
