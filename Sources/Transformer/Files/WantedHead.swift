/// What the classifier on top of a pretrained model is to be trained for.
package struct WantedHead {
    /// Of the training data.
    let labels: [String]
    let problemType: Configuration.ProblemType
    /// Whether the one that is there is replaced even if it knows all labels.
    let isNew: Bool

    package init(
        labels: [String], problemType: Configuration.ProblemType = .singleLabel, isNew: Bool = false
    ) {
        (self.labels, self.problemType, self.isNew) = (labels, problemType, isNew)
    }
}
