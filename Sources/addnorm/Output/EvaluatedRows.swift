import Datasets
import Evaluation

/// Labelled texts and what a model computes of them: those of a file, of several files, or some of these.
struct EvaluatedRows {
    let computed: LabeledLogits
    private let datasets: [Dataset]
    /// The index of each row among the examples of all datasets.
    private let places: [Int]

    /// All rows of some files, and what was computed of each file.
    init(_ datasets: [Dataset], _ computed: [LabeledLogits]) {
        self.computed = computed.count == 1 ? computed[0] : LabeledLogits(joining: computed)
        self.datasets = datasets
        places = Array(0..<datasets.reduce(0) { $0 + $1.examples.count })
    }

    private init(_ whole: EvaluatedRows, _ indices: [Int]) {
        computed = whole.computed.part(indices)
        datasets = whole.datasets
        places = indices.map { whole.places[$0] }
    }

    /// The rows of each value of the column by which they are grouped, in the order of the values.
    func groups() -> [(value: String, rows: EvaluatedRows)] {
        Dictionary(grouping: places.indices) { self[$0].example.group ?? "" }
            .sorted { $0.key < $1.key }
            .map { ($0.key, EvaluatedRows(self, $0.value)) }
    }

    subscript(row: Int) -> (file: String, example: Example) {
        var place = places[row]
        for dataset in datasets {
            if place < dataset.examples.count {
                let example = dataset.examples[place]
                return (dataset.file(of: example), example)
            }
            place -= dataset.examples.count
        }
        preconditionFailure("no such row")
    }
}
